"""What an image may be, and the words for what it may not.

The surveys (`png`, `jpeg`, `gif`, `webp`) read a file's own structure before any decoder sees it. They refuse what a
decoder forgives or would spend gigabytes or hours on: the bytes of a PNG or a JPEG go on to decoders less patient than
ours, and one that breaks there takes other people's requests with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tollkeeper.rules.errors import InvalidImage

MAX_IMAGES = 16
"""Images of one request."""
MAX_BYTES = 10_000_000
"""Of one image as it came, decoded from base64."""
MAX_CONVERTED_BYTES = 20_000_000
"""Of the PNG that a GIF or WebP becomes; pixels that compress badly make it larger than its source."""
MAX_PIXELS = 25_000_000
MAX_FRAMES = 1000
MAX_PARTS = 100_000
"""Chunks, segments or blocks of a file. Encoders write thousands; a file of a million is made to keep us busy."""


Hold = Callable[[int], None]
"""Told of each number of bytes more that a request keeps in memory, before the next are asked for. What it raises ends
the request."""


def unheld(_: int) -> None:
    """Where nobody counts."""


class Size(NamedTuple):
    """Pixels."""

    width: int
    height: int


def sized(width: int, height: int) -> Size:
    """The size, once it is known to be within the bounds. Raises InvalidImage."""
    if width < 1 or height < 1:
        raise broken("it has no pixels")
    if width * height > MAX_PIXELS:
        raise InvalidImage(
            f"The image has {width}×{height} pixels, more than {MAX_PIXELS // 10**6} million: send a smaller one."
        )
    return Size(width, height)


def broken(why: str) -> InvalidImage:
    return InvalidImage(f"The image is damaged ({why}): send a whole PNG, JPEG, WebP or GIF.")


def truncated() -> InvalidImage:
    return broken("it ends too soon")


def check_frames(frames: int) -> None:
    """Raises InvalidImage for an animation that is too long."""
    if frames > MAX_FRAMES:
        raise InvalidImage(f"The image has more than {MAX_FRAMES} frames: send a single picture.")
