"""One connection to the server of the counters, kept up: calls go out in the order in which they are made, those of one
turn of the loop together, and answers are matched by their order.

When the connection is lost, whatever has no answer is sent again on the next one, in its order: every call may come
twice, since the server knows it by its id. A call that somebody waits for fails after `patience`; the others wait for
as long as it takes.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import hiredis
from msgspec import Struct

from tollkeeper.store.valkey.address import Address
from tollkeeper.store.valkey.errors import CountersUnavailable
from tollkeeper.store.valkey.library import LIBRARY
from tollkeeper.store.valkey.protocol import ServerProtocol, bulk, command

_RETRY_AFTER = (0.02, 0.05, 0.1, 0.2)
"""Seconds until the connection is tried again; the last for ever."""
_AWAY = ("READONLY", "LOADING", "MASTERDOWN", "OOM", "NOREPLICAS", "MISCONF", "BUSY", "NOAUTH", "NOPERM")
"""Errors of a server that may execute no call now."""
_FLUSHED = "ERR Function"
"""Error of a server that has lost the functions: they are loaded with the next connection."""


class Call(Struct, eq=False):
    """A call of a function of the library on a place. `head` is its command up to the place's key, `tail` what follows
    the epoch; `epoch` is another one than the link's, as a loader has. `answer`: who waits for the answer; None:
    nobody. `undo` is called where none comes in time."""

    place: bytes
    head: bytes
    tail: bytes
    answer: asyncio.Future[Any] | None = None
    undo: Callable[[], None] | None = None
    epoch: bytes = b""
    deadline: float = 0
    sent: float = 0
    given_up: bool = False

    def answered(self, answer: Any) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Give the call up: its answer will be ignored."""
        self.given_up = True
        if self.answer is None:
            return
        if not self.answer.done():
            self.answer.set_exception(error)
        if self.undo is not None:
            self.undo()


class Link:
    """`answered` is called with each call and its answer. `patience`: seconds within which an awaited call is answered
    or fails."""

    def __init__(self, address: Address, answered: Callable[[Call, Any], None], *, patience: float = 0.25) -> None:
        self._answered = answered
        self._address = address
        self._patience = patience
        self._loop: asyncio.AbstractEventLoop
        self._protocol: ServerProtocol | None = None
        self._epoch = b""
        self._unsent: list[Call] = []
        self._unanswered: deque[Call] = deque()
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self._down_since: float | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._last_error: BaseException | None = None
        self._up, self._idle = asyncio.Event(), asyncio.Event()
        self._closing = self._closed = False
        self.faults = 0
        """Calls that the server refused, and that will never be executed."""

    def __repr__(self) -> str:
        state = "up" if self._protocol else "down"
        return f"Link({self._address!r}, {state}, {len(self._unsent) + len(self._unanswered)} calls)"

    @property
    def epoch(self) -> bytes:
        """The identity of the server's data: its run and its replication id. Counters of another one are unknown."""
        return self._epoch

    async def open(self) -> None:
        """Connect. Raises CountersUnavailable where that takes too long; it is tried further until `close`."""
        self._loop = asyncio.get_running_loop()
        self._down_since = self._loop.time()
        self._connecting = self._loop.create_task(self._keep_connecting())
        try:
            async with asyncio.timeout(4 * self._patience):
                await self._up.wait()
        except TimeoutError:
            raise self._unavailable() from None

    async def close(self) -> None:
        """Wait for the answers that are on their way, for `patience` at most, and disconnect."""
        self._closing = True
        if self._protocol is not None and (self._unsent or self._unanswered):
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience):
                    await self._idle.wait()
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        if self._protocol is not None:
            self._protocol.abort()
            await asyncio.sleep(0)

    def send(self, call: Call) -> None:
        """Send a call with the others of this turn of the loop. Raises CountersUnavailable where it is awaited and the
        server has been away for longer than `patience`."""
        now = self._loop.time()
        if call.answer is not None and self._down_since is not None and now - self._down_since > self._patience:
            raise self._unavailable()
        call.deadline = now + self._patience
        self._unsent.append(call)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)
            if self._timer is None:
                self._timer = self._loop.call_at(call.deadline, self._check)

    def _flush(self) -> None:
        self._flushing = False
        if self._protocol is None:
            return
        parts: list[bytes] = []
        epoch, now = bulk(self._epoch), self._loop.time()
        for call in self._unsent:
            call.sent = now
            parts += (call.head, bulk(call.epoch) if call.epoch else epoch, call.tail)
        self._unanswered += self._unsent
        self._unsent.clear()
        self._protocol.write(b"".join(parts))

    def _answers(self, answers: list[Any]) -> None:
        for answer in answers:
            if isinstance(answer, hiredis.ReplyError):
                if str(answer).startswith((_FLUSHED, *_AWAY)):
                    self._last_error = answer
                    self._drop_connection(0 if str(answer).startswith(_FLUSHED) else _RETRY_AFTER[-1])
                    return
                self._fault(self._unanswered.popleft(), answer)
            else:
                call = self._unanswered.popleft()
                if not call.given_up:
                    self._answered(call, answer)
        if self._closing and not (self._unanswered or self._unsent):
            self._idle.set()

    def _fault(self, call: Call, error: Exception) -> None:
        """The server refused one call, as where somebody else wrote to the place: only that call fails."""
        self.faults += 1
        self._last_error = error
        if not call.given_up:
            call.fail(self._unavailable())

    def _check(self) -> None:
        """Let calls fail that waited for too long; and the connection where the server owes an answer for as long."""
        self._timer = None
        now = self._loop.time()
        for call in [*self._unanswered, *self._unsent]:
            if call.answer is not None and not call.given_up and call.deadline <= now:
                call.fail(self._unavailable())
        if self._unanswered and self._unanswered[0].sent + self._patience <= now:
            self._drop_connection()
        self._unsent = [call for call in self._unsent if not call.given_up]
        self._watch()

    def _watch(self) -> None:
        """See to it that `_check` is called when there is something for it to do."""
        if self._timer is not None or self._closed:
            return
        moments = [call.deadline for call in (*self._unanswered, *self._unsent) if call.answer and not call.given_up]
        if self._unanswered:
            moments.append(self._unanswered[0].sent + self._patience)
        if moments:
            self._timer = self._loop.call_at(min(moments), self._check)

    def _unavailable(self) -> CountersUnavailable:
        why = f": {self._last_error}" if self._last_error else ""
        return CountersUnavailable(f"The server of the counters does not answer{why}")

    def _drop_connection(self, retry_after: float = 0) -> None:
        if self._protocol is not None:
            self._protocol.abort()
            self._lost(self._protocol, retry_after)

    def _lost(self, protocol: ServerProtocol, retry_after: float = 0) -> None:
        if protocol is not self._protocol or self._closed:
            return
        self._protocol = None
        self._down_since = self._loop.time()
        # Answers that still come from it are nobody's.
        protocol.on_answers = lambda _: None
        self._unsent[:0] = [call for call in self._unanswered if not call.given_up]
        self._unanswered.clear()
        self._watch()
        self._connecting = self._loop.create_task(self._keep_connecting(retry_after))

    async def _keep_connecting(self, after: float = 0) -> None:
        await asyncio.sleep(after)
        tries = 0
        while True:
            try:
                async with asyncio.timeout(4 * self._patience):
                    await self._connect()
            except (OSError, TimeoutError, hiredis.HiredisError, EOFError) as error:
                self._last_error = error
            else:
                return
            await asyncio.sleep(_RETRY_AFTER[min(tries, len(_RETRY_AFTER) - 1)])
            tries += 1

    async def _connect(self) -> None:
        address = self._address
        answers: asyncio.Queue[Any] = asyncio.Queue()

        def arrived(found: list[Any]) -> None:
            for answer in found:
                answers.put_nowait(answer)

        def lost() -> None:
            answers.put_nowait(EOFError("the connection was closed"))
            self._lost(protocol)

        protocol = ServerProtocol(arrived, lost)

        async def ask(*words: bytes | str | int) -> Any:
            protocol.write(command(*words))
            answer = await answers.get()
            if isinstance(answer, BaseException):
                raise answer
            return answer

        if address.path is not None:
            transport, _ = await self._loop.create_unix_connection(lambda: protocol, address.path)
        else:
            transport, _ = await self._loop.create_connection(
                lambda: protocol, address.host, address.port, ssl=address.ssl_context
            )
            # What is aborted must not arrive later.
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        try:
            if address.password:
                await ask("AUTH", *([address.user] if address.user else []), address.password)
            if address.database:
                await ask("SELECT", address.database)
            epoch = epoch_in(await ask("INFO", "server"), await ask("INFO", "replication"))
            try:
                await ask("FUNCTION", "LOAD", LIBRARY)
            except hiredis.ReplyError as error:
                if "already exists" not in str(error):
                    raise
        except BaseException:
            protocol.abort()
            raise
        protocol.on_answers = self._answers
        self._epoch = epoch
        self._protocol, self._down_since, self._last_error = protocol, None, None
        self._up.set()
        self._flush()
        self._watch()


def epoch_in(server: bytes, replication: bytes) -> bytes:
    """The identity of a primary's data, from what INFO says. Raises OSError where it is a replica."""
    found = dict(line.split(b":", 1) for line in (server + b"\r\n" + replication).splitlines() if b":" in line)
    if found[b"role"] != b"master":
        raise OSError("it is a replica")
    return found[b"run_id"][:20] + found[b"master_replid"][:20]
