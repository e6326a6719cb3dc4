"""Content codings of request bodies (RFC 9110, 8.4): gzip, deflate, br and zstd, decoded piece by piece.

A decoder returns at most `PIECE` bytes at a time, whatever it was fed: the caller decides when the body is too large.
"""

from __future__ import annotations

import sys
import zlib
from collections import deque
from collections.abc import Callable
from typing import Protocol

import brotli

from tollkeeper.rules.errors import BadRequest, UnsupportedCoding

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 16
MAX_CODINGS = 3
SLACK = 1 << 20
"""Bytes by which a coded body may exceed its decoded form: more is no compression."""
_MAX_STREAMS = 1000
_SEND = "Compress it anew, or send it as it is."
_WINDOW_LOG = 23
"""8 MB, the most that zstd may need as a content coding (RFC 9659)."""


class _Stream(Protocol):
    """The decoder of one coded stream. `feed` returns at most `PIECE` bytes."""

    def feed(self, data: bytes) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def ended(self) -> bool: ...
    @property
    def rest(self) -> bytes: ...


class _Zlib:
    """gzip (RFC 1952), or deflate: in zlib's format (RFC 1950), or raw (RFC 1951), as some clients send it."""

    def __init__(self, wbits: int | None) -> None:
        self._decoder = None if wbits is None else zlib.decompressobj(wbits)
        self._head = b""
        self._full = False

    def feed(self, data: bytes) -> bytes:
        if self._decoder is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            data, self._head = self._head, b""
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._decoder = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        piece = self._decoder.decompress(self._decoder.unconsumed_tail + data, PIECE)
        self._full = len(piece) == PIECE  # there may be more, even when all input was read
        return piece

    @property
    def needs_input(self) -> bool:
        return self._decoder is None or not (self._full or self._decoder.unconsumed_tail)

    @property
    def ended(self) -> bool:
        return self._decoder is not None and self._decoder.eof

    @property
    def rest(self) -> bytes:
        return b"" if self._decoder is None else self._decoder.unused_data


class _Brotli:
    """br (RFC 7932)."""

    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()
        self.rest = b""
        self._full = False

    def feed(self, data: bytes) -> bytes:
        piece: bytes = self._decoder.process(data, output_buffer_limit=PIECE)
        self._full = len(piece) >= PIECE  # it may notice its end only at the next call
        return piece

    @property
    def needs_input(self) -> bool:
        return not self._full and bool(self._decoder.can_accept_more_data())

    @property
    def ended(self) -> bool:
        return bool(self._decoder.is_finished())


class _Zstd:
    """zstd (RFC 8878)."""

    def __init__(self) -> None:
        self._decoder = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})

    def feed(self, data: bytes) -> bytes:
        return self._decoder.decompress(data, PIECE)

    @property
    def needs_input(self) -> bool:
        return self._decoder.needs_input

    @property
    def ended(self) -> bool:
        return self._decoder.eof

    @property
    def rest(self) -> bytes:
        return self._decoder.unused_data


_gzip: Callable[[], _Stream] = lambda: _Zlib(zlib.MAX_WBITS | 16)  # noqa: E731 (a row of the table)
CODINGS: dict[str, Callable[[], _Stream]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": lambda: _Zlib(None),
    "br": _Brotli,
    "zstd": _Zstd,
}
_IN_FRAMES = frozenset({"gzip", "x-gzip", "zstd"})
"""Codings whose streams may follow one another (RFC 1952, 2.2; RFC 8878, 3)."""
_FAULTS = (zlib.error, brotli.error, zstd.ZstdError)


class _Stage:
    """One coding of a body. `source` returns coded data, None where there is no more yet."""

    def __init__(self, coding: str, source: Callable[[], bytes | None]) -> None:
        self._coding = coding
        self._source = source
        self._stream = CODINGS[coding]()
        self._begun = False
        self._streams = 1

    def take(self) -> bytes | None:
        """The next decoded piece; None: more input is needed. Raises BadRequest."""
        while True:
            if self._stream.ended:
                data = self._stream.rest or self._source()
                if not data:
                    return None
                self._streams += 1
                if self._coding not in _IN_FRAMES or self._streams > _MAX_STREAMS:
                    raise BadRequest(f"Something follows the end of the {self._coding} body. {_SEND}")
                self._stream = CODINGS[self._coding]()
            elif self._stream.needs_input:
                data = self._source()
                if data is None:
                    return None
            else:
                data = b""
            self._begun = True
            try:
                piece = self._stream.feed(data)
            except _FAULTS:
                raise BadRequest(f"The body is not {self._coding}, as Content-Encoding says. {_SEND}") from None
            if piece:
                return piece

    def finish(self) -> None:
        if self._begun and not self._stream.ended:
            raise BadRequest(f"The {self._coding} body ends before its end: it was cut off. {_SEND}")


class Decoder:
    """Decodes one body: `feed` each part, `take` pieces until there are none, and `finish` at the end."""

    def __init__(self, codings: list[str]) -> None:
        self._waiting: deque[bytes] = deque()
        self._stages: list[_Stage] = []
        source: Callable[[], bytes | None] = self._next
        for coding in reversed(codings):
            stage = _Stage(coding, source)
            self._stages.append(stage)
            source = stage.take
        self._coded = self.decoded = 0

    def __repr__(self) -> str:
        return f"Decoder({self._coded} bytes became {self.decoded})"

    def feed(self, data: bytes) -> None:
        """Add a part of the coded body. Raises BadRequest where it is far longer than its decoded form."""
        self._coded += len(data)
        if self._coded > self.decoded + SLACK:
            raise BadRequest(f"The compressed body is longer than its content. {_SEND}")
        self._waiting.append(data)

    def take(self) -> bytes | None:
        """The next piece of the body, of about `PIECE` bytes at most; None: feed more first. Raises BadRequest."""
        piece = self._stages[-1].take()
        if piece is not None:
            self.decoded += len(piece)
        return piece

    def finish(self) -> None:
        """Check that the body is complete. Raises BadRequest where it was cut off."""
        for stage in self._stages:
            stage.finish()

    def _next(self) -> bytes | None:
        return self._waiting.popleft() if self._waiting else None


def decoder_of(content_encoding: str) -> Decoder | None:
    """The decoder for a Content-Encoding header; None: the body is not coded. Raises UnsupportedCoding."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    codings = [name for name in names if name not in ("", "identity")]
    if len(codings) > MAX_CODINGS or not CODINGS.keys() >= set(codings):
        raise UnsupportedCoding(
            "The Content-Encoding of the body is not supported here. Send it as it is, or in one of gzip, deflate, br "
            "and zstd.",
            param="Content-Encoding",
        )
    return Decoder(codings) if codings else None
