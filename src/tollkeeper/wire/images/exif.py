"""The orientation in a file's EXIF (CIPA DC-008, 4.6): the one field that pixels depend on.

It is read here, since Pillow would read every field of every directory, whatever size they claim.
"""

from __future__ import annotations

import struct

HEAD = b"Exif\0\0"
"""Prefix of EXIF data in a JPEG, and sometimes in a WebP."""
_ORIENTATION = 0x0112
_SHORT = 3
_MAX_FIELDS = 1000
_ENDS = {b"II*\0": "<", b"MM\0*": ">"}


def orientation(data: bytes | memoryview) -> int:
    """The orientation, 1 to 8; 1 where it is absent or cannot be read."""
    exif = bytes(data).removeprefix(HEAD)
    end = _ENDS.get(exif[:4])
    if end is None:
        return 1
    try:
        (place,) = struct.unpack_from(f"{end}I", exif, 4)
        (count,) = struct.unpack_from(f"{end}H", exif, place)
        for number in range(min(count, _MAX_FIELDS)):
            tag, kind, values, value = struct.unpack_from(f"{end}HHIH", exif, place + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if (kind, values) == (_SHORT, 1) and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
