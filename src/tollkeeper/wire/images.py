"""Image addresses as clients write them: `data:` URLs, parsed strictly, and the web addresses to fetch."""

from __future__ import annotations

import binascii
import re
from typing import Literal

from tollkeeper.rules.errors import InvalidImage

DATA_URL = re.compile(r"data:([a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64});base64,", re.IGNORECASE | re.ASCII)
"""Up to the payload. The lengths are bounded so that a body of megabytes is refused at its beginning."""
PLAIN_PREFIXES = {
    "image/png": ("data:image/png;base64,",),
    "image/jpeg": ("data:image/jpeg;base64,", "data:image/jpg;base64,"),
}
"""Spellings that every upstream reads, by what the bytes really are."""


def kind(url: str) -> Literal["data", "web"]:
    """Whether `url` carries its image or says where it is. Raises InvalidImage for any other scheme."""
    scheme, colon, _ = url[:8].lower().partition(":")
    if colon and scheme == "data":
        return "data"
    if colon and scheme in ("http", "https"):
        return "web"
    raise InvalidImage("An image must be a data: URL with base64, or an http(s) URL of a PNG, JPEG, WebP or GIF.")


def parse_data_url(url: str, max_bytes: int) -> tuple[str, bytes]:
    """The declared media type, in lower case, and the bytes of `data:TYPE;base64,PAYLOAD`.

    The payload is the standard alphabet with its padding and nothing else: no spaces, no line ends. Raises InvalidImage
    where it is not, where it is empty, and for more than `max_bytes` decoded (before it decodes them).
    """
    head = DATA_URL.match(url)
    if head is None:
        raise InvalidImage("The data: URL of an image must begin like data:image/png;base64, and carry base64.")
    if (len(url) - head.end()) // 4 * 3 > max_bytes + 2:
        raise too_large(max_bytes)
    payload = url[head.end() :]
    if not payload:
        raise InvalidImage("The image is empty: put its base64 after the comma of the data: URL.")
    try:
        data = binascii.a2b_base64(payload, strict_mode=True)
    except ValueError:
        raise _not_base64() from None
    # Strict mode forgives padding that is not needed; other decoders do not.
    if (len(data) + payload.count("=")) * 4 != len(payload) * 3:
        raise _not_base64()
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    return head[1].lower(), data


def _not_base64() -> InvalidImage:
    return InvalidImage(
        "The image is not valid base64: use the standard alphabet with padding, without spaces or line ends."
    )


def data_url(media_type: str, data: bytes) -> str:
    """The data URL of `data`, in the spelling that every upstream reads."""
    return f"data:{media_type};base64,{binascii.b2a_base64(data, newline=False).decode('ascii')}"


def is_plain(url: str, media_type: str) -> bool:
    """Whether the data URL may go upstream as it is, now that its bytes are known to be of `media_type`."""
    return url.startswith(PLAIN_PREFIXES.get(media_type, ()))


def too_large(max_bytes: int) -> InvalidImage:
    """What to raise for an image of more than `max_bytes`."""
    return InvalidImage(f"The image is larger than {max_bytes:,} bytes: send a smaller one.")
