"""Orientation, as EXIF has it."""

from __future__ import annotations

import pytest

from tests.services.images.samples import ifd
from tollkeeper.wire.images import exif


@pytest.mark.parametrize(
    ("data", "orientation"),
    [
        (ifd((0x0112, 3, 1, 6)), 6),
        (ifd((0x0112, 3, 1, 6), end=">"), 6),
        (exif.HEAD + ifd((0x010F, 2, 4, 0), (0x0112, 3, 1, 8)), 8),
        (ifd((0x0112, 3, 1, 6), (0x0112, 3, 1, 3)), 6),
        (ifd((0x0112, 4, 1, 6)), 1),
        (ifd((0x0112, 3, 2, 6)), 1),
        (ifd((0x0112, 3, 1, 9)), 1),
        (ifd(*[(0x9000, 3, 1, 0)] * 65_000, (0x0112, 3, 1, 6)), 1),
        (ifd((0x0112, 3, 1, 6))[:18], 1),
        (b"II*\0\xff\xff\xff\xff", 1),
        (b"", 1),
        (b"Exif\0\0", 1),
        (b"II+\0" + bytes(100), 1),
    ],
)  # fmt: skip
def test_orientation(data, orientation):
    assert exif.orientation(data) == orientation
    assert exif.orientation(memoryview(data)) == orientation
