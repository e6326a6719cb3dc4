"""The structure of a JPEG (ITU-T T.81, annex B): its segments, its frame, its scans, its end.

Progressive files may hold scans without end, each of which costs a decoder a pass over all pixels.
"""

from __future__ import annotations

import re
import struct

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.bounds import MAX_PARTS, Size, broken, sized, truncated

MAGIC = b"\xff\xd8\xff"
MAX_SCANS = 100
"""Encoders that search for the smallest progressive file end with about twenty."""

END, SCAN = 0xD9, 0xDA
FRAMES = (0xC0, 0xC1, 0xC2)
"""Baseline, extended and progressive, Huffman coded: what decoders read."""
OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Lossless, hierarchical and arithmetic coded."""
MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
"""At the end of a segment; may be filled up with FF."""
AFTER_PIXELS = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The next marker after pixels, in which FF is followed by 00 or a restart. A `+` would make a search through millions
of FF quadratic."""


def survey(data: bytes) -> Size:
    """The size of a JPEG whose segments are whole up to the end marker. Raises InvalidImage."""
    size: Size | None = None
    scans = 0
    place = 2
    for _ in range(MAX_PARTS):
        found = AFTER_PIXELS.search(data, place) if scans else MARKER.match(data, place)
        if found is None:
            raise truncated() if scans or place >= len(data) else broken("a segment is missing")
        marker = data[found.end() - 1]
        place = found.end()
        if marker == END:
            if size is None or not scans:
                raise broken("it has no pixels")
            return size
        if place + 2 > len(data):
            raise truncated()
        end = place + int.from_bytes(data[place : place + 2], "big")
        if end > len(data):
            raise truncated()
        if marker in FRAMES:
            if size is not None or end < place + 8:
                raise broken("its frame cannot be read")
            height, width = struct.unpack_from(">HH", data, place + 3)
            size = sized(width, height)
        elif marker in OTHER_FRAMES:
            raise InvalidImage(
                "This kind of JPEG is not supported: save it as baseline or progressive JPEG, or as PNG."
            )
        elif marker == SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise broken("it has too many scans")
        place = end
    raise broken("it has too many parts")
