"""Checks of images: complete, and in a format that models accept. Slow: for worker threads, never the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images import apart
from tollkeeper.wire.images import gif, jpeg, png, webp
from tollkeeper.wire.images.bounds import (
    MAX_BYTES,
    MAX_CONVERTED_BYTES,
    SpendWork,
    Survey,
    broken,
    check_work,
    ignore_work,
)
from tollkeeper.wire.images.urls import too_large

PNG, JPEG = "image/png", "image/jpeg"
APART_PIXELS = 1_000_000
"""The most pixels converted in this process by a decoder that holds the interpreter's lock."""
TURNING = 15
"""Nanoseconds per pixel to turn an acceptable picture upright and encode it again."""


class Picture(NamedTuple):
    """An image to send upstream: a PNG or a JPEG."""

    media_type: str
    data: bytes


class Format(NamedTuple):
    """An image format. `begins` recognises its first bytes, `survey` reads its structure, `name` is Pillow's. `passes`:
    upstreams accept it as it is; `becomes` is the type it is converted to where it must change. `holds`: its decoder
    holds the interpreter's lock."""

    begins: Callable[[bytes], bool]
    survey: Callable[[bytes], Survey]
    name: str
    becomes: str
    passes: bool
    holds: bool = False


FORMATS = (
    Format(lambda head: head.startswith(png.MAGIC), png.survey, "PNG", PNG, passes=True),
    Format(lambda head: head.startswith(jpeg.MAGIC), jpeg.survey, "JPEG", JPEG, passes=True),
    Format(lambda head: head.startswith(gif.MAGICS), gif.survey, "GIF", PNG, passes=False),
    Format(
        lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
        webp.survey, "WEBP", PNG, passes=False, holds=True,
    ),
)  # fmt: skip


def checked(data: bytes, spend: SpendWork = ignore_work) -> Picture:
    """Check the picture in `data`, whatever its declared type, and convert it if needed. An upright PNG or JPEG keeps
    its bytes; one with an EXIF orientation is turned upright, since most models ignore EXIF; the first frame of a GIF
    or WebP becomes a PNG. `spend` is called with the work before it is done. Raises InvalidImage unless the picture is
    complete, decodes, and is within the bounds, and what `spend` raises."""
    if len(data) > MAX_BYTES:
        raise too_large(MAX_BYTES)
    head = data[:16]
    form = next((form for form in FORMATS if form.begins(head)), None)
    if form is None:
        raise InvalidImage("These bytes are not a PNG, JPEG, WebP or GIF: send a picture in one of these formats.")
    survey = form.survey(data)
    as_it_is = form.passes and survey.orientation == 1
    work = survey.work + (0 if as_it_is or not form.passes else survey.work + survey.size.pixels * TURNING)
    check_work(work, survey.size)
    spend(work)
    # Imported here: Pillow takes 10 to 40 ms to import, and is not needed where no request has images.
    from tollkeeper.services.images import pixels  # noqa: PLC0415

    try:
        if form.name == "PNG":
            png.check_pixels(survey.bare)
        if as_it_is:
            pixels.check(survey.bare, form.name)
            return Picture(form.becomes, data)
        convert = apart.convert if form.holds and survey.size.pixels > APART_PIXELS else pixels.convert
        to = form.becomes.removeprefix("image/").upper()
        converted = convert(survey.bare, form.name, survey.orientation, to)
    except InvalidImage:
        raise
    except Exception:  # noqa: BLE001 a decoder may raise anything for bytes made to break it
        raise broken("it cannot be decoded") from None
    if len(converted) > MAX_CONVERTED_BYTES:
        raise InvalidImage(
            f"The image becomes larger than {MAX_CONVERTED_BYTES:,} bytes as the {to} that models need: "
            "send a JPEG that is not turned, or a smaller one."
        )
    return Picture(form.becomes, converted)
