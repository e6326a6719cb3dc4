"""The structure of a PNG (W3C "Portable Network Graphics", third edition): its chunks, and the size of its pixels.

Pillow tolerates missing pixels, and ignores data after the last one: decoders that inflate everything first would fill
memory with it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from tollkeeper.wire.images import exif
from tollkeeper.wire.images.bounds import MAX_PARTS, Size, Survey, broken, check_frames, checked_size, truncated

MAGIC = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by colour type."""
WHOLE = ((0, 0, 1, 1),)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Passes, each as first column, first row, and steps across and down."""
SLICE = 1 << 20
"""Bytes inflated at a time."""
MAX_TEXTS = 8_000_000
"""Bytes that compressed texts and colour profiles may inflate to, since other decoders inflate them."""
INFLATED, INTERLACED, DEFLATED = 6, 8, 30
"""Nanoseconds per byte of inflated pixels, the same where they are interlaced, and per byte of the file, which is
inflated twice: to be counted and to be decoded."""


class Header(NamedTuple):
    size: Size
    bits: int
    """Bits of one pixel."""

    passes: tuple[tuple[int, int, int, int], ...]

    @property
    def inflated(self) -> int:
        """Bytes that the pixels must inflate to: in each pass, each row has a filter byte and whole bytes of pixels."""
        total = 0
        for left, top, across, down in self.passes:
            columns = len(range(left, self.size.width, across))
            rows = len(range(top, self.size.height, down))
            total += rows * (1 + (columns * self.bits + 7) // 8) if columns else 0
        return total

    @property
    def work(self) -> int:
        return self.inflated * (INFLATED if self.passes is WHOLE else INTERLACED)


def survey(data: bytes) -> Survey:
    """Survey a PNG, which must be complete up to the last chunk; pixels are not inflated yet. Raises InvalidImage."""
    chunks = _chunks(data)
    kind, body, whole = next(chunks)
    header = _header(kind, body)
    kept: list[bytes | memoryview] = [MAGIC, whole]
    texts, turned = Inflater(MAX_TEXTS), 1
    for kind, body, whole in chunks:
        if kind == b"acTL":
            check_frames(int.from_bytes(body[:4], "big"))
        elif kind == b"eXIf":
            turned = exif.orientation(body)
        elif kind in COMPRESSED:
            texts.feed_one(_compressed(kind, body))
        if kind == b"tRNS" or not kind[0] & 0x20:  # critical chunks begin with a capital
            kept.append(whole)
        if kind == b"IEND":
            break
    work = header.work + len(data) * DEFLATED
    return Survey(header.size, work, b"".join(kept), turned)


def check_pixels(bare: bytes) -> None:
    """Inflate the pixels of a surveyed PNG. Raises InvalidImage where they are too few or too many."""
    chunks = _chunks(bare)
    kind, body, _ = next(chunks)
    inflater = Inflater(_header(kind, body).inflated)
    for kind, body, _ in chunks:
        if kind == b"IDAT":
            inflater.feed(body)
        elif kind == b"IEND":
            inflater.finish()
            return


COMPRESSED = frozenset({b"zTXt", b"iTXt", b"iCCP"})


def _compressed(kind: bytes, body: memoryview) -> memoryview:
    """The compressed part of a text or colour profile; empty where there is none."""
    data = bytes(body)
    keyword = data.find(0)
    if kind != b"iTXt":
        return body[keyword + 2 :]
    if data[keyword + 1 : keyword + 2] != b"\1":
        return body[:0]
    language = data.find(0, keyword + 3)
    return body[data.find(0, language + 1) + 1 :]


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """The kind, the body and all bytes of each chunk. Raises InvalidImage at the end of the data: callers stop at the
    last chunk."""
    view = memoryview(data)
    place = len(MAGIC)
    for _ in range(MAX_PARTS):
        if place + 12 > len(data):
            raise truncated()
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 12 + length
        if end > len(data):
            raise truncated()
        if zlib.crc32(view[place + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
            raise broken("a checksum is wrong")
        yield kind, view[place + 8 : end - 4], view[place:end]
        place = end
    raise broken("it has too many parts")


def _header(kind: bytes, body: memoryview) -> Header:
    if kind != b"IHDR" or len(body) != 13:
        raise broken("it has no header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    if colour not in SAMPLES or depth not in (1, 2, 4, 8, 16):
        raise broken("its kind of pixels is unknown")
    return Header(checked_size(width, height), SAMPLES[colour] * depth, ADAM7 if interlaced else WHOLE)


class Inflater:
    """Inflates data to count it, and discards the result."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self._stream = zlib.decompressobj()

    def feed(self, data: memoryview) -> None:
        """Count more data. Raises InvalidImage when it is broken, or as soon as it is more than expected."""
        rest: bytes | memoryview = data
        while rest and not self._stream.eof:
            try:
                self._left -= len(self._stream.decompress(rest, SLICE))
            except zlib.error:
                raise broken("its pixels cannot be read") from None
            if self._left < 0:
                raise broken("it holds more than its pixels")
            rest = self._stream.unconsumed_tail

    def feed_one(self, data: memoryview) -> None:
        """Count a separate stream, which may be cut off or broken, since it is not needed. Raises InvalidImage as soon
        as all streams together are more than expected."""
        self._stream = zlib.decompressobj()
        rest: bytes | memoryview = data
        while rest and not self._stream.eof:
            try:
                self._left -= len(self._stream.decompress(rest, SLICE))
            except zlib.error:
                return
            if self._left < 0:
                raise broken("its texts are too long")
            rest = self._stream.unconsumed_tail

    def finish(self) -> None:
        """Check the count. Raises InvalidImage when the data was less than expected."""
        if self._left or not self._stream.eof:
            raise broken("pixels are missing")
