"""Decoding and conversion of images by Pillow. Slow: for worker threads or a separate process, never the loop.

It imports nothing of Tollkeeper, since it is also run as a script, in a separate process (`apart.py`).
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from typing import BinaryIO

from PIL import Image, JpegImagePlugin

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that turns a picture upright, by its EXIF orientation."""


def check(data: bytes, name: str) -> None:
    """Decode every pixel of a picture; `name` is Pillow's name of its format. Raises whatever the decoder raises."""
    with Image.open(io.BytesIO(data), formats=[name]) as image:
        # A JPEG is decoded at an eighth of its size, for which all of its data is still read.
        image.draft(image.mode, (max(1, image.width // 8), max(1, image.height // 8)))
        image.load()


def convert(data: bytes, name: str, orientation: int, to: str) -> bytes:
    """Convert a picture to an upright "PNG" or "JPEG" without metadata. Raises whatever the decoder raises."""
    with new_file() as made:
        _convert(io.BytesIO(data), name, orientation, to, made)
        made.seek(0)
        return made.read()


def new_file() -> BinaryIO:
    """Open a temporary file, in memory where possible. (Pillow releases the lock only when it writes to a file.)"""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("image"), "w+b")
    return tempfile.TemporaryFile()


def _convert(source: BinaryIO, name: str, orientation: int, to: str, made: BinaryIO) -> None:
    with Image.open(source, formats=[name]) as image:
        image.load()
        upright = image.transpose(TURNS[orientation]) if orientation in TURNS else image
        if to == "JPEG":
            tables = getattr(image, "quantization", None)
            sampling = JpegImagePlugin.get_sampling(image)
            upright.save(made, to, qtables=tables, subsampling=sampling)
        else:
            # Level 1 is five times as fast as the default, for about the same size of photographs.
            upright.save(made, to, compress_level=1, icc_profile=None)
        made.flush()


if __name__ == "__main__":
    import resource

    _, bound, name, orientation, to = sys.argv
    resource.setrlimit(resource.RLIMIT_AS, (int(bound), int(bound)))
    _convert(sys.stdin.buffer, name, int(orientation), to, sys.stdout.buffer)
