"""One socket: a request, then its answer, then the next. A connection that ended is not used again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast

from httptools import HttpParserError, HttpResponseParser

from tollkeeper.cli.load.reading import Streamed, Whole
from tollkeeper.cli.load.tally import Tally

NOT_HTTP = "not HTTP"
NO_ANSWER = "closed without an answer"
BROKE_OFF = "broke off in mid-answer"
SILENT = "timed out"


class Connection(asyncio.Protocol):
    """`on_end` is called after each request, whatever came of it. `closed`: it can take no request."""

    def __init__(self, tally: Tally, on_end: Callable[[], None], *, streams: bool) -> None:
        self.closed = False
        self.waiting = False
        self._tally = tally
        self._on_end = on_end
        self._whole = Whole(tally)
        self._streamed = Streamed(tally) if streams else None
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._reader: Whole | Streamed | None = None
        self._parts: list[bytes] = []
        self._began = 0.0
        self._heard = 0.0
        self._complete = False
        self._keeps = True

    def send(self, request: bytes, began: float, now: float) -> None:
        """`began` is the moment its latency counts from."""
        assert self._transport is not None
        self.waiting = True
        self._began = began
        self._heard = now
        self._reader = None
        self._transport.write(request)

    def give_up(self) -> None:
        """End it; a request under way counts as nothing."""
        self.waiting = False
        self._close()

    def watch(self, since: float) -> None:
        """Give a request up of which nothing was heard `since` that moment."""
        if self.waiting and self._heard < since:
            self._fail(SILENT)

    # ── the loop and the parser call ────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.waiting:
            return
        if self._reader is None:
            self._fail(NO_ANSWER)
        elif exc is None and not self._keeps:
            self._end()  # the end of the connection may be that of the answer: its content tells
        else:
            self._fail(BROKE_OFF)

    def data_received(self, data: bytes) -> None:
        now = self._heard = perf_counter()
        self._tally.reads += 1
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
            self._tally.received += len(body)
            reader.take(body, now)
        if self._complete:
            self._complete = False
            if not self._keeps:
                self._close()
            if self.waiting:
                self._end()
        elif reader is not None and reader.fault is not None:
            self._fail(reader.fault)

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200 and self.waiting:
            self._tally.statuses[status] += 1
            self._keeps = self._parser.should_keep_alive()
            self._reader = self._streamed if status == 200 and self._streamed is not None else self._whole
            self._reader.begin(self._began)

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self._complete = self._reader is not None  # else it was an interim answer

    def _end(self) -> None:
        """The answer has come to its end."""
        assert self._reader is not None
        fault = self._reader.judge(self._parser.get_status_code())
        self.waiting = False
        if fault is None:
            self._tally.good(self._began, self._heard)
        else:
            self._tally.fault(fault, self._heard)
        self._on_end()

    def _fail(self, words: str) -> None:
        """The answer does not come to its end."""
        self._close()
        if self.waiting:
            self.waiting = False
            self._tally.fault(words, perf_counter())
            self._on_end()

    def _close(self) -> None:
        self.closed = True
        assert self._transport is not None
        self._transport.abort()
