"""The server's side of HTTP/1.1: uvicorn's httptools protocol, with what it lacks.

A deadline and a bound for the head of a request and for what frames its body, parse errors in our own envelope with a
request id, upgrades declined so that the request is answered as HTTP/1.1, a bound of connections per address, an end to
clients that do not read and to bodies that nobody waits for, and a call when a client goes away.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tollkeeper.gateway.answers import error_answer
from tollkeeper.rules.errors import BadRequest, GatewayError, RequestTimeout, RequestTooLarge, ServerOverloaded

MAX_HEAD_BYTES = 65_536
LAST_READ = 1.0
"""Seconds that a refused client has to read why."""
LATE_BODY = 5.0
"""Seconds that the rest of a body may take once its request was answered."""
FRAMING = 8
"""Bytes of framing (chunk sizes, trailers) that may come for a byte of body, beyond as much as a head may have."""


class Door:
    """What all connections of one server share. Timeouts in seconds; `per_address` 0 is no bound."""

    def __init__(self, *, head_timeout: float, stall_timeout: float, per_address: int, mint: Callable[[], str]) -> None:
        self.head_timeout = head_timeout
        self.stall_timeout = stall_timeout
        self.per_address = per_address
        self.mint = mint
        self.addresses: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Door({self.addresses.total()} connections from {len(self.addresses)} addresses)"

    def protocol(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection:
        """What uvicorn makes its connections with."""
        return Connection(self, config, server_state, app_state, _loop)


class Connection(HttpToolsProtocol):
    """One client's connection. While a request runs, `on_lost` is what to call when the client goes away."""

    def __init__(
        self,
        door: Door,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.access_log = False  # uvicorn's would show keys in paths
        self.door = door
        self.on_lost: Callable[[], None] | None = None
        self._address: str | None = None
        self._refused = False
        self._in_head = True  # also before the first byte: a silent connection has the same deadline
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._fed = 0
        self._message_bytes = 0
        self._body_bytes = 0
        self._late_timer: asyncio.TimerHandle | None = None

    @property
    def unsent(self) -> int:
        """Bytes of answers that the client has not taken yet, those in the kernel left aside."""
        return self.transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Not every loop does for a socket it accepts; without it the second of two small writes waits 40 ms.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        door = self.door
        self._address = self.client[0] if self.client else "?"
        door.addresses[self._address] += 1
        if door.per_address and door.addresses[self._address] > door.per_address:
            self._refuse(ServerOverloaded("Too many connections from this address. Use fewer, and keep them alive."))
            return
        self._head_timer = self.loop.call_later(door.head_timeout, self._head_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._address is not None:
            self.door.addresses[self._address] -= 1
            if not self.door.addresses[self._address]:
                del self.door.addresses[self._address]
        self._stop_head_timer()
        self._stop_late_timer()
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return  # we gave up on this connection
        self._unset_keepalive_if_required()
        self._fed = len(data)
        self._message_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("")
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(self.door.head_timeout, self._head_too_slow)
        else:
            if self._head_timer is not None:
                self._stop_head_timer()
            if self._message_bytes - self._body_bytes > 2 * MAX_HEAD_BYTES + FRAMING * self._body_bytes:
                self._refuse(BadRequest("The body has more framing than content. Send larger chunks, no trailers."))

    def on_message_begin(self) -> None:
        self._in_head = True
        self._head_bytes = self._message_bytes = self._body_bytes = 0
        super().on_message_begin()
        self.scope["extensions"] = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else a trailer: nobody reads them
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # it will be declined, and come again
        self._in_head = False
        if self._head_bytes + self._fed > MAX_HEAD_BYTES:  # else it cannot be too large
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > MAX_HEAD_BYTES:
                self._refuse(_head_too_large())
                return
        scope = self.scope
        super().on_headers_complete()
        scope["extensions"] = {"tollkeeper": (self, self.cycle)}  # type: ignore[dict-item] # ours alone

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_late_timer()
        if not (self._refused or self.parser.should_upgrade()):
            super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete and self.cycle.more_body and self._late_timer is None:
            self._late_timer = self.loop.call_later(LATE_BODY, self.abort)
        if self.unsent:
            self.loop.call_later(self.door.stall_timeout, self._end_stalled, self.unsent)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words)
        self._refuse(BadRequest("This is not an HTTP/1.1 request that can be read. Check the client or the proxy."))

    def abort(self) -> None:
        """Close at once, whatever still waits to be written."""
        self.transport.abort()

    def _decline_upgrade(self, rest: bytes) -> None:
        """Answer as HTTP/1.1, as RFC 9110 (7.8) lets a server do. The parser takes what follows the head of an upgrade
        for another protocol, so the request is parsed again without the fields that ask for one."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(BadRequest("This is no proxy. Send requests for its own paths."))
            return
        headers = [
            name + b": " + value
            for name, value in self.headers
            if name not in (b"upgrade", b"connection", b"http2-settings")
        ]
        version = self.parser.get_http_version().encode()
        head = b"\r\n".join([b"%b %b HTTP/%b" % (method, self.url, version), *headers, b"\r\n"])
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's, for pipelined requests
        try:
            self.parser.feed_data(head + rest)
        except httptools.HttpParserUpgrade as upgrade:  # a pipelined request that asks for one, too
            self._decline_upgrade((head + rest)[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("")

    def _end_stalled(self, before: int) -> None:
        """The client had an answer waiting a while ago: it must have taken some of it since."""
        unsent = self.unsent
        if unsent >= before:
            self.abort()
        elif unsent:
            self.loop.call_later(self.door.stall_timeout, self._end_stalled, unsent)

    def _head_too_slow(self) -> None:
        self._head_timer = None
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

    def _refuse(self, error: GatewayError) -> None:
        """Answer outside of any request, and close."""
        self._stop_head_timer()
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn's types say
        if cycle is not None and not cycle.response_complete:
            self.transport.abort()  # an answer is under way: two would be one broken one
            return
        status, headers, body = error_answer(error, self.door.mint())
        lines = [STATUS_LINE[status], *(name + b": " + value + b"\r\n" for name, value in headers)]
        self.transport.write(b"".join([*lines, b"connection: close\r\n\r\n", body]))
        # To close with bytes unread would reset the connection, and the client might never see the answer.
        self.transport.write_eof()
        self.loop.call_later(LAST_READ, self.transport.abort)


def _head_too_large() -> GatewayError:
    return RequestTooLarge(
        f"The head of the request is over {MAX_HEAD_BYTES} bytes. Send fewer or shorter headers.", status=431
    )
