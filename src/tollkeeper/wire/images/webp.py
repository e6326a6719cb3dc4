"""The structure of a WebP (RFC 9649): its chunks, and the size of its canvas."""

from __future__ import annotations

import struct

from tollkeeper.wire.images import exif
from tollkeeper.wire.images.bounds import MAX_PARTS, Size, Survey, broken, check_frames, checked_size, truncated

PIXEL, BYTE = 40, 200
"""Nanoseconds per pixel and per byte to decode the first picture and make a PNG of it."""
PIXEL_CHUNKS = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
METADATA_FLAGS = 0x20 | 0x08 | 0x04
"""Flags in the extended header for a colour profile, EXIF and XMP."""


def survey(data: bytes) -> Survey:
    """Survey a WebP, which must be complete; `bare` is its first picture. Raises InvalidImage."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) or end < 20:
        raise truncated()
    view = memoryview(data)
    size: Size | None = None
    kept: list[bytes | memoryview] = []
    frames, turned = 0, 1
    place = 12
    for _ in range(MAX_PARTS):
        if place + 8 > end:
            break
        kind, length = struct.unpack_from("<4sI", data, place)
        after = place + 8 + length
        if after > end:
            raise truncated()
        if size is None:
            size = _size(kind, data[place + 8 : place + 8 + min(length, 10)])
        if kind == b"ANMF":
            frames += 1
            check_frames(frames)
        elif kind == b"EXIF":
            turned = exif.orientation(view[place + 8 : after])
        if kind == b"VP8X":
            kept += (view[place : place + 8], bytes((data[place + 8] & ~METADATA_FLAGS,)), view[place + 9 : after])
        elif kind in PIXEL_CHUNKS and frames < 2:
            kept += (view[place:after], bytes(length & 1))
        place = after + (length & 1)
    else:
        raise broken("it has too many parts")
    if size is None:
        raise truncated()
    body = b"".join(kept)
    bare = b"RIFF%bWEBP%b" % (struct.pack("<I", 4 + len(body)), body)
    return Survey(size, size.pixels * PIXEL + len(bare) * BYTE, bare, turned)


def _size(kind: bytes, body: bytes) -> Size:
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) == 10:
        width, height = struct.unpack_from("<HH", body, 6)
        return checked_size(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return checked_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X" and len(body) == 10:
        return checked_size(int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
    raise broken("it has no header")
