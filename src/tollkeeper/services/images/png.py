"""The structure of a PNG (W3C "Portable Network Graphics", third edition): every chunk, and what its pixels inflate to.

Pillow forgives too few pixels, and never looks at what comes after the last one: decoders that inflate all of the data
first would fill memory with it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from tollkeeper.services.images.bounds import MAX_PARTS, Size, broken, check_frames, sized, truncated

MAGIC = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples of a pixel, by colour type."""
WHOLE = ((0, 0, 1, 1),)
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column, first row, and the steps of each pass."""
SLICE = 1 << 20
"""Bytes inflated at a time."""


class Header(NamedTuple):
    size: Size
    bits: int
    """Of one pixel."""

    passes: tuple[tuple[int, int, int, int], ...]

    @property
    def inflated(self) -> int:
        """What the pixels must inflate to: in each pass, each row has a filter byte and whole bytes of pixels."""
        total = 0
        for left, top, across, down in self.passes:
            columns = len(range(left, self.size.width, across))
            rows = len(range(top, self.size.height, down))
            total += rows * (1 + (columns * self.bits + 7) // 8) if columns else 0
        return total


def survey(data: bytes) -> Size:
    """The size of a PNG of which every chunk is whole up to the last. Raises InvalidImage."""
    chunks = _chunks(data)
    header = _header(*next(chunks))
    inflater = Inflater(header.inflated)
    for kind, body in chunks:
        if kind == b"IDAT":
            inflater.feed(body)
        elif kind == b"acTL":
            check_frames(int.from_bytes(body[:4], "big"))
        elif kind == b"IEND":
            inflater.finish()
            break
    return header.size


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Every chunk's kind and body. Never ends: whoever reads on after the last chunk is told that it is not whole."""
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
        yield kind, view[place + 8 : end - 4]
        place = end
    raise broken("it has too many parts")


def _header(kind: bytes, body: memoryview) -> Header:
    if kind != b"IHDR" or len(body) != 13:
        raise broken("it has no header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    if colour not in SAMPLES or depth not in (1, 2, 4, 8, 16):
        raise broken("its kind of pixels is unknown")
    return Header(sized(width, height), SAMPLES[colour] * depth, ADAM7 if interlaced else WHOLE)


class Inflater:
    """Inflates to nothing, to count."""

    def __init__(self, expected: int) -> None:
        self._left = expected
        self._stream = zlib.decompressobj()

    def feed(self, data: memoryview) -> None:
        """Raises InvalidImage when the data is broken, or as soon as it is more than expected."""
        rest: bytes | memoryview = data
        while rest and not self._stream.eof:
            try:
                self._left -= len(self._stream.decompress(rest, SLICE))
            except zlib.error:
                raise broken("its pixels cannot be read") from None
            if self._left < 0:
                raise broken("it holds more than its pixels")
            rest = self._stream.unconsumed_tail

    def finish(self) -> None:
        """Raises InvalidImage when the data was less than expected."""
        if self._left or not self._stream.eof:
            raise broken("pixels are missing")
