"""The structure of a GIF (GIF89a specification): its blocks up to the trailer."""

from __future__ import annotations

import struct

from tollkeeper.wire.images.bounds import MAX_PARTS, Survey, broken, check_frames, checked_size, truncated

MAGICS = (b"GIF87a", b"GIF89a")
EXTENSION, PICTURE, TRAILER = b"!,;"
CONTROL = 0xF9
"""Label of the extension that gives the transparent colour of the next picture."""
PIXEL, BYTE = 10, 100
"""Nanoseconds per pixel and per byte to decode the first picture and make a PNG of it."""


def survey(data: bytes) -> Survey:
    """Survey a GIF, which must be complete up to the trailer; `bare` is its first picture. Raises InvalidImage."""
    try:
        return _survey(data)
    except (IndexError, struct.error):
        raise truncated() from None


def _survey(data: bytes) -> Survey:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    place = 13 + _palette(flags)
    head = data[:place]
    control = picture = b""
    frames = parts = 0
    while data[place] != TRAILER:
        begins, is_picture = place, data[place] == PICTURE
        parts += 1
        if is_picture:
            left, top, across, down, flags = struct.unpack_from("<4HB", data, place + 1)
            if not frames:
                # The first picture may exceed the declared screen; decoders enlarge it.
                width, height = max(width, left + across), max(height, top + down)
            frames += 1
            check_frames(frames)
            place += 11 + _palette(flags)
        elif data[place] == EXTENSION:
            place += 2
        else:
            raise broken("a block is unknown")
        while parts <= MAX_PARTS and (length := data[place]):
            parts += 1
            place += 1 + length
        if parts > MAX_PARTS:
            raise broken("it has too many parts")
        place += 1
        if is_picture and frames == 1:
            picture = data[begins:place]
        elif not frames and data[begins + 1] == CONTROL:
            control = data[begins:place]
    if not frames:
        raise broken("it has no picture")
    size = checked_size(width, height)
    bare = b"%b%b%b;" % (head, control, picture)
    return Survey(size, size.pixels * PIXEL + len(bare) * BYTE, bare)


def _palette(flags: int) -> int:
    """Bytes of the palette that `flags` announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
