"""One connection of a load: a request, its response, then the next request. A closed connection is not reused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast

from httptools import HttpParserError, HttpResponseParser

from tollkeeper.cli.load.measurements import Measurements
from tollkeeper.cli.load.validation import StreamedResponseReader, WholeResponseReader

NOT_HTTP = "not HTTP"
NO_RESPONSE = "closed without a response"
INCOMPLETE = "closed in the middle of a response"
TIMED_OUT = "timed out"


class LoadConnection(asyncio.Protocol):
    """Sends requests and validates responses. `on_end` is called after each request, whether it failed or not.

    `busy`: a request is in progress. `closed`: no further request can be sent.
    """

    def __init__(self, measurements: Measurements, on_end: Callable[[], None], *, stream: bool) -> None:
        self.closed = False
        self.busy = False
        self._measurements = measurements
        self._on_end = on_end
        self._whole_reader = WholeResponseReader(measurements)
        self._stream_reader = StreamedResponseReader(measurements) if stream else None
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._reader: WholeResponseReader | StreamedResponseReader | None = None
        self._parts: list[bytes] = []
        self._began = 0.0
        self._last_activity = 0.0
        self._complete = False
        self._keep_alive = True

    def send(self, request: bytes, began: float, now: float) -> None:
        """Send a request whose latency counts from `began`."""
        assert self._transport is not None
        self.busy = True
        self._began = began
        self._last_activity = now
        self._reader = None
        self._transport.write(request)

    def abort(self) -> None:
        """Close the connection. A request in progress is not counted."""
        self.busy = False
        self._close()

    def check_timeout(self, since: float) -> None:
        """Fail the current request if nothing has arrived since then."""
        if self.busy and self._last_activity < since:
            self._fail(TIMED_OUT)

    # ── called by the event loop and the parser ─────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.busy:
            return
        if self._reader is None:
            self._fail(NO_RESPONSE)
        elif exc is None and not self._keep_alive:
            self._end()  # a response without a length ends with its connection; the reader knows if it is complete
        else:
            self._fail(INCOMPLETE)

    def data_received(self, data: bytes) -> None:
        now = self._last_activity = perf_counter()
        self._measurements.reads += 1
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            self._complete = False
            self._fail(NOT_HTTP)
            return
        reader = self._reader
        if reader is not None and self._parts:
            body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self._measurements.received += len(body)
            reader.feed(body, now)
        if self._complete:
            self._complete = False
            if not self._keep_alive:
                self._close()
            if self.busy:
                self._end()
        elif reader is not None and reader.error is not None:
            self._fail(reader.error)

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and self.busy:
            self._measurements.statuses[status] += 1
            self._keep_alive = self._parser.should_keep_alive()
            streamed = status == 200 and self._stream_reader is not None
            self._reader = self._stream_reader if streamed else self._whole_reader
            assert self._reader is not None
            self._reader.start(self._began)

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._complete = self._reader is not None  # None: it was an interim response

    def _end(self) -> None:
        """Count the response, which has ended."""
        assert self._reader is not None
        error = self._reader.finish(self._parser.get_status_code())
        self.busy = False
        if error is None:
            self._measurements.add_success(self._began, self._last_activity)
        else:
            self._measurements.add_failure(error, self._last_activity)
        self._on_end()

    def _fail(self, reason: str) -> None:
        """Close the connection, and count the request in progress as failed."""
        self._close()
        if self.busy:
            self.busy = False
            self._measurements.add_failure(reason, perf_counter())
            self._on_end()

    def _close(self) -> None:
        self.closed = True
        assert self._transport is not None
        self._transport.abort()
