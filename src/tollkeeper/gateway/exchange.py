"""One request and its answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tollkeeper.gateway.answers import EVENT_STREAM, Headers, error_answer, response_head
from tollkeeper.rules.errors import (
    GatewayError,
    InvalidKey,
    RequestTimeout,
    RequestTooLarge,
    ServerOverloaded,
)
from tollkeeper.services.cookies import caller_by_cookie
from tollkeeper.services.directory import Caller, Directory
from tollkeeper.services.runs import Run
from tollkeeper.wire.openai import shape_error
from tollkeeper.wire.sse import as_event

if TYPE_CHECKING:
    from tollkeeper.gateway.protocol import Connection

_PIECE = 262_144
LINGER = 1.0
"""Seconds that an answer is read on after its client left, once the finish reason was relayed."""
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BODILESS = frozenset({204, 304})


class ClientGone(Exception):
    """The client left before its request was whole; nobody waits for an answer."""


class Bodies:
    """Bytes of request bodies in memory, bounded in all."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def __repr__(self) -> str:
        return f"Bodies({self.held} of {self.limit} bytes)"

    def take(self, size: int) -> None:
        if self.held + size > self.limit:
            raise ServerOverloaded("Too many large requests are in memory. Try again soon.", retry_after=1)
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size


class Exchange:
    """`path` is decoded, `raw_path` as it came; `headers` are by lower-case name, `all_headers` in their order, those
    that came more than once too. Whoever let the request in sets `secret_in_path`, the key that the path held, and
    `extra`, headers for whatever the answer is.

    `created_at` is milliseconds since the epoch, the moment in `request_id`.
    """

    __slots__ = (
        "_bodies",
        "_body_bytes",
        "_chunked",
        "_connection",
        "_deadline",
        "_last_call",
        "_parts",
        "_request_id",
        "_streaming",
        "_unread",
        "_waiter",
        "_watched",
        "all_headers",
        "complete",
        "created_at",
        "cut",
        "extra",
        "gone",
        "headers",
        "keep_alive",
        "method",
        "more_body",
        "path",
        "query",
        "raw_path",
        "reads_on",
        "run",
        "secret_in_path",
        "started",
        "stays",
        "task",
        "version",
    )

    task: asyncio.Task[None]
    """What answers it; the connection sets it."""

    def __init__(
        self,
        connection: Connection,
        method: str,
        path: str,
        raw_path: bytes,
        query: bytes,
        headers: Headers,
        version: str,
        *,
        keep_alive: bool,
    ) -> None:
        self._connection = connection
        self.method = method
        self.path = path
        self.raw_path = raw_path
        self.query = query
        self.all_headers = headers
        self.headers = dict(headers)
        self.version = version
        self.keep_alive = keep_alive
        self.secret_in_path: str | None = None
        self.extra: Headers = []
        self._parts: list[bytes] = []
        self._unread = 0
        self.more_body = True
        """Whether some of the body has not come yet."""
        self._waiter: asyncio.Future[None] | None = None
        self._deadline: float | None = None
        self._body_bytes = 0
        self._bodies: Bodies | None = None
        self._watched = False
        self._streaming = self._chunked = False
        self._last_call: asyncio.TimerHandle | None = None
        self._request_id: str | None = None
        self.created_at = connection.door.now()
        self.started = False
        """Whether the head of the answer was written."""
        self.complete = False
        """Whether all of the answer was."""
        self.gone = False
        self.run: Run | None = None
        self.reads_on = False
        """Set once the finish reason was relayed: a client that leaves then does not cancel at once."""
        self.stays = False
        """Set when the answer is to be read to its end whoever leaves: it is charged anyway."""
        self.cut: GatewayError | None = None
        """Why the operator ended this exchange."""

    def __repr__(self) -> str:
        return f"Exchange({self.request_id}, started={self.started}, gone={self.gone}, cut={self.cut!r})"

    # Life

    @property
    def request_id(self) -> str:
        if self._request_id is None:
            self._request_id = self._connection.door.mint(self.created_at)
        return self._request_id

    @property
    def peer(self) -> tuple[str, int] | None:
        """The address at the other end of the connection."""
        return self._connection.peer

    @property
    def local(self) -> tuple[str, int] | None:
        """The address at this end."""
        return self._connection.local

    def watch(self) -> None:
        """The body is there; from now on this task is cancelled when the client goes away."""
        self._watched = True
        if self.gone:
            self.task.cancel()
        # Reading stops at each large piece of a body, and a connection that is not read never tells of its end.
        self._connection.resume_reading()

    def arrive(self) -> None:
        """The request is whole, and of this moment: what limits count of it, they count from now on."""
        now = self._connection.door.now()
        if now != self.created_at:
            self.created_at = now
            self._request_id = None

    def close(self) -> None:
        """The exchange is over; a client that leaves from now on is nobody's business."""
        self._watched = False
        if self._last_call is not None:
            self._last_call.cancel()
        if self._bodies is not None:
            self._bodies.give_back(self._body_bytes)
        self._connection.ended(self)

    def end_with(self, error: GatewayError) -> None:
        """End it from outside: the client is told `error`."""
        if self.cut is None:
            self.cut = error
            self.task.cancel()

    # What the connection tells

    def feed(self, data: bytes) -> int:
        """A piece of the body. Gives how many bytes of it nobody has read yet."""
        if self.complete:
            return 0  # nobody will
        self._parts.append(data)
        self._unread += len(data)
        self._wake()
        return self._unread

    def feed_end(self) -> None:
        """The body is whole."""
        self.more_body = False
        self._wake()

    def lost(self) -> None:
        """The client went away."""
        self.gone = True
        self._wake()
        if not self._watched or self.stays:
            return
        if self.reads_on:
            self._last_call = self._connection.loop.call_later(LINGER, self.task.cancel)
        else:
            self.task.cancel()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._connection.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # The request

    def secret(self) -> str | None:
        """The one key that the request carries, if it does. Raises InvalidKey when it carries two that differ."""
        found: set[str] = set()
        if self.secret_in_path is not None:
            found.add(self.secret_in_path)
        for name, value in self.all_headers:
            if name == b"authorization":
                scheme, _, secret = value.decode("latin-1").partition(" ")
                if scheme.lower() != "bearer":
                    raise InvalidKey("The Authorization header is not of the form 'Bearer <key>'.")
                found.add(secret.strip())
            elif name == b"x-api-key":
                found.add(value.decode("latin-1").strip())
        if len(found) > 1:
            raise InvalidKey("The request carries two keys that differ. Send one.")
        return found.pop() if found else None

    def caller(self, accounts: Directory) -> Caller:
        """Who asks: by a key or, where there is none, by the cookie of a session. Raises InvalidKey, NotSignedIn,
        AccountSuspended, Forbidden."""
        secret = self.secret()
        if secret is not None:
            return accounts.identify(secret)
        caller = caller_by_cookie(accounts, self.method, self.all_headers, guarded=True)
        if caller is None:
            raise InvalidKey("No key was sent. Send 'Authorization: Bearer <key>'.")
        return caller

    async def read(self) -> bytes:
        """What came of the body since the last call; b"" once all of it was read. It must come before its deadline.
        Raises RequestTimeout, ClientGone."""
        if not self._parts and self.more_body:
            await self._await_piece()
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._unread = 0
        return data

    async def _await_piece(self) -> None:
        connection = self._connection
        if self._deadline is None:
            self._deadline = connection.loop.time() + connection.door.body_timeout
            asks = self.version == "1.1" and self.headers.get(b"expect", b"").lower() == b"100-continue"
            if asks and not (self.started or self.gone):  # HTTP/1.0 knows no answer before the answer
                connection.transport.write(_CONTINUE)
        try:
            async with asyncio.timeout_at(self._deadline):
                while not self._parts and self.more_body:
                    if self.gone:
                        raise ClientGone
                    connection.resume_reading()
                    await self._wait()
        except TimeoutError:
            raise RequestTimeout("The body of the request did not come in time. Send it whole.") from None

    async def left(self) -> None:
        """Wait until the client has left, or its answer is complete."""
        while not (self.gone or self.complete):
            self._connection.resume_reading()  # what is not read never tells of its end
            await self._wait()

    async def body(self, *, limit: int, bodies: Bodies) -> bytes:
        """The whole body, kept in account until the exchange is over.

        Raises RequestTooLarge, RequestTimeout, ServerOverloaded, ClientGone.
        """
        declared = self.headers.get(b"content-length")
        if declared is not None and b"expect" in self.headers and int(declared) > limit:
            raise _too_large(limit)  # it asks before it sends
        self._bodies = bodies
        parts: list[bytes] = []
        while part := await self.read():
            if self._body_bytes + len(part) > limit:
                await self._drain(limit)
                raise _too_large(limit)
            self.hold(len(part))
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def hold(self, size: int) -> None:
        """Account for `size` more bytes that this exchange keeps in memory. Raises ServerOverloaded."""
        if self._bodies is not None and size > 0:
            self._bodies.take(size)
            self._body_bytes += size

    async def _drain(self, limit: int) -> None:
        """Read on a while and drop it: a client that is cut off while it writes never sees our answer."""
        dropped = 0
        while dropped < 2 * limit and (part := await self.read()):
            dropped += len(part)

    # The answer

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send one whole answer."""
        head = self._head(status, headers, None if status in _BODILESS else len(body))
        if self.method == "HEAD":
            body = b""
        if len(body) <= _PIECE and not self.gone:
            self._connection.transport.write(head + body)
        elif not self.gone:
            self._connection.transport.write(head)
            await self.content(body)
        self._finish()

    def begin(self, status: int, headers: Headers, length: int | None = None) -> None:
        """Send the head of an answer whose content follows: `length` bytes of it, or None: until `end`, in chunks, or
        up to the end of the connection where the client is of HTTP/1.0, whose connections are not kept."""
        framed = length is not None or status in _BODILESS or self.method == "HEAD"
        self._chunked = not framed and self.version == "1.1"
        if self._chunked:
            headers = [*headers, (b"transfer-encoding", b"chunked")]
        head = self._head(status, headers, length)
        if not self.gone:
            self._connection.transport.write(head)

    def push(self, data: bytes) -> bool:
        """Send a piece of the content of an answer that was begun. False: before the next, wait for `drained`."""
        if self.gone or not data or self.method == "HEAD":
            return True
        connection = self._connection
        connection.transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
        return not connection.write_paused

    async def content(self, data: bytes) -> None:
        """Send content of any size, in pieces, each when the client has taken enough of those before."""
        for start in range(0, len(data), _PIECE):
            await self.drained()
            self.push(data[start : start + _PIECE] if len(data) > _PIECE else data)

    async def drained(self) -> None:
        """Wait until the client has taken enough of what was sent; one that takes nothing for long is cut off."""
        connection = self._connection
        if not connection.write_paused:
            return
        try:
            async with asyncio.timeout(connection.door.stall_timeout):
                await connection.drained()
        except TimeoutError:
            self.gone = True
            connection.abort()
            self.task.cancel()  # as if it had left
            await asyncio.sleep(0)

    def end(self) -> None:
        """Send the end of an answer that was begun."""
        if self._chunked and not self.gone:
            self._connection.transport.write(b"0\r\n\r\n")
        self._finish()

    def stream(self, events: bytes, headers: Headers) -> bool:
        """Send events, and the head of the answer before the first. False: before the next, wait for `drained`."""
        if not self.started:
            self._streaming = True
            self.begin(
                200,
                [
                    (b"content-type", EVENT_STREAM),
                    (b"cache-control", b"no-cache"),
                    (b"x-accel-buffering", b"no"),  # nginx would gather events otherwise
                    *headers,
                ],
            )
        return self.push(events)

    async def fail(self, error: GatewayError) -> None:
        """Tell the client of an error, in whichever way is left."""
        if self.gone:
            return
        if self._streaming:
            self.push(as_event(shape_error(error)))
            self.end()
        elif self.started:
            self._connection.abort()  # half an answer that was promised whole: only a broken connection says so
        else:
            status, headers, body = error_answer(error)
            if isinstance(error, RequestTimeout | RequestTooLarge):
                self.keep_alive = False
            await self.answer(status, headers, body)

    def _head(self, status: int, headers: Headers, length: int | None) -> bytes:
        self.started = True
        headers = [*headers, (b"x-request-id", self.request_id.encode()), *self.extra]
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        return response_head(status, headers, self._connection.door.date(), length)

    def _finish(self) -> None:
        """All of the answer was written."""
        self.complete = True
        self._parts.clear()
        self._wake()
        if not self.gone:
            self._connection.answered(self)


def _too_large(limit: int) -> GatewayError:
    return RequestTooLarge(f"The body is over {limit} bytes. Send a smaller one.")
