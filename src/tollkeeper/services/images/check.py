"""Whether bytes are a whole picture of a kind that models can be shown. Slow: for worker threads, never the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images import gif, jpeg, png, webp
from tollkeeper.services.images.bounds import MAX_BYTES, MAX_CONVERTED_BYTES, Size, broken
from tollkeeper.wire.images import too_large

PNG = "image/png"


class Picture(NamedTuple):
    """What may go upstream: always a PNG or a JPEG."""

    media_type: str
    data: bytes


class Format(NamedTuple):
    """One kind of file: how it begins, who surveys it, what Pillow calls it, and the type under which its own bytes
    may pass (None: it must become a PNG, because upstreams fail on it)."""

    begins: Callable[[bytes], bool]
    survey: Callable[[bytes], Size]
    name: str
    passes_as: str | None


FORMATS = (
    Format(lambda head: head.startswith(png.MAGIC), png.survey, "PNG", PNG),
    Format(lambda head: head.startswith(jpeg.MAGIC), jpeg.survey, "JPEG", "image/jpeg"),
    Format(lambda head: head.startswith(gif.MAGICS), gif.survey, "GIF", None),
    Format(lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP", webp.survey, "WEBP", None),
)


def checked(data: bytes) -> Picture:
    """The picture in `data`, whatever it was declared to be. A PNG or JPEG keeps its very bytes; of a GIF or WebP the
    first frame becomes a PNG. Raises InvalidImage unless it is whole, decodes, and is within the bounds."""
    if len(data) > MAX_BYTES:
        raise too_large(MAX_BYTES)
    head = data[:16]
    form = next((form for form in FORMATS if form.begins(head)), None)
    if form is None:
        raise InvalidImage("These bytes are not a PNG, JPEG, WebP or GIF: send a picture in one of these formats.")
    form.survey(data)
    # Here, not above: Pillow takes 10 to 40 ms to import, and where nobody sends pictures it need not be there.
    from tollkeeper.services.images.pixels import decoded  # noqa: PLC0415

    try:
        converted = decoded(data, form.name, convert=form.passes_as is None)
    except InvalidImage:
        raise
    except Exception:  # noqa: BLE001 a decoder may raise anything over bytes that were made to break it
        raise broken("it cannot be decoded") from None
    if form.passes_as is not None:
        return Picture(form.passes_as, data)
    if len(converted) > MAX_CONVERTED_BYTES:
        raise InvalidImage(
            f"The image becomes larger than {MAX_CONVERTED_BYTES:,} bytes as the PNG that models need: "
            "send a JPEG, or a smaller one."
        )
    return Picture(PNG, converted)
