"""The server's side of HTTP/1.1, on httptools: what comes in on one connection, and who may stay.

    bytes ──▶ head ──▶ an Exchange, answered by a task ──▶ keep alive, or close
                └──▶ its body, piece by piece

A deadline and a bound for the head of a request and for what frames its body, parse errors in our own envelope with a
request id, upgrades declined so that the request is answered as HTTP/1.1, requests that are pipelined answered in turn,
a bound of connections per address, an end to clients that do not read and to bodies that nobody waits for.

No server framework stands between a request and its answer: what one does for every request (an ASGI scope, messages
as dicts, headers checked by patterns, a timer armed and cancelled) costs more than the relay itself. The control plane
gets its ASGI from `asgi.py`.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Any, cast
from urllib.parse import unquote

import httptools

from tollkeeper.gateway.answers import error_answer, response_head
from tollkeeper.gateway.exchange import Exchange
from tollkeeper.rules.errors import BadRequest, GatewayError, RequestTimeout, RequestTooLarge, ServerOverloaded

MAX_HEAD_BYTES = 65_536
LAST_READ = 1.0
"""Seconds that a refused client has to read why."""
LATE_BODY = 5.0
"""Seconds that the rest of a body may take once its request was answered."""
FRAMING = 8
"""Bytes of framing (chunk sizes, trailers) that may come for a byte of body, beyond as much as a head may have."""
UNREAD = 65_536
"""Bytes of a body that may wait for their reader before the client is held back."""

Entry = Callable[[Exchange], Coroutine[Any, Any, None]]


class Door:
    """What all connections of one server share. `entry` answers each request. Timeouts in seconds; `per_address` 0 is
    no bound; `now` is milliseconds since the epoch, and `mint` makes a request id of such a moment."""

    def __init__(
        self,
        entry: Entry,
        *,
        head_timeout: float,
        body_timeout: float,
        keep_alive_timeout: float,
        stall_timeout: float,
        per_address: int,
        now: Callable[[], int],
        mint: Callable[[int], str],
    ) -> None:
        self.entry = entry
        self.head_timeout = head_timeout
        self.body_timeout = body_timeout
        self.keep_alive_timeout = keep_alive_timeout
        self.stall_timeout = stall_timeout
        self.per_address = per_address
        self.now = now
        self.mint = mint
        self.connections: set[Connection] = set()
        self.running: set[asyncio.Task[None]] = set()
        self.answered = 0
        self.addresses: Counter[str] = Counter()
        self._second = 0
        self._date = b""

    def __repr__(self) -> str:
        return f"Door({len(self.connections)} connections from {len(self.addresses)} addresses)"

    def date(self) -> bytes:
        """The Date of an answer (RFC 9110, 6.6.1), written once a second."""
        second = self.now() // 1000
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date


class Connection(asyncio.Protocol):
    """One client's connection. Its requests are answered one after the other, `current` first."""

    __slots__ = (
        "_address",
        "_body_bytes",
        "_completed",
        "_drained",
        "_fed",
        "_head_bytes",
        "_head_timer",
        "_headers",
        "_idle_since",
        "_idle_timer",
        "_in_head",
        "_late_timer",
        "_message_bytes",
        "_parser",
        "_parsing",
        "_reading",
        "_refused",
        "_stall_timer",
        "_url",
        "_waiting",
        "current",
        "door",
        "local",
        "loop",
        "peer",
        "transport",
        "write_paused",
    )

    def __init__(self, door: Door) -> None:
        self.door = door
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport = None  # type: ignore[assignment] # until connection_made
        self.peer: tuple[str, int] | None = None
        self.local: tuple[str, int] | None = None
        self.current: Exchange | None = None
        self.write_paused = False
        self._waiting: deque[Exchange] = deque()
        self._parsing: Exchange | None = None
        self._parser = self._new_parser()
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._address: str | None = None
        self._refused = False
        self._reading = True
        self._drained: asyncio.Future[None] | None = None
        self._in_head = True  # also before the first byte: a silent connection has the same deadline
        self._head_bytes = self._message_bytes = self._body_bytes = self._fed = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0
        self._late_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._completed = False

    def __repr__(self) -> str:
        return f"Connection({self._address}, {self.current!r}, {len(self._waiting)} waiting)"

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # A request that was pipelined behind one with `connection: close` must not spoil the answer to the first.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    # ── for the exchange ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def unsent(self) -> int:
        """Bytes of answers that the client has not taken yet, those in the kernel left aside."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close at once, whatever still waits to be written."""
        self.transport.abort()

    def resume_reading(self) -> None:
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    async def drained(self) -> None:
        """Wait until the client has taken enough of what was written, or has left."""
        while self.write_paused:
            if self._drained is None or self._drained.done():  # done: whoever waited before was cancelled
                self._drained = self.loop.create_future()
            await self._drained

    def answered(self, exchange: Exchange) -> None:
        """The last byte of an answer was written: on to the next request, which may be here already."""
        self.door.answered += 1
        self.current = None
        transport = self.transport
        if not exchange.keep_alive:
            transport.close()
        if exchange.more_body and self._late_timer is None:
            self._late_timer = self.loop.call_later(LATE_BODY, self.abort)
        unsent = transport.get_write_buffer_size()
        if unsent:
            self._watch_stall(unsent)
        if transport.is_closing():
            return
        if not self._reading:
            self.resume_reading()
        if self._waiting:
            if not self.write_paused:  # else answers to a client that sends and does not read gather without bound
                self._begin(self._waiting.popleft())
        else:
            if self._in_head and self._head_timer is None:
                self._head_timer = self.loop.call_later(self.door.head_timeout, self._head_too_slow)
            self._idle_since = self.loop.time()
            if self._idle_timer is None:
                self._idle_timer = self.loop.call_later(self.door.keep_alive_timeout, self._look_whether_idle)

    def ended(self, exchange: Exchange) -> None:
        """Nothing more is done for this request."""
        self.door.running.discard(exchange.task)
        if self.current is exchange:  # without a whole answer: only a broken connection says so
            self.current = None
            self.transport.abort()

    # ── for the server ──────────────────────────────────────────────────────────────────────────────────────────────

    def shutdown(self) -> None:
        """Close, after the answer that is under way if there is one."""
        if self.current is None:
            self.transport.close()
        else:
            self.current.keep_alive = False

    # ── called by the loop ──────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        accepted = transport.get_extra_info("socket")
        # Not every loop does for a socket it accepts; without it the second of two small writes waits 40 ms.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer, self.local = _address_of(accepted.getpeername), _address_of(accepted.getsockname)
        door = self.door
        door.connections.add(self)
        self._address = self.peer[0] if self.peer else "?"
        door.addresses[self._address] += 1
        if door.per_address and door.addresses[self._address] > door.per_address:
            self._refuse(ServerOverloaded("Too many connections from this address. Use fewer, and keep them alive."))
            return
        self._head_timer = self.loop.call_later(door.head_timeout, self._head_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        door = self.door
        door.connections.discard(self)
        if self._address is not None:
            door.addresses[self._address] -= 1
            if not door.addresses[self._address]:
                del door.addresses[self._address]
        self._stop_head_timer()
        self._stop_late_timer()
        for timer in (self._idle_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        self._waiting.clear()
        self.resume_writing()
        self._parsing = None
        self._parser = None  # type: ignore[assignment] # it holds this connection in a circle
        current, self.current = self.current, None
        if current is not None:
            current.lost()

    def pause_writing(self) -> None:
        self.write_paused = True

    def resume_writing(self) -> None:
        self.write_paused = False
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        if self._waiting and self.current is None and not self.transport.is_closing():
            self._begin(self._waiting.popleft())

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return  # we gave up on this connection
        self._fed = len(data)
        self._message_bytes += self._fed
        self._completed = False
        self._parse(data)
        if self._in_head:
            # Behind the end of another request it is not known how many bytes of it are here; the whole head tells.
            self._head_bytes += 1 if self._completed else self._fed
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(self.door.head_timeout, self._head_too_slow)
        else:
            if self._head_timer is not None:
                self._stop_head_timer()
            if self._message_bytes - self._body_bytes > 2 * MAX_HEAD_BYTES + FRAMING * self._body_bytes:
                self._refuse(BadRequest("The body has more framing than content. Send larger chunks, no trailers."))

    # ── called by httptools ─────────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = self._message_bytes = self._body_bytes = 0
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else a trailer: nobody reads them
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser, headers = self._parser, self._headers
        if parser.should_upgrade() or self._refused:
            return  # it will be declined, and come again; or nothing more is answered
        self._in_head = False
        if self._head_bytes or self._fed > MAX_HEAD_BYTES:  # else it is here as one piece, and cannot be too large
            size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in headers)
            if size > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
                return
        url = httptools.parse_url(self._url)
        path = url.path.decode("ascii")
        version = parser.get_http_version()
        exchange = Exchange(
            self,
            parser.get_method().decode("ascii"),
            unquote(path) if "%" in path else path,
            url.path,
            url.query or b"",
            headers,
            version,
            keep_alive=version == "1.1" and parser.should_keep_alive(),
        )
        self._parsing = exchange
        if self.current is None and not self.write_paused:
            self._begin(exchange)
        else:
            self._waiting.append(exchange)
            self._pause_reading()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._parsing is not None and not self._refused and self._parsing.feed(body) > UNREAD:
            self._pause_reading()

    def on_message_complete(self) -> None:
        exchange, self._parsing = self._parsing, None
        self._completed = True
        if self._late_timer is not None:
            self._stop_late_timer()
        if exchange is not None and not self._refused:
            exchange.feed_end()

    # ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, exchange: Exchange) -> None:
        self.current = exchange
        task = exchange.task = self.loop.create_task(self.door.entry(exchange))
        self.door.running.add(task)

    def _pause_reading(self) -> None:
        if self._reading:
            self._reading = False
            self.transport.pause_reading()

    def _parse(self, data: bytes) -> None:
        rest: bytes | memoryview = data
        while True:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = memoryview(rest)[upgrade.args[0] :]  # no copy for each of many
                if not self._decline_upgrade():
                    return
            except httptools.HttpParserError:
                self._refuse_unreadable()
                return
            else:
                return

    def _decline_upgrade(self) -> bool:
        """Answer as HTTP/1.1, as RFC 9110 (7.8) lets a server do. The parser takes what follows the head of an upgrade
        for another protocol, so the head is parsed again without the fields that ask for one. Whether to go on with
        what follows."""
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._refuse(BadRequest("This is no proxy. Send requests for its own paths."))
        if self._refused:
            return False
        headers = [
            name + b": " + value
            for name, value in self._headers
            if name not in (b"upgrade", b"connection", b"http2-settings")
        ]
        version = self._parser.get_http_version().encode()
        head = b"\r\n".join([b"%b %b HTTP/%b" % (method, self._url, version), *headers, b"\r\n"])
        self._parser = self._new_parser()
        try:
            self._parser.feed_data(head)
        except httptools.HttpParserError:
            self._refuse_unreadable()
            return False
        return True

    def _watch_stall(self, unsent: int) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
        self._stall_timer = self.loop.call_later(self.door.stall_timeout, self._end_stalled, unsent)

    def _end_stalled(self, before: int) -> None:
        """The client had an answer waiting a while ago: it must have taken some of it since."""
        self._stall_timer = None
        if self.current is not None and self.current.started:
            return  # what waits now may be of this answer, which watches over itself
        unsent = self.unsent
        if unsent >= before:
            self.abort()
        elif unsent:
            self._watch_stall(unsent)

    def _look_whether_idle(self) -> None:
        """One timer a connection, which looks again when requests came meanwhile: none is armed for each of them."""
        self._idle_timer = None
        if self.current is not None or self._waiting:
            return  # its answer arms the next
        due = self._idle_since + self.door.keep_alive_timeout
        if self.loop.time() < due:
            self._idle_timer = self.loop.call_at(due, self._look_whether_idle)
        elif not self._in_head:  # else the head of the next has begun, which has a deadline of its own
            self.transport.close()

    def _head_too_slow(self) -> None:
        self._head_timer = None
        if self.current is not None:
            return  # the head of the next, whose turn has not come: the end of this answer arms it again
        if self._in_head and not self.transport.is_closing():
            if self._head_bytes:
                self._refuse(RequestTimeout("The head of the request did not come in time. Send it at once."))
            else:
                self.transport.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_late_timer(self) -> None:
        if self._late_timer is not None:
            self._late_timer.cancel()
            self._late_timer = None

    def _refuse_unreadable(self) -> None:
        self._refuse(BadRequest("This is not an HTTP/1.1 request that can be read. Check the client or the proxy."))

    def _refuse(self, error: GatewayError) -> None:
        """Answer outside of any request, and close."""
        self._stop_head_timer()
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        if self.current is not None or self._waiting:
            self.transport.abort()  # an answer is under way: two would be one broken one
            return
        door = self.door
        status, headers, body = error_answer(error)
        headers += [(b"connection", b"close"), (b"x-request-id", door.mint(door.now()).encode())]
        self.transport.write(response_head(status, headers, door.date(), len(body)) + body)
        # To close with bytes unread would reset the connection, and the client might never see the answer.
        self.transport.write_eof()
        self.loop.call_later(LAST_READ, self.transport.abort)


def _address_of(name: Callable[[], Any]) -> tuple[str, int] | None:
    try:
        info = name()
    except OSError:  # it has left already
        return None
    return (str(info[0]), int(info[1])) if isinstance(info, tuple) else None


def _head_too_large() -> GatewayError:
    return RequestTooLarge(
        f"The head of the request is over {MAX_HEAD_BYTES} bytes. Send fewer or shorter headers.", status=431
    )
