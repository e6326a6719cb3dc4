"""The structure of a GIF (GIF89a specification): its blocks up to the trailer."""

from __future__ import annotations

import struct

from tollkeeper.services.images.bounds import MAX_PARTS, Size, broken, check_frames, sized, truncated

MAGICS = (b"GIF87a", b"GIF89a")
EXTENSION, PICTURE, TRAILER = b"!,;"


def survey(data: bytes) -> Size:
    """The size of a GIF whose blocks are whole up to the trailer. Raises InvalidImage."""
    try:
        return _survey(data)
    except (IndexError, struct.error):
        raise truncated() from None


def _survey(data: bytes) -> Size:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    place = 13 + _palette(flags)
    frames = parts = 0
    while data[place] != TRAILER:
        parts += 1
        if data[place] == PICTURE:
            left, top, across, down, flags = struct.unpack_from("<4HB", data, place + 1)
            if not frames:
                # A first picture may reach beyond the screen it was promised; decoders make room for it.
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
    if not frames:
        raise broken("it has no picture")
    return sized(width, height)


def _palette(flags: int) -> int:
    """Bytes of the palette that follows."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
