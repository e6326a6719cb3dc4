"""One connection to an upstream. The only file that touches sockets.

It carries one request after another, never two at once. Bytes that come while no answer is due end it: a second answer
that nobody asked for must not become the answer to someone else's request.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.services.upstream.answer import Answer, NothingCameBack
from tollkeeper.services.upstream.limits import Limits, Timeouts

WHOLE = 65536
"""A request up to this size is joined and written at once: one system call, one packet where it fits."""
SLICE = 262144


class Connection(asyncio.Protocol):
    """A socket and the answer that is due on it. `served` counts the requests it has carried, `idle_since` is the
    loop's time when it became idle."""

    __slots__ = (
        "_answer",
        "_deadline",
        "_ended",
        "_limits",
        "_loop",
        "_lost",
        "_reading",
        "_timeouts",
        "_timer",
        "_timer_at",
        "_transport",
        "_unsent",
        "_writable",
        "closed",
        "idle_since",
        "served",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        timeouts: Timeouts,
        limits: Limits,
        lost: Callable[[Connection], None],
    ) -> None:
        """`lost(connection)` is called once, when the socket is closed, whoever closed it."""
        self.served = 0
        self.idle_since = 0.0
        self.closed = False
        self._loop = loop
        self._timeouts = timeouts
        self._limits = limits
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._ended: Callable[[Connection | None], None] | None = None
        self._reading = True
        self._writable = True
        self._unsent: memoryview | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0

    def __repr__(self) -> str:
        state = "closed" if self.closed else repr(self._answer) if self._answer else "idle"
        return f"Connection({state}, {self.served} served)"

    def start(
        self, head: bytes, body: bytes, ended: Callable[[Connection | None], None], *, bodiless: bool = False
    ) -> Answer:
        """Write a request; its answer is due from now on. Raises NothingCameBack when the connection has ended.

        `ended` is called once with this connection when the answer came whole and it can be used again, or with None
        when it cannot; never when NothingCameBack is the outcome, since the request may then go to another connection.
        """
        if self.closed or self._transport is None:
            raise NothingCameBack("The upstream closed the connection before the request was sent. Try again.")
        answer = self._answer = Answer(self, self._timeouts, self._limits, bodiless=bodiless)
        self._ended = ended
        self.served += 1
        if len(body) <= WHOLE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._unsent = memoryview(body)
            self._pump()
        return answer

    def abort(self) -> None:
        """Close at once, whatever is under way or unsent."""
        if not self.closed:
            self.closed = True
            if self._transport is not None:
                self._transport.abort()

    # ── Line: what the answer asks for ──────────────────────────────────────────────────────────────────────────────

    def watch(self, seconds: float) -> None:
        """One timer per connection, moved only when it would fire too late: a stream of a thousand events arms it
        about once a minute."""
        deadline = self._deadline = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._arm(deadline)

    def resume(self) -> None:
        if not self._reading and not self.closed and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()

    def finished(self, *, reusable: bool) -> None:
        assert self._transport is not None
        # A request that has not left in full cannot be followed by another one.
        clean = reusable and self._unsent is None and not self._transport.get_write_buffer_size() and not self.closed
        if clean:
            self.resume()
        else:
            self.abort()
        self._detach(self if clean else None)

    def failed(self, error: UpstreamFailure) -> None:
        self.abort()
        if isinstance(error, NothingCameBack):
            self._ended = None
        self._detach(None)

    def _detach(self, connection: Connection | None) -> None:
        self._answer = None
        self._unsent = None
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(connection)

    # ── timer ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _arm(self, at: float) -> None:
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        answer = self._answer
        if answer is None or not answer.waiting:
            return
        if self._loop.time() < self._deadline:
            self._arm(self._deadline)
        else:
            answer.timed_out()

    # ── called by the loop ──────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.abort()
            return
        answer.feed(data)
        if answer.buffered > self._limits.buffered and self._answer is answer and self._reading:
            self._reading = False
            assert self._transport is not None
            self._transport.pause_reading()

    def eof_received(self) -> None:
        """Without a return value asyncio would close after flushing what the upstream no longer reads: abort first."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lost(self)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._unsent is not None:
            self._pump()

    def _end(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._answer.end(error)
        self.abort()

    def _pump(self) -> None:
        """Write as much of a large body as the transport takes; `resume_writing` calls again."""
        assert self._transport is not None
        unsent = self._unsent
        while unsent and self._writable and not self.closed:
            self._transport.write(unsent[:SLICE])
            unsent = unsent[SLICE:]
        self._unsent = unsent or None
        if self._answer is not None and not self._answer.status:
            self.watch(self._timeouts.first_byte)
