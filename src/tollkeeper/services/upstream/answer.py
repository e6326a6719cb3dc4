"""What comes back for one request: parsed, buffered, read.

    waiting for the head ──1xx──▶ (again) ──head──▶ body ──proper end──▶ complete
            │                                        │
            └── end, garbage, silence, abort ────────┴──────────────────▶ failed

Bytes go in by `feed`, the end of the connection by `end`. Each answer has a parser of its own, so that nothing of
one answer (httptools keeps the last trailer until it sees the next header) can show up in another.

httptools leaves to us: 1xx answers, a body that ends with the connection, what follows after the end, and every bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from httptools import HttpParserError, HttpResponseParser

from tollkeeper.rules.errors import UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstream.limits import Limits, Timeouts


class NothingCameBack(UpstreamUnavailable):
    """The connection ended before the first byte of an answer: on a reused one the request may be sent once more."""


class Line(Protocol):
    """What an answer needs of its connection."""

    def watch(self, seconds: float) -> None:
        """Call the answer's `timed_out` in so many seconds, if it is still waiting then."""

    def resume(self) -> None:
        """Let the upstream send again; cheap when it was never held back."""

    def finished(self, *, reusable: bool) -> None:
        """The answer came whole and needs the connection no more."""

    def failed(self, error: UpstreamFailure) -> None:
        """The answer is given up; the connection cannot be used again."""


class Answer:
    """One answer of an upstream. `status` and `headers` (names in lower case, repeated ones joined by a comma) are
    there from the start; the content is read piece by piece.

    `complete`: its proper end has arrived (though bytes may still wait to be read); its connection is free already.
    """

    __slots__ = (
        "_bodiless",
        "_chunks",
        "_error",
        "_fruitless",
        "_interim",
        "_limits",
        "_line",
        "_parser",
        "_reusable",
        "_surplus",
        "_taker",
        "_taker_error",
        "_timeouts",
        "_until_end",
        "_waiter",
        "begun",
        "buffered",
        "complete",
        "headers",
        "status",
    )

    def __init__(self, line: Line, timeouts: Timeouts, limits: Limits, *, bodiless: bool = False) -> None:
        """`bodiless`: the answer to a HEAD request, whose headers speak of content that does not come."""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.complete = False
        self.begun = False
        self.buffered = 0
        self._line: Line | None = line
        self._timeouts = timeouts
        self._limits = limits
        self._bodiless = bodiless
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._error: UpstreamFailure | None = None
        self._fruitless = 0
        self._interim = False
        self._reusable = False
        self._surplus = False
        self._taker: Callable[[bytes], bool] | None = None
        self._taker_error: Exception | None = None
        self._until_end = False

    def __repr__(self) -> str:
        state = "complete" if self.complete else "failed" if self._error else "open" if self.status else "no head yet"
        return f"Answer({self.status or '-'}, {state}, {self.buffered} bytes unread)"

    # ── for the reader ──────────────────────────────────────────────────────────────────────────────────────────────

    async def head(self) -> None:
        """Wait for `status` and `headers`. Raises UpstreamTimeout, UpstreamUnavailable (502); NothingCameBack."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait(self._timeouts.first_byte)

    async def read(self) -> bytes:
        """What came since the last call, at least one byte; b"" at the proper end. One reader at a time.

        Raises, once all that came before has been read, UpstreamUnavailable (502) when the answer broke off or is not
        proper HTTP, UpstreamTimeout when nothing came for the `event` timeout, UpstreamFailure when it was aborted.
        A cancelled call aborts the answer.
        """
        while True:
            if self._chunks:
                return self._take()
            if self.complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait(self._timeouts.event)

    async def each(self, take: Callable[[bytes], bool]) -> bool:
        """Give what comes to `take` at the moment that it comes, at least one byte at a time: no task wakes up for it,
        which is half of what an event costs. True: that was all, up to the proper end. False: `take` gave False, and
        will have the rest when this is called again. Raises as `read` does, and what `take` raises.
        """
        while True:
            while self._chunks:
                if not take(self._take()):
                    return False
            if self.complete:
                return True
            if self._error is not None:
                raise self._error
            self._only_reader()
            self._taker = take
            try:
                await self._wait(self._timeouts.event)
            finally:
                stopped, self._taker = self._taker is None, None
            error, self._taker_error = self._taker_error, None
            if error is not None:
                raise error
            if stopped:
                return False

    async def read_all(self, limit: int) -> bytes:
        """The whole content. Raises as `read` does, and UpstreamFailure (and aborts) beyond `limit` bytes."""
        parts = []
        size = 0
        while part := await self.read():
            size += len(part)
            if size > limit:
                self.abort()
                raise UpstreamFailure(f"The upstream's answer is longer than {limit} bytes, which is the limit here.")
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def abort(self) -> None:
        """Give the answer up and close its connection, which tells the upstream to stop. Does nothing when the answer
        is complete or has failed."""
        if not self.complete and self._error is None:
            self.fail(UpstreamFailure("The upstream's answer was given up before its end."))

    def _take(self) -> bytes:
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.buffered = 0
        if self._line is not None:
            self._line.resume()
        return data

    def _hand_over(self, taker: Callable[[bytes], bool]) -> None:
        """Give what is there to whoever waits in `each`."""
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.buffered = 0
        try:
            goes_on = taker(data)
        except Exception as error:  # noqa: BLE001 (it is raised where `each` was called)
            self._taker_error = error
            goes_on = False
        if not goes_on:
            self._taker = None
            self._wake()
        elif self._line is not None:
            self._line.watch(self._timeouts.event)

    async def _wait(self, seconds: float) -> None:
        assert self._line is not None
        self._only_reader()
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self._line.watch(seconds)
        try:
            await waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._waiter = None

    def _only_reader(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("an answer has one reader at a time")

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # ── for the connection ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def waiting(self) -> bool:
        """Whether a reader waits: only then does silence count."""
        return self._waiter is not None

    def feed(self, data: bytes) -> None:
        """Bytes that came, at least one."""
        self.begun = True
        if not self.status:
            room = self._limits.head - self._fruitless
            if len(data) > room:
                # Exact whatever pieces the bytes come in: the head must end within its bound, the body may follow.
                self._parse(data[:room])
                data = data[room:]
        self._parse(data)
        if self._taker is not None and self._chunks and not self.complete:
            self._hand_over(self._taker)

    def end(self, error: Exception | None) -> None:
        """The connection has ended, with `error` or in good order."""
        if self._parser is None:
            return
        if self.status and self._until_end and error is None:
            self.complete = True
            self._finish()
        elif not self.begun:
            self.fail(NothingCameBack("The upstream closed the connection without an answer. Try again."))
        elif not self.status:
            self.fail(UpstreamUnavailable("The upstream's answer broke off in its head. Try again."))
        else:
            self.fail(UpstreamUnavailable("The upstream's answer broke off before its end."))

    def timed_out(self) -> None:
        if self.status:
            self.fail(UpstreamTimeout(f"The upstream fell silent for {self._timeouts.event:g} s in its answer."))
        else:
            seconds = self._timeouts.first_byte
            self.fail(UpstreamTimeout(f"The upstream did not begin to answer within {seconds:g} s. Try again later."))

    def fail(self, error: UpstreamFailure) -> None:
        """Whatever has been buffered can still be read; then `error` is raised."""
        self._error = error
        self._parser = None
        line, self._line = self._line, None
        self._wake()
        if line is not None:
            line.failed(error)

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None or not data:
            return
        self._fruitless += len(data)
        try:
            parser.feed_data(data)
        except HttpParserError as error:
            # After the end this only means that the connection is of no more use.
            self._surplus = True
            if not self.complete:
                self._garbled(error)
                return
        if self.complete:
            self._finish()
        elif self._fruitless >= self._limits.head:
            # Heads, trailers, chunk extensions: what yields no content must not go on without bound.
            self._too_long()

    def _finish(self) -> None:
        self._parser = None
        line, self._line = self._line, None
        self._wake()
        if line is not None:
            line.finished(reusable=self._reusable and not self._surplus)

    def _garbled(self, error: HttpParserError) -> None:
        reason = str(error.__context__ or error)
        self.fail(UpstreamUnavailable(f"The upstream's answer is not proper HTTP ({reason})."))

    def _too_long(self) -> None:
        self.fail(UpstreamUnavailable(f"The upstream's answer has {self._limits.head} bytes of headers or more."))

    # ── called by httptools ─────────────────────────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        if self.complete:
            self._surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:
            return
        name = name.lower()
        value = value.rstrip()
        headers = self.headers
        headers[name] = headers[name] + b", " + value if name in headers else value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        if status < 200:
            if status <= 101 and status != 100:
                raise ValueError(f"status {status} out of place")
            self._interim = True
            return
        headers = self.headers
        coding = headers.get(b"transfer-encoding")
        if coding is not None and coding.lower() != b"chunked":
            raise ValueError("a transfer coding that was not asked for")
        self._until_end = coding is None and b"content-length" not in headers and status not in (204, 304)
        self._reusable = self._parser.should_keep_alive()
        self._fruitless = 0
        self.status = status
        if self._bodiless:
            # The parser would wait for the content, so this connection ends here.
            self.complete = True
            self._reusable = False
        self._wake()

    def on_body(self, body: bytes) -> None:
        if self.complete:
            return
        self._chunks.append(body)
        self.buffered += len(body)
        self._fruitless = 0
        if self._taker is None:
            self._wake()

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self.headers.clear()
        else:
            self.complete = True
