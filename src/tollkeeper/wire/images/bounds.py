"""Bounds of images, and the errors for those beyond them.

The surveys (`png`, `jpeg`, `gif`, `webp`) read the structure of a file before any decoder does. They refuse what a
decoder tolerates or would spend gigabytes or hours on: the bytes of a PNG or a JPEG go on to less robust decoders
upstream, and one that crashes there takes other people's requests with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tollkeeper.rules.errors import InvalidImage

MAX_IMAGES = 16
"""Images of one request."""
MAX_BYTES = 10_000_000
"""Bytes of one image as received, decoded from base64."""
MAX_CONVERTED_BYTES = 20_000_000
"""Bytes of the PNG made of a GIF or WebP; pixels that compress badly make it larger than its source."""
MAX_PIXELS = 25_000_000
MAX_FRAMES = 1000
MAX_WORK = 2_000_000_000
"""Nominal nanoseconds of decoding for one image; see `Survey.work`."""
MAX_WORK_OF_REQUEST = 5_000_000_000
"""The same for all images of one request."""
MAX_PARTS = 100_000
"""Chunks, segments or blocks of a file. Encoders write thousands; a million are an attack."""


HoldBytes = Callable[[int], None]
"""Callback for additional bytes that a request keeps in memory, before more are read. An exception of it ends the
request."""


def ignore_held(_: int) -> None:
    """Do not count bytes."""


SpendWork = Callable[[int], None]
"""Callback for the work of each image before it is decoded. An exception of it ends the request."""


def ignore_work(_: int) -> None:
    """Do not count work."""


class WorkOfRequest:
    """The sum of the decoding work of the images of one request."""

    def __init__(self, most: int = MAX_WORK_OF_REQUEST) -> None:
        self._left = most

    def __repr__(self) -> str:
        return f"WorkOfRequest({self._left:,} ns left)"

    def spend(self, work: int) -> None:
        """Count the work of an image. Raises InvalidImage beyond the bound."""
        self._left -= work
        if self._left < 0:
            raise InvalidImage(
                "The images of the request take too long to decode together: send fewer, or smaller ones."
            )


class Size(NamedTuple):
    """The size of an image in pixels."""

    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


class Survey(NamedTuple):
    """Facts about an image file, read before any of its pixels is decoded.

    `work` is about how many nanoseconds a slow core takes to decode it, by figures measured with Pillow 13: an upper
    estimate, from sizes alone. `orientation` is EXIF's (1 to 8), 1 where the file names none. `bare` is the file
    reduced to what the pixels need: metadata, further frames and trailing data never reach a decoder.
    """

    size: Size
    work: int
    bare: bytes
    orientation: int = 1


def checked_size(width: int, height: int) -> Size:
    """The size, checked against the bounds. Raises InvalidImage."""
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


def check_work(work: int, size: Size) -> None:
    """Raise InvalidImage for an image that takes too long to decode."""
    if work > MAX_WORK:
        raise InvalidImage(
            f"The image of {size.width}×{size.height} pixels takes too long to decode: send a smaller one, or save it "
            "as a baseline JPEG or a PNG of 8 bits that is not interlaced."
        )


def check_frames(frames: int) -> None:
    """Raise InvalidImage for an animation that is too long."""
    if frames > MAX_FRAMES:
        raise InvalidImage(f"The image has more than {MAX_FRAMES} frames: send a single picture.")
