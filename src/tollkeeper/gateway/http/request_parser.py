"""Parser from bytes to requests, on httptools: a head, the pieces of its body, its end; one message at a time.

The parser of httptools cannot be stopped at the end of a message. So it is fed no more than belongs to one message: up
to the end of a body of known length, else up to the next empty line, the only place where a head or a chunked body can
end. Further checks of RFC 9112 are in `framing.py`. A head that a connection has sent before needs no parser, and
neither does the body behind it (`known_head.py`).
"""

from __future__ import annotations

import re
from typing import Protocol

import httptools

from tollkeeper.gateway.http.framing import (
    MAX_HEAD_BYTES,
    RequestLine,
    Target,
    begins_like_a_request,
    check_codings,
    framing_too_large,
    head_too_large,
    options,
    read_request_line,
    read_target,
    unreadable,
    unreadable_body,
    with_host,
)
from tollkeeper.gateway.http.known_head import CONTENT_LENGTH, MAX_MISSES, KnownHead, known_head
from tollkeeper.gateway.http.responses import Headers

END_OF_HEAD = b"\r\n\r\n"
FRAMING = 8
"""Bytes of framing (chunk sizes, trailers) allowed per byte of body, beyond the maximum size of a head."""
PIECE = 2048
"""Bytes of chunks that are parsed in one go."""
_CR = 13
_EMPTY_LINES = re.compile(rb"[\r\n]+")


class Sink(Protocol):
    """The receiver of parsed requests. None of its methods raises."""

    def on_request(
        self, line: RequestLine, target: Target, headers: Headers, by_name: dict[bytes, bytes], *, keep_alive: bool
    ) -> None:
        """Called when a head is complete and valid; names of headers are in lower case, `by_name` has the last value of
        each."""

    def on_body(self, body: bytes) -> None:
        """Called with each piece of the body."""

    def on_end(self) -> None:
        """Called at the end of the request."""


class RequestParser:
    """Incremental parser of the requests of one connection.

    `line` is the first line of the current or last request; `in_message` is set while a request is being parsed,
    `in_head` while its head is incomplete. `body_left` counts the bytes left of a body of known length.
    """

    __slots__ = (
        "_body_bytes",
        "_complete",
        "_first",
        "_framing_bytes",
        "_head_bytes",
        "_head_complete",
        "_headers",
        "_keep_alive",
        "_known",
        "_misses",
        "_parser",
        "_partial",
        "_sink",
        "_tail",
        "_target",
        "_unparsed",
        "body_left",
        "in_head",
        "in_message",
        "line",
    )

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parser: httptools.HttpRequestParser | None = None
        self._headers: Headers = []
        self._head_complete = self._complete = self._keep_alive = False
        self._head_bytes = self._framing_bytes = self._body_bytes = self.body_left = 0
        self._partial = b""
        """The beginning of an incomplete first line."""
        self._tail = b""
        """The last bytes parsed, in which an empty line may have begun."""
        self._first = b""
        self.line: RequestLine | None = None
        self._target: Target | None = None
        self._known: KnownHead | None = None
        """The last head, which had this `line` and target, where it can be known again."""
        self._misses = 0
        """Heads that were kept since one came again."""
        self._unparsed = False
        """Whether the parser saw nothing of the current request, since its head was known."""
        self.in_head = False
        self.in_message = False

    def __repr__(self) -> str:
        return f"RequestParser({self.line!r}, in_head={self.in_head}, in_message={self.in_message})"

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_version=True)  # accepted versions are decided in `framing.py`
        return parser

    def close(self) -> None:
        """Release the parser and the sink, which refer back to this: that keeps all alive."""
        self._parser = self._sink = None  # type: ignore[assignment]

    def release(self) -> None:
        """Let go of the parser of httptools up to the next request, which takes 800 bytes, and of the known head, which
        takes 1,600."""
        self._known = None
        if not self.in_message:
            self._parser = None

    def skip_empty_lines(self, data: bytes, start: int) -> int:
        """Return the offset at which the next request begins in `data`. (RFC 9112, 2.2.)"""
        if data[start] > _CR or self._partial:
            return start
        found = _EMPTY_LINES.match(data, start)
        return start if found is None else found.end()

    def feed(self, data: bytes, start: int) -> int:
        """Parse `data` from `start`, at most to the end of a message. Returns the offset at which to go on. Raises
        BadRequest, RequestTooLarge."""
        ahead = 0
        if self._partial:
            ahead = len(self._partial) - start
            data, start, self._partial = self._partial + data[start:], 0, b""
        if not self.in_message:
            if self._known is not None and (read := self._known.read(data, start)) is not None:
                return self._begin_known(data, *read) - ahead
            if not self._begin(data, start):
                return len(data) - ahead
        elif self._unparsed:
            return self._pass_body(data, start)
        end = self._end_of_piece(data, start)
        self._read(data if end - start == len(data) else data[start:end])
        return end - ahead

    # ── called by httptools ─────────────────────────────────────────────────────────────────────────────────────────

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # else a trailer, which is ignored
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self._head_complete = True
        assert self._parser is not None
        self._keep_alive = self._parser.should_keep_alive()  # the parser forgets it at the end of the message

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self.body_left:
            self.body_left -= len(body)
        self._sink.on_body(body)

    def on_message_complete(self) -> None:
        self._complete = True

    # ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_known(self, data: bytes, headers: Headers, by_name: dict[bytes, bytes], start: int) -> int:
        """Begin a request by a known head, with a body from `start` on. Returns the offset at which to go on."""
        assert self.line is not None
        assert self._target is not None
        self.in_message = self._unparsed = True
        self._misses = 0
        self.body_left = int(by_name[CONTENT_LENGTH])
        self._sink.on_request(self.line, self._target, headers, by_name, keep_alive=True)
        return self._pass_body(data, start)

    def _pass_body(self, data: bytes, start: int) -> int:
        """Pass on what `data` has of a body of known length, and return the offset behind it."""
        body = data[start : start + self.body_left]
        if body:
            self.body_left -= len(body)
            self._sink.on_body(body)
        if not self.body_left:
            self.in_message = False
            self._sink.on_end()
        return start + len(body)

    def _begin(self, data: bytes, start: int) -> bool:
        """Parse the first line of a request. Returns False while it is incomplete."""
        self.in_head = True
        self._known, self._unparsed = None, False
        known = self._first
        if not known or data[start : start + len(known)] != known:  # most clients repeat the same request line
            end = data.find(b"\n", start) + 1
            if not end:
                self._partial = data[start:]
                if len(self._partial) > MAX_HEAD_BYTES:
                    raise head_too_large()
                if not begins_like_a_request(self._partial):
                    raise unreadable()
                return False
            first = data[start:end]
            self.line = line = read_request_line(first)
            self._target = read_target(line.method, line.target)
            self._first = first
        if self._parser is None:
            self._parser = self._new_parser()
        self.in_message = True
        self._headers = []
        self._head_complete = self._complete = False
        self._head_bytes = self._framing_bytes = self._body_bytes = self.body_left = 0
        self._tail = b""
        return True

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Return the offset up to which `data` can be fed to the parser without crossing the end of a message."""
        size = len(data)
        if self.body_left:
            return min(size, start + self.body_left)
        if self._tail:  # an empty line may have begun in what was read before
            place = (self._tail + data[start : start + 3]).find(END_OF_HEAD)
            if place >= 0:
                return start + place + len(END_OF_HEAD) - len(self._tail)
        most = size if self.in_head else min(size, start + PIECE)
        place = data.find(END_OF_HEAD, start, most)
        return most if place < 0 else place + len(END_OF_HEAD)

    def _read(self, piece: bytes) -> None:
        if self.in_head:
            self._head_bytes += len(piece)
            if self._head_bytes > MAX_HEAD_BYTES:
                raise head_too_large()
        else:
            self._framing_bytes += len(piece)
        assert self._parser is not None
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            self._read_head_without_upgrade()
        except httptools.HttpParserError:
            if not self.in_head:
                raise unreadable_body() from None
            codings = [value for name, value in self._headers if name == b"transfer-encoding"]
            if codings and self.line is not None:
                check_codings(self.line.version, codings)  # raises a more precise error
            raise unreadable() from None
        if self._head_complete and self.in_head:
            self._finish_head(piece if len(piece) == self._head_bytes else b"")
        if self._complete:
            self.in_message = False
            self._sink.on_end()
        elif not self.body_left:
            self._tail = (self._tail + piece[-3:])[-3:]
            if self._framing_bytes - self._body_bytes > MAX_HEAD_BYTES + FRAMING * self._body_bytes:
                raise framing_too_large()

    def _finish_head(self, head: bytes) -> None:
        """Check a head and pass it on. `head` are its bytes, b"" where they came in several pieces."""
        line, target = self.line, self._target
        headers, self._headers = self._headers, []
        assert line is not None
        assert target is not None
        if target.authority is not None:
            headers = with_host(headers, target.authority)
        by_name = dict(headers)
        self.body_left = int(by_name.get(CONTENT_LENGTH, 0))
        if b"transfer-encoding" in by_name:
            check_codings(line.version, [value for name, value in headers if name == b"transfer-encoding"])
        self.in_head = False
        self._tail = b""
        keep_alive = line.version == "1.1" and self._keep_alive
        if keep_alive and head and self._misses < MAX_MISSES:
            self._misses += 1
            self._known = known_head(head, headers, by_name)
        self._sink.on_request(line, target, headers, by_name, keep_alive=keep_alive)

    def _read_head_without_upgrade(self) -> None:
        """Ignore a request to upgrade, as RFC 9110 (7.8) allows. The parser takes everything after such a head for
        another protocol, so the head is parsed again without the fields that request it."""
        assert self.line is not None
        method, target, version = self.line
        head = [b"%b %b HTTP/%b" % (method.encode(), target, version.encode())]
        for name, value in self._headers:
            if name == b"connection":
                if b"close" in options(value):
                    head.append(b"connection: close")
            elif name not in (b"upgrade", b"http2-settings"):
                head.append(name + b": " + value)
        self._parser = self._new_parser()
        self._headers = []
        self._head_complete = self._complete = False
        try:
            self._parser.feed_data(b"\r\n".join([*head, b"\r\n"]))
        except httptools.HttpParserError:
            raise unreadable() from None
