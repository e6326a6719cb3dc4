"""One connection to an upstream. The only file that touches the sockets of requests.

It carries one request after another, never two at once. Bytes that arrive while no response is due end it: an
unsolicited response must not become that to another user's request.

When it fails, `progress` of the error says how much of the request was sent. Written in full means that the operating
system has taken every byte; whether it has delivered them cannot be known. So "part" is said only where some bytes
were certainly never handed over, and everything else counts as "whole".
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from typing import cast

from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.services.upstreams.http.bounds import ClientBounds, Timeouts
from tollkeeper.services.upstreams.http.deadlines import Deadlines
from tollkeeper.services.upstreams.http.response import Response, UpstreamDisconnected
from tollkeeper.services.upstreams.ports import Shortcut
from tollkeeper.wire.http.chunks import ChunkPath

WHOLE = 65536
"""The largest body that is joined with its head and written at once: one system call, one packet where it fits."""
SLICE = 262144
GULP = 65536
"""The most bytes parsed at once, before the event loop serves others; the loop itself may read more in one call."""
_CLOSED = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
"""What `poll` says of a socket that the other side has closed or reset; only Linux knows the first."""


class UpstreamConnection(asyncio.Protocol):
    """A socket, and the response that is due on it. `served` counts the requests it has carried; `idle_since` is the
    loop's time at which it became idle."""

    __slots__ = (
        "_cut",
        "_deadlines",
        "_due",
        "_ended",
        "_first_byte",
        "_held",
        "_limits",
        "_lost",
        "_path",
        "_patience",
        "_reading",
        "_response",
        "_since",
        "_transport",
        "_unsent",
        "_writable",
        "_write",
        "closed",
        "idle_since",
        "loop",
        "served",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: ClientBounds,
        lost: Callable[[UpstreamConnection], None],
        deadlines: Deadlines,
    ) -> None:
        """`lost(connection)` is called once, when the socket is closed, whoever closed it. `deadlines` are those of all
        connections of its client."""
        self.served = 0
        self.idle_since = 0.0
        self.closed = False
        self.loop = loop
        self._limits = limits
        self._lost = lost
        self._deadlines = deadlines
        self._transport: asyncio.Transport | None = None
        self._response: Response | None = None
        self._ended: Callable[[UpstreamConnection | None], None] | None = None
        self._reading = True
        self._writable = True
        self._unsent: memoryview | None = None
        self._cut = False
        """Whether it was closed before the request was written in full."""
        self._held = b""
        """Bytes received, not parsed yet."""
        self._due = False
        self._first_byte = 0.0
        self._since = 0.0
        self._patience = 0.0
        self._path: ChunkPath | None = None
        self._write: Callable[[bytes], None]

    def __repr__(self) -> str:
        state = "closed" if self.closed else repr(self._response) if self._response else "idle"
        return f"UpstreamConnection({state}, {self.served} served)"

    def check_open(self) -> None:
        """Ask the operating system whether the upstream has closed the connection, though the event loop has not come
        to it yet. Raises UpstreamDisconnected, and closes the connection."""
        if self._transport is not None and not self.closed:
            poll = select.poll()
            poll.register(self._transport.get_extra_info("socket").fileno(), _CLOSED)
            if poll.poll(0):
                self.abort()
                raise _closed_before()

    def start(
        self,
        head: bytes,
        body: bytes,
        ended: Callable[[UpstreamConnection | None], None],
        timeouts: Timeouts,
        *,
        bodiless: bool = False,
    ) -> Response:
        """Write a request; its response is due from now on. Raises UpstreamDisconnected when the connection has ended.

        `ended` is called once: with this connection when the response is complete and the connection can be used again,
        else with None. After UpstreamDisconnected it is not called, since the request may go to another connection.
        """
        if self.closed or self._transport is None:
            raise _closed_before()
        response = self._response = Response(self, timeouts, self._limits, bodiless=bodiless)
        self._ended = ended
        self.served += 1
        if len(body) <= WHOLE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._first_byte = timeouts.first_byte
            self._unsent = memoryview(body)
            self._pump()
        return response

    def abort(self) -> None:
        """Close the connection at once, whatever is in flight or unsent."""
        if not self.closed:
            self.closed = True
            if self._transport is not None:
                unwritten = not self._writable or self._transport.get_write_buffer_size() > 0
                self._cut = self._unsent is not None or unwritten
                self._transport.abort()

    # ── ResponseConnection: called by the response ──────────────────────────────────────────────────────────────────

    def watch(self, seconds: float) -> None:
        """Set the deadline."""
        self._since, self._patience = self.loop.time(), seconds
        self._deadlines.add(self._since + seconds)

    def resume(self) -> None:
        if self._held:
            self._go_on()
        elif not self._reading and not self.closed and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()

    def divert(self, shortcut: Shortcut | None) -> None:
        if shortcut is None or self._held:
            self._path = None
        else:
            self._path, self._write = shortcut

    def finished(self, *, reusable: bool) -> None:
        assert self._transport is not None
        # A request that was not written in full cannot be followed by another.
        clean = (
            reusable
            and self._unsent is None
            and not self._transport.get_write_buffer_size()
            and not self._held
            and not self.closed
        )
        if clean:
            self.resume()
        else:
            self.abort()
        self._detach(self if clean else None)

    def failed(self, error: UpstreamFailure) -> None:
        self.abort()
        error.progress = "part" if self._cut else "whole"
        if isinstance(error, UpstreamDisconnected):
            self._ended = None
        self._detach(None)

    def _detach(self, connection: UpstreamConnection | None) -> None:
        self._response = self._path = None
        self._unsent = None
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(connection)

    # ── called by the deadlines ─────────────────────────────────────────────────────────────────────────────────────

    def check_deadline(self, now: float) -> float | None:
        """Fail the response if its reader has waited for too long. Returns the deadline; None: nobody waits."""
        response = self._response
        if response is None or not response.waiting:
            return None
        deadline = self._since + self._patience
        if now < deadline:
            return deadline
        response.timed_out()
        return None

    # ── called by the loop ──────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        path = self._path
        if path is not None:
            chunk = path(data)
            if chunk is not None:
                self._since = self.loop.time()
                self._write(chunk)
                return
            self._path = None
        if self._held:  # read before the pause took effect
            self._held += data
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        response = self._response
        if response is None:
            self.abort()
            return
        gulp = len(data) >= GULP
        self._held = data[GULP:]
        response.feed(data[:GULP])
        if self._response is not response:
            return
        if gulp or response.buffered > self._limits.buffered:
            if self._reading:
                self._reading = False
                assert self._transport is not None
                self._transport.pause_reading()
            if gulp:
                self._go_on()
        elif not self._reading:
            self.resume()

    def _go_on(self) -> None:
        """Continue after a large piece, once the event loop has served others."""
        if not self._due:
            self._due = True
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._due = False
        response = self._response
        if self.closed or (response is not None and response.buffered > self._limits.buffered):
            return  # reading from the response resumes it
        if self._held:
            held, self._held = self._held, b""
            self._take(held)
        else:
            self.resume()

    def eof_received(self) -> None:
        """Abort at once; otherwise asyncio would first flush what the upstream no longer reads."""
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)
        self._lost(self)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._unsent is not None:
            self._pump()

    def _end(self, error: Exception | None) -> None:
        self.abort()
        held, self._held = self._held, b""
        if self._response is not None and held:  # received before the end, and not parsed yet
            self._response.feed(held)
        if self._response is not None:
            self._response.end(error)

    def _pump(self) -> None:
        """Write as much of a large body as the transport accepts; `resume_writing` continues."""
        assert self._transport is not None
        unsent = self._unsent
        while unsent and self._writable and not self.closed:
            self._transport.write(unsent[:SLICE])
            unsent = unsent[SLICE:]
        self._unsent = unsent or None
        if self._response is not None and not self._response.status:
            self.watch(self._first_byte)


def _closed_before() -> UpstreamDisconnected:
    return UpstreamDisconnected(
        "The upstream closed the connection before the request was sent. Try again.", progress="nothing"
    )
