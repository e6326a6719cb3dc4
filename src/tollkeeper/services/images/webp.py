"""The structure of a WebP (RFC 9649): its chunks, and the size of its canvas."""

from __future__ import annotations

import struct

from tollkeeper.services.images.bounds import MAX_PARTS, Size, broken, check_frames, sized, truncated


def survey(data: bytes) -> Size:
    """The size of a WebP whose chunks are whole. Raises InvalidImage."""
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) or end < 20:
        raise truncated()
    size: Size | None = None
    frames = 0
    place = 12
    for _ in range(MAX_PARTS):
        if place + 8 > end:
            break
        kind, length = struct.unpack_from("<4sI", data, place)
        if place + 8 + length > end:
            raise truncated()
        if size is None:
            size = _size(kind, data[place + 8 : place + 8 + min(length, 10)])
        elif kind == b"ANMF":
            frames += 1
            check_frames(frames)
        place += 8 + length + (length & 1)
    else:
        raise broken("it has too many parts")
    if size is None:
        raise truncated()
    return size


def _size(kind: bytes, body: bytes) -> Size:
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) == 10:
        width, height = struct.unpack_from("<HH", body, 6)
        return sized(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return sized((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X" and len(body) == 10:
        return sized(int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
    raise broken("it has no header")
