"""Heartbeat: comments on a stream that has nothing to send yet, since proxies and clients give up on silence."""

from __future__ import annotations

from tollkeeper.gateway.context import GatewayContext
from tollkeeper.gateway.http.event_stream import EventStream
from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.relay import response_headers
from tollkeeper.services.requests.dispatched import DispatchedRequest


class Heartbeat:
    """Sends a comment each time the stream has been silent for `sse_comment_after` seconds before its first event:
    "waiting" in line, "loading" at the upstream. Call `end` when the response has ended."""

    __slots__ = ("_context", "_dispatched", "_exchange", "_stream")

    def __init__(
        self, context: GatewayContext, exchange: Exchange, dispatched: DispatchedRequest, stream: EventStream
    ) -> None:
        self._context = context
        self._exchange = exchange
        self._dispatched = dispatched
        self._stream = stream
        context.pulse.add(self)

    def __repr__(self) -> str:
        return f"Heartbeat({self._stream!r})"

    def end(self) -> None:
        """Send no more comments."""
        self._context.pulse.discard(self)

    def show_place(self, position: int, estimate_s: float) -> None:
        """Tell the client its place in the line, and the estimated wait in seconds."""
        self._comment(f"queue position={position} estimate_s={estimate_s:.1f}")

    def beat(self) -> bool:
        """Send a comment. Returns whether another may be needed: not after the first event."""
        if self._stream.answering:
            return False
        self._comment("waiting" if self._dispatched.waiting else "loading")
        return True

    def _comment(self, text: str) -> None:
        if not self._exchange.started:
            self._stream.headers = response_headers(self._context, self._exchange, self._dispatched)
        self._stream.comment(text)
