"""The server's side of one HTTP/1.1 connection, on httptools.

    bytes ──▶ head ──▶ an Exchange, handled by a task ──▶ keep alive, or close
                └──▶ its body, piece by piece

Parsing is in `request_parser.py`, the states of a connection in `states.py`, its deadlines in `timers.py`, and pausing
in `flow_control.py`. This file joins them: a deadline for the head of a request, parse errors in our own envelope with
a request id, a limit on connections per address, and an end to clients that do not read and to bodies that nobody
needs.

Pipelined requests are handled one after the other. One more may be parsed and wait behind the current one, so that the
departure of the client is still noticed. Anything behind those two stays unparsed, and reading is paused.

This file is long because the event loop, the parser, the server and the exchange meet here: each calls in, and what
one does changes what the others may do.

There is no server framework between a request and its response: what one does for every request (an ASGI scope,
messages as dicts, headers checked by patterns, a timer armed and cancelled) costs more than the relay itself. The
control plane gets its ASGI from `asgi.py`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, cast

from tollkeeper.gateway.http import states, timers
from tollkeeper.gateway.http.channel import KnownKey
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.flow_control import BEHIND, BODY_UNREAD, NEXT_UNREAD, TURN, UNREAD, FlowControl
from tollkeeper.gateway.http.framing import RequestLine, Target
from tollkeeper.gateway.http.peer import address_of, has_disconnected
from tollkeeper.gateway.http.request_parser import END_OF_HEAD, RequestParser
from tollkeeper.gateway.http.responses import Headers, error_response, response_head
from tollkeeper.gateway.http.server_state import ServerState
from tollkeeper.gateway.http.states import RECEIVING, SENDING, State
from tollkeeper.gateway.http.timers import Timers
from tollkeeper.rules.errors import GatewayError, RequestTimeout, ServerOverloaded

PIECES = 8
"""Pieces that are parsed from one connection before others have their turn."""
SMALL = 4096
"""Bytes of a head that is parsed on arrival, however much was parsed in this turn of the event loop."""

Handler = Callable[[Exchange], Coroutine[Any, Any, None]]


class Connection(asyncio.Protocol):
    """One client's connection. Its requests go to `handler` one after the other; `current` is the one in progress."""

    __slots__ = (
        "_address",
        "_handler",
        "_held",
        "_idle_since",
        "_next",
        "_parser",
        "_parsing",
        "_receiving",
        "_refusal",
        "_sending",
        "_timers",
        "current",
        "flow",
        "last_key",
        "loop",
        "peer",
        "server",
        "transport",
        "write",
    )

    transport: asyncio.Transport
    flow: FlowControl
    write: Callable[[bytes], None]

    def __init__(self, server: ServerState, handler: Handler) -> None:
        self.server = server
        self.loop = asyncio.get_running_loop()
        self.peer: tuple[str, int] | None = None
        self.last_key: KnownKey | None = None
        self.current: Exchange | None = None
        self._handler = handler
        self._receiving: State = states.IDLE
        """State of the client's side."""
        self._sending: State = states.READY
        """State of our side."""
        self._timers = Timers(self.loop)
        self._idle_since = 0.0
        self._next: Exchange | None = None
        """The parsed request that waits for its turn."""
        self._held: tuple[bytes, int] | None = None
        """Bytes not parsed yet, and the offset at which to go on."""
        self._parser = RequestParser(self)
        self._parsing: Exchange | None = None
        """The request that is receiving its body."""
        self._refusal: GatewayError | None = None
        """Why nothing more is read; sent to the client once earlier responses are finished."""
        self._address: str | None = None

    def __repr__(self) -> str:
        state = f"{self._receiving}/{self._sending}, {self._timers!r}"
        return f"Connection({self._address}, {state}, {self.current!r}, next={self._next!r})"

    # ── for the exchange ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def local(self) -> tuple[str, int] | None:
        """The address at our end. Not kept: the control plane alone asks for it."""
        return address_of(self.transport.get_extra_info("socket").getsockname)

    @property
    def unsent(self) -> int:
        """Bytes of responses waiting to be written, not counting those in the kernel's buffer."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close at once, discarding whatever is still unsent."""
        self._closed()
        self.transport.abort()

    def release_parser(self) -> None:
        """Let go of what is needed to parse the next request, which is far off."""
        self._parser.release()

    def response_sent(self) -> None:
        """Finish the current exchange, now that its response is written, and go on to the next request."""
        exchange, self.current = self.current, None
        assert exchange is not None
        self.server.responses_sent += 1
        self._sending = SENDING[self._sending][states.RESPONDED]
        more_body = exchange.body.more
        if more_body and timers.LATE_BODY not in self._timers.armed:
            self._timers.arm(timers.LATE_BODY, timers.LATE_BODY_SECONDS, self.abort)
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            self._watch_stall(unsent)
        if not exchange.keep_alive and not more_body:
            self._close()
        if self.transport.is_closing():
            return
        if self.flow.pauses:
            self.flow.resume_reading(BODY_UNREAD)
        if not exchange.keep_alive:  # the client sends the rest of the body before it reads the response
            self._finish()
            return
        if self._next is not None or self._refusal is not None:
            self._start_next()
            return
        if self._receiving is states.HEAD:
            self._await_head()
        # One idle timer serves for as long as requests keep coming, so that none is armed per request.
        self._idle_since = self.loop.time()
        if timers.IDLE not in self._timers.armed:
            self._timers.arm(timers.IDLE, self.server.keep_alive_timeout, self._check_idle)

    # ── for the server ──────────────────────────────────────────────────────────────────────────────────────────────

    def shutdown(self) -> None:
        """Close, after the response in progress if there is one."""
        if self.current is None:
            self._close()
        else:
            self.current.keep_alive = False

    def drain(self) -> None:
        """Close after the last request received, if its response can still announce that; else after the next one, or
        when none comes."""
        self._timers.stop(timers.IDLE)
        last = self._next or self.current
        if last is None:
            self._timers.arm(timers.IDLE, self.server.keep_alive_timeout, self._close_if_silent)
        elif not last.started:
            last.keep_alive = False

    # ── called by the loop ──────────────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.write = self.transport.write
        self.flow = FlowControl(self.transport, self.loop)
        accepted = transport.get_extra_info("socket")
        # Not every event loop sets this; without it the second of two small writes waits 40 ms.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peer = address_of(accepted.getpeername)
        server = self.server
        server.connections.add(self)
        self._address = self.peer[0] if self.peer else "?"
        server.addresses[self._address] += 1
        if server.per_address and server.addresses[self._address] > server.per_address:
            self._refuse(ServerOverloaded("Too many connections from this address. Use fewer, and keep them alive."))
            return
        self._timers.arm(timers.HEAD, server.head_timeout, self._head_too_slow)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        server = self.server
        server.connections.discard(self)
        if self._address is not None:
            server.addresses[self._address] -= 1
            if not server.addresses[self._address]:
                del server.addresses[self._address]
        self._closed()
        self._timers.stop_all()
        self._next = self._held = self._parsing = None
        self.flow.resume_writing()
        self._parser.close()
        current, self.current = self.current, None
        if current is not None:
            current.on_disconnect()

    def eof_received(self) -> None:
        """Treat a half-closed connection as closed: without a return value the loop closes it."""
        self._closed()

    def pause_writing(self) -> None:
        self.flow.pause_writing()
        if self.current is not None:
            self.current.interrupt()

    def resume_writing(self) -> None:
        self.flow.resume_writing()
        if self._sending is states.READY:
            self._start_next()

    def data_received(self, data: bytes) -> None:
        if self._held is None:
            self._parse(data, 0)
        else:  # it was in flight when reading was paused
            held, start = self._held
            self._held = (held[start:] + data, 0)

    # ── called by the parser ────────────────────────────────────────────────────────────────────────────────────────

    def on_request(
        self, line: RequestLine, target: Target, headers: Headers, by_name: dict[bytes, bytes], *, keep_alive: bool
    ) -> None:
        self._receiving = RECEIVING[self._receiving][states.REQUEST if keep_alive else states.LAST_REQUEST]
        if timers.HEAD in self._timers.armed:
            self._timers.stop(timers.HEAD)
        exchange = self._parsing = Exchange(
            self,
            line.method,
            target.path,
            target.raw_path,
            target.query,
            headers,
            by_name,
            line.version,
            keep_alive=keep_alive and not self.server.draining,
        )
        if self._sending is states.READY and not self.flow.write_paused:
            self._begin(exchange)
        else:
            self._next = exchange

    def on_body(self, body: bytes) -> None:
        exchange = self._parsing
        if exchange is not None and exchange.body.feed(body) > UNREAD:
            self._pause_reading(NEXT_UNREAD if exchange is self._next else BODY_UNREAD)

    def on_end(self) -> None:
        self._receiving = RECEIVING[self._receiving][states.END]
        if timers.LATE_BODY in self._timers.armed:
            self._timers.stop(timers.LATE_BODY)
        exchange, self._parsing = self._parsing, None
        if exchange is not None:
            exchange.body.feed_end()
            if exchange.complete and not exchange.keep_alive:
                self._close()

    # ── parsing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _parse(self, data: bytes, start: int) -> None:
        """Parse `data` from `start` on. The rest is held back where a request waits already, or where parsing more
        would keep other connections waiting."""
        if self._receiving is states.IGNORED:
            return
        parser, size = self._parser, len(data)
        pieces = 0
        turns, large = self.server.parsing, size - start > SMALL
        while start < size:
            waits = False
            if not parser.in_message:
                if self._receiving is states.IGNORED:
                    return
                start = parser.skip_empty_lines(data, start)
                if start == size:
                    break
                waits = self._next is not None
            paced = (
                large
                and not parser.body_left  # a body of known length costs nothing to parse
                and (parser.in_message or data.find(END_OF_HEAD, start, start + SMALL) < 0)
            )
            if waits or pieces == PIECES or (paced and not turns.open):
                self._held = (data, start)
                self._pause_reading(BEHIND if waits else TURN)
                if paced and not waits:
                    turns.wait(self._parse_held)
                elif not waits:  # else the end of the current response continues
                    self.loop.call_soon(self._parse_held)
                return
            before = start
            try:
                start = parser.feed(data, start)
            except GatewayError as error:
                self._refuse(error)
                return
            pieces += 1
            if paced:
                turns.spend(start - before)
        if parser.in_head and self._receiving is not states.IGNORED:
            self._receiving = RECEIVING[self._receiving][states.HEAD_BEGAN]
            self._await_head()

    def _parse_held(self) -> None:
        held, self._held = self._held, None
        if held is None or self.transport.is_closing():
            return
        self._parse(*held)
        if self._held is None:
            self.flow.resume_reading(BEHIND, TURN)

    def _pause_reading(self, why: str) -> None:
        self.flow.pause_reading(why)
        if timers.PROBE not in self._timers.armed:
            self._timers.arm(timers.PROBE, timers.PROBE_SECONDS, self._probe_client)

    # ── responding ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, exchange: Exchange) -> None:
        self._sending = SENDING[self._sending][states.BEGIN]
        self.current = exchange
        # `loop.create_task` would take 1,600 instructions more, most of them to number its name.
        task = exchange.task = asyncio.Task(self._handler(exchange), loop=self.loop, name="request")
        self.server.running.add(task)

    def _start_next(self) -> None:
        """Start the request that waits, or send the pending refusal, now that no response is in progress."""
        exchange = self._next
        if exchange is None:
            if self._refusal is not None:
                self._send_refusal(self._refusal)
        elif not self.flow.write_paused:  # else a client that never reads piles up responses without bound
            self._next = None
            self.flow.begin_next()
            self._begin(exchange)
            if BEHIND in self.flow.pauses:
                self.loop.call_soon(self._parse_held)

    def _refuse(self, error: GatewayError) -> None:
        """Stop reading, send the client the reason after earlier responses, and close."""
        self._timers.stop(timers.HEAD)
        if self._receiving is states.IGNORED:
            return
        self._receiving = RECEIVING[self._receiving][states.GIVEN_UP]
        broken, self._parsing = self._parsing, None
        if broken is not None:
            if broken is self.current:
                broken.fail_body(error)  # the reader of its body sends the error
                return
            if broken.complete:  # a second response would be taken for another request's
                self._finish_and_close()
                return
            if broken is self._next:
                self._next = None
        self._refusal = error
        if self.current is None:
            self._start_next()

    def _send_refusal(self, error: GatewayError) -> None:
        """Send an error response that belongs to no request, and close."""
        server, line = self.server, self._parser.line
        now = server.now()
        request_id = server.new_request_id(now)
        status, headers, body = error_response(error, server.dialect, request_id, now)
        headers += [(b"connection", b"close"), (b"x-request-id", request_id.encode())]
        head = response_head(status, headers, server.date(), len(body))
        self.write(head if line is not None and line.method == "HEAD" else head + body)
        self._finish_and_close()

    # ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _close(self) -> None:
        """Close once everything is written."""
        self._closed()
        self.transport.close()

    def _closed(self) -> None:
        self._receiving = RECEIVING[self._receiving][states.GIVEN_UP]
        self._sending = SENDING[self._sending][states.CLOSE]

    def _finish(self) -> None:
        """Send the end of the stream: no more responses follow."""
        self._sending = SENDING[self._sending][states.FINISH]
        self.transport.write_eof()

    def _finish_and_close(self) -> None:
        """End the stream, and close a moment later: closing with unread bytes resets the connection, and the client
        might never see the response."""
        self._receiving = RECEIVING[self._receiving][states.GIVEN_UP]
        if self._sending is states.READY:
            self._finish()
        self._timers.arm(timers.LAST_READ, timers.LAST_READ_SECONDS, self.abort)

    # ── deadlines ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _await_head(self) -> None:
        if timers.HEAD not in self._timers.armed:
            self._timers.arm(timers.HEAD, self.server.head_timeout, self._head_too_slow)

    def _head_too_slow(self) -> None:
        if self.current is not None:
            return  # the head of the next request: the end of this response arms the timer again
        if self._held is not None:
            self._await_head()  # it has arrived, and is not parsed yet
        elif self._receiving is states.HEAD:
            self._refuse(RequestTimeout("The head of the request did not come in time. Send it at once."))
        else:
            self._close()

    def _check_idle(self) -> None:
        if self._sending is not states.READY or self._next is not None:
            return  # the end of its response arms the timer again
        left = self._idle_since + self.server.keep_alive_timeout - self.loop.time()
        if left > 0:
            self._timers.arm(timers.IDLE, left, self._check_idle)
        elif self._held is None and self._receiving is not states.HEAD:  # a head has a deadline of its own
            self._close()

    def _close_if_silent(self) -> None:
        idle = self._sending is states.READY and self._next is None and self._held is None
        if idle and self._receiving is not states.HEAD:
            self._close()

    def _probe_client(self) -> None:
        """Check whether the client has disconnected: while reading is paused, the event loop does not notice."""
        if not self.flow.pauses or self.transport.is_closing():
            return
        if has_disconnected(self.transport.get_extra_info("socket")):
            self.abort()
        else:
            self._timers.arm(timers.PROBE, timers.PROBE_SECONDS, self._probe_client)

    def _watch_stall(self, unsent: int) -> None:
        self._timers.arm(timers.STALL, self.server.stall_timeout, self._end_stalled, unsent)

    def _end_stalled(self, before: int) -> None:
        """Abort if the client has taken nothing of its response since the last look."""
        if self.current is not None and self.current.started:
            return  # unsent bytes may be of this response, which has its own timeout
        unsent = self.unsent
        if unsent >= before:
            self.abort()
        elif unsent:
            self._watch_stall(unsent)
