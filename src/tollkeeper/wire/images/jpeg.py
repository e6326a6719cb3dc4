"""The structure of a JPEG (ITU-T T.81, annex B): its segments, its frame, its scans, its end.

Progressive files may have any number of scans, each of which costs a decoder a pass over all pixels.
"""

from __future__ import annotations

import re
import struct

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.wire.images import exif
from tollkeeper.wire.images.bounds import MAX_PARTS, Size, Survey, broken, checked_size, truncated

MAGIC = b"\xff\xd8\xff"
MAX_SCANS = 100
"""Scans of a file; encoders that search for the smallest progressive file make about twenty."""
SAMPLE, SAMPLE_OF_SCAN, BYTE = 2, 2, 10
"""Nanoseconds of decoding per sample of the picture, per sample that a scan covers, and per byte."""

START, END, SCAN = 0xD8, 0xD9, 0xDA
FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive, Huffman coded: what decoders read."""
OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Lossless, hierarchical and arithmetic coded."""
JFIF, EXIF, ADOBE = 0xE0, 0xE1, 0xEE
TEXTS = frozenset({*range(0xE0, 0xF0), 0xFE}) - {JFIF, ADOBE}
"""Segments that do not affect pixels. (JFIF and Adobe segments affect colours.)"""
MARKER = re.compile(rb"\xff{1,1024}[^\x00\xff\xd0-\xd7]")
"""A marker at the end of a segment; FF may be repeated as padding."""
AFTER_PIXELS = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The next marker after pixels, in which FF is followed by 00 or a restart. A `+` would make a search through millions
of FF quadratic."""
SLICE = 1 << 18
"""Bytes searched at a time: a search keeps other threads from running."""


def survey(data: bytes) -> Survey:
    """Survey a JPEG, which must be complete up to the end marker. Raises InvalidImage."""
    view = memoryview(data)
    size: Size | None = None
    scans = components = samples = 0
    turned = 1
    kept: list[bytes | memoryview] = [view[:2]]
    place = 2
    for _ in range(MAX_PARTS):
        start = place
        found = _after_pixels(data, place) if scans else MARKER.match(data, place)
        if found is None:
            raise truncated() if scans or place >= len(data) else broken("a segment is missing")
        kept.append(view[start : found.start()])  # pixels
        marker = data[found.end() - 1]
        place = found.end()
        if marker == END:
            if size is None or not scans:
                raise broken("it has no pixels")
            kept.append(b"\xff\xd9")
            work = size.pixels * (components * SAMPLE + samples * SAMPLE_OF_SCAN) + len(data) * BYTE
            return Survey(size, work, b"".join(kept), turned)
        if place + 2 > len(data):
            raise truncated()
        end = place + int.from_bytes(data[place : place + 2], "big")
        if end > len(data):
            raise truncated()
        if marker in FRAMES:
            if size is not None or end < place + 8:
                raise broken("its frame cannot be read")
            height, width, components = struct.unpack_from(">HHB", data, place + 3)
            size = checked_size(width, height)
        elif marker in OTHER_FRAMES:
            raise InvalidImage(
                "This kind of JPEG is not supported: save it as baseline or progressive JPEG, or as PNG."
            )
        elif marker == SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise broken("it has too many scans")
            samples += min(data[place + 2], 4) if end > place + 2 else 0
        elif marker == EXIF and turned == 1:
            turned = exif.orientation(view[place + 2 : end])
        if marker not in TEXTS:
            kept += (bytes((0xFF, marker)), view[place:end])
        place = end
    raise broken("it has too many parts")


def _after_pixels(data: bytes, place: int) -> re.Match[bytes] | None:
    for start in range(place, len(data), SLICE):
        found = AFTER_PIXELS.search(data, start, start + SLICE + 1)
        if found is not None:
            return found
    return None
