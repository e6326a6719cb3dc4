"""The response to one request: parsed, buffered, read.

    waiting for the head ──1xx──▶ (again) ──head──▶ body ──proper end──▶ complete
            │                                        │
            └── end, garbage, silence, abort ────────┴──────────────────▶ failed

The connection passes bytes to `feed`, and its end to `end`. Each response has a parser of its own, so that nothing of
one response (httptools keeps the last trailer until it sees the next header) can show up in another.

httptools does not handle 1xx responses, bodies that end with the connection, bytes after the end, or bounds; this does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from httptools import HttpParserError, HttpResponseParser

from tollkeeper.rules.errors import AnswerTooLong, UpstreamFailure, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.services.upstreams.http.bounds import ClientBounds, Timeouts
from tollkeeper.services.upstreams.ports import Shortcut

FRAMING = 8
"""The most bytes of framing (chunk sizes and extensions) for each byte of content, beyond twice the bound of a head."""


class UpstreamDisconnected(UpstreamUnavailable):
    """The connection ended before the first byte of a response; if it was a reused one, the request may be retried."""


class ResponseConnection(Protocol):
    """The connection, as its response uses it. To ask for the running `loop` is a system call."""

    loop: asyncio.AbstractEventLoop

    def watch(self, seconds: float) -> None:
        """Call the response's `timed_out` after `seconds`, if a reader still waits then."""

    def resume(self) -> None:
        """Resume reading from the upstream; cheap when it was not paused."""

    def finished(self, *, reusable: bool) -> None:
        """The response is complete, and needs the connection no more."""

    def failed(self, error: UpstreamFailure) -> None:
        """The response has failed; the connection cannot be used again."""

    def divert(self, shortcut: Shortcut | None) -> None:
        """Have what arrives next take the shortcut. None: pass everything to `feed`."""


class Response:
    """An upstream's response. `status` and `headers` (names in lower case, repeated ones joined by a comma) are set
    once `head` returns; the content is read piece by piece.

    `complete`: its proper end has arrived, though content may still be unread; its connection is free already.
    """

    __slots__ = (
        "_between_chunks",
        "_bodiless",
        "_chunk_ended",
        "_chunks",
        "_connection",
        "_content",
        "_error",
        "_fruitless",
        "_interim",
        "_limits",
        "_parser",
        "_reusable",
        "_shortcut",
        "_surplus",
        "_taker",
        "_taker_error",
        "_timeouts",
        "_until_end",
        "_waiter",
        "_wire",
        "begun",
        "buffered",
        "complete",
        "headers",
        "status",
    )

    # The parser looks for this callback too. To find none takes an AttributeError each, a thousand
    # instructions.
    on_status = None

    def __init__(
        self, connection: ResponseConnection, timeouts: Timeouts, limits: ClientBounds, *, bodiless: bool = False
    ) -> None:
        """`bodiless`: the response to a HEAD request, which has no content, whatever its headers say."""
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.complete = False
        self.begun = False
        self.buffered = 0
        self._connection: ResponseConnection | None = connection
        self._timeouts = timeouts
        self._limits = limits
        self._bodiless = bodiless
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._error: UpstreamFailure | None = None
        self._fruitless = 0
        self._wire = self._content = 0
        self._interim = False
        self._reusable = False
        self._surplus = False
        self._taker: Callable[[bytes], bool] | None = None
        self._taker_error: Exception | None = None
        self._until_end = False
        self._shortcut: Callable[[], Shortcut | None] | None = None
        self._chunk_ended = False
        """Whether the parser has come to the end of a chunk, and not to the next one's size since."""
        self._between_chunks = False
        """Whether what arrives next begins with a chunk."""

    def __repr__(self) -> str:
        state = "complete" if self.complete else "failed" if self._error else "open" if self.status else "no head yet"
        return f"Response({self.status or '-'}, {state}, {self.buffered} bytes unread)"

    # ── for the reader ──────────────────────────────────────────────────────────────────────────────────────────────

    async def head(self) -> None:
        """Wait for `status` and `headers`. Raises UpstreamTimeout, UpstreamUnavailable (502); UpstreamDisconnected."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait(self._timeouts.first_byte)

    async def read(self) -> bytes:
        """Content received since the last call, at least one byte; b"" at the proper end. One reader at a time.

        Once everything received has been read, raises UpstreamUnavailable (502) when the response broke off or is not
        proper HTTP, UpstreamTimeout after a silence of the `event` timeout, UpstreamFailure when it was aborted.
        Cancelling the call aborts the response.
        """
        while True:
            if self._chunks:
                return self._take()
            if self.complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait(self._timeouts.event)

    async def each(self, take: Callable[[bytes], bool], shortcut: Callable[[], Shortcut | None] | None = None) -> bool:
        """Call `take` with content as it arrives, at least one byte at a time. No task wakes up for it, which would be
        half of the cost of an event. True: the response is complete. False: `take` returned False, or `stop` was
        called; call again for the rest. Raises as `read` does, and what `take` raises.

        Whenever `take` has been given all there is, and a chunk is to follow, `shortcut` is asked for a way around it
        and the parser: what arrives as one chunk, as most events do, may go there. Such content does not count in the
        bound of framing.
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
            self._taker, self._shortcut = take, shortcut
            self._divert()
            waiter = self._start_waiting(self._timeouts.event)
            try:
                await waiter  # here, since a coroutine for it would be held by each of thousands of streams
            except asyncio.CancelledError:
                self.abort()
                raise
            finally:
                self._waiter = None
                stopped, self._taker = self._taker is None, None
            error, self._taker_error = self._taker_error, None
            if error is not None:
                raise error
            if stopped:
                return False

    def stop(self) -> None:
        """Have a running `each` return False."""
        if self._taker is not None:
            self._taker = None
            if self._connection is not None:
                self._connection.divert(None)
            self._wake()

    async def read_all(self, limit: int, hold: Callable[[int], None] | None = None) -> bytes | bytearray:
        """The whole content; a bytearray where it came in pieces. `hold` is called with the size received so far as it
        grows; what it raises aborts the response. Raises as `read` does, and AnswerTooLong beyond `limit` bytes.
        """
        whole: bytes | bytearray = await self.read()
        part = whole
        while part:
            if len(whole) > limit:
                self.abort()
                raise AnswerTooLong(f"The upstream's answer is longer than {limit} bytes, which is the limit here.")
            if hold is not None:
                try:
                    hold(len(whole))
                except Exception:
                    self.abort()
                    raise
            if self.complete and not self._chunks:
                break  # as mostly: that saves a coroutine
            part = await self.read()
            if part:
                # Grown in place: a list of pieces of a byte each would take many times the memory of the content.
                whole = bytearray(whole) if isinstance(whole, bytes) else whole
                whole += part
        return whole

    def abort(self) -> None:
        """Give the response up and close its connection, so that the upstream stops. Does nothing when the response is
        complete or has failed."""
        if not self.complete and self._error is None:
            self.fail(UpstreamFailure("The upstream's answer was given up before its end."))

    def _take(self) -> bytes:
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self.buffered = 0
        if self._connection is not None:
            self._connection.resume()
        return data

    def _hand_over(self, taker: Callable[[bytes], bool]) -> None:
        """Pass what is buffered to the callback of `each`."""
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
        elif self._connection is not None:
            self._connection.watch(self._timeouts.event)

    def _divert(self) -> None:
        if self._between_chunks and self._shortcut is not None and self._connection is not None:
            self._connection.divert(self._shortcut())

    def _start_waiting(self, seconds: float) -> asyncio.Future[None]:
        assert self._connection is not None
        self._only_reader()
        waiter = self._waiter = self._connection.loop.create_future()
        self._connection.watch(seconds)
        return waiter

    async def _wait(self, seconds: float) -> None:
        waiter = self._start_waiting(seconds)
        try:
            await waiter
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._waiter = None

    def _only_reader(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("a response has one reader at a time")

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # ── for the connection ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def waiting(self) -> bool:
        """Whether a reader waits; only then does silence count."""
        return self._waiter is not None

    def feed(self, data: bytes) -> None:
        """Parse received bytes, at least one."""
        self.begun = True
        if not self.status:
            room = self._limits.head - self._fruitless
            if len(data) > room:
                # Exact whatever pieces the bytes arrive in: the head must end within its bound, the body may follow.
                self._parse(data[:room])
                data = data[room:]
        self._parse(data)
        if self._taker is not None and self._chunks and not self.complete:
            self._hand_over(self._taker)
        if self._taker is not None:
            self._divert()

    def end(self, error: Exception | None) -> None:
        """Note that the connection has ended, with `error` or in good order."""
        if self._parser is None:
            return
        if self.status and self._until_end and error is None:
            self.complete = True
            self._finish()
        elif not self.begun:
            self.fail(UpstreamDisconnected("The upstream closed the connection without an answer. Try again."))
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
        """Fail the response. What is buffered can still be read; then `error` is raised."""
        self._error = error
        self._parser = None
        connection, self._connection = self._connection, None
        self._wake()
        if connection is not None:
            connection.failed(error)

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None or not data:
            return
        self._fruitless += len(data)
        self._wire += len(data)
        try:
            parser.feed_data(data)
        except HttpParserError as error:
            # After the end it only means that the connection cannot be reused.
            self._surplus = True
            if not self.complete:
                self._garbled(error)
                return
        self._between_chunks = self._chunk_ended and data.endswith(b"\r\n")
        if self.complete:
            self._finish()
        elif self._fruitless >= self._limits.head:
            # Heads, trailers, chunk extensions: what yields no content must be bounded.
            self._too_long()
        elif self._wire - self._content > 2 * self._limits.head + FRAMING * self._content:
            self.fail(UpstreamUnavailable("The upstream's answer has more framing than content."))

    def _finish(self) -> None:
        self._parser = None
        connection, self._connection = self._connection, None
        self._wake()
        if connection is not None:
            connection.finished(reusable=self._reusable and not self._surplus)

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
            # The parser would wait for content, so the connection is not reused.
            self.complete = True
            self._reusable = False
        self._wake()

    def on_body(self, body: bytes) -> None:
        if self.complete:
            return
        self._chunks.append(body)
        size = len(body)
        self.buffered += size
        self._content += size
        self._fruitless = 0
        if self._taker is None:
            self._wake()

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self.headers.clear()
        else:
            self.complete = True

    def on_chunk_header(self) -> None:
        self._chunk_ended = False

    def on_chunk_complete(self) -> None:
        self._chunk_ended = True
