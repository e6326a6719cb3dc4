"""A streamed response, mostly of server-sent events, framed as the client's dialect does."""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.gateway.http.responses import Headers
from tollkeeper.rules.errors import GatewayError


class EventStream:
    """A streamed response. `headers` are sent with the first event or comment, and not kept; a later error becomes the
    last event.

    `error_event` formats that; None: as the dialect does. `media_type` is that of the stream; None: the dialect's.

    `answering`: an event of the response was sent, which no other upstream's response could follow. `on_answering` is
    called when it is.
    """

    __slots__ = ("_exchange", "_on_answering", "answering", "error_event", "headers", "media_type")

    def __init__(self, exchange: Exchange, headers: Headers, on_answering: Callable[[], None] | None = None) -> None:
        self._exchange = exchange
        self._on_answering = on_answering
        self.headers = headers
        self.error_event: Callable[[GatewayError], bytes] | None = None
        self.media_type: bytes | None = None
        self.answering = False

    def __repr__(self) -> str:
        return f"EventStream({self._exchange!r}, answering={self.answering})"

    def begin_answering(self) -> None:
        """Note that the first event of the response is being sent; comments of the upstream are none."""
        self.answering = True
        self._exchange.release_head()
        if self._exchange.started and self.error_event is not None:  # by a comment
            self._exchange.error_event = self.error_event
        if self._on_answering is not None:
            self._on_answering()

    def send(self, events: bytes) -> bool:
        """Send whole events, and before the first one the head of the response. Returns False when the caller should
        wait for the exchange to be `drained` before the next."""
        if not self._exchange.started:
            self._begin()
        return self._exchange.push(events)

    def comment(self, text: str) -> None:
        """Send a comment, which clients ignore, so that nothing on the way gives the silent response up. Does nothing
        in a dialect without comments."""
        exchange = self._exchange
        format_comment = exchange.dialect.comment
        if format_comment is None or self.answering:
            return
        if not exchange.started:
            self._begin()
        exchange.push(format_comment(text))

    def _begin(self) -> None:
        exchange = self._exchange
        exchange.error_event = self.error_event or (exchange.last_event if exchange.dialect.error_event else None)
        exchange.begin(
            200,
            [
                (b"content-type", self.media_type or exchange.dialect.stream_type),
                (b"cache-control", b"no-cache"),
                (b"x-accel-buffering", b"no"),  # else nginx buffers events
                *self.headers,
            ],
        )
        self.headers = []
