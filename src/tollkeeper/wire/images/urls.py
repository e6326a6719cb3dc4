"""URLs of images in requests: `data:` URLs, and web URLs to fetch."""

from __future__ import annotations

import binascii
import re
from typing import Literal

from tollkeeper.rules.errors import InvalidImage

_PARAMETER = r';[a-z0-9!#$&^_.+-]{1,64}=(?:"[^"\\,]{0,128}"|[^";,\s]{0,128})'
DATA_URL = re.compile(
    rf"data:([a-z0-9.+-]{{1,64}}/[a-z0-9.+-]{{1,64}})?(?:{_PARAMETER}){{0,8}};base64,", re.IGNORECASE | re.ASCII
)
"""A data URL up to its payload (RFC 2397): media type and parameters may be absent. All lengths are bounded, so that a
wrong URL of megabytes is refused at its beginning."""
SLICE = 3 * 4 * 20_000
"""Bytes or characters converted at a time: a conversion keeps other threads from running."""
PLAIN_PREFIXES = {
    "image/png": ("data:image/png;base64,",),
    "image/jpeg": ("data:image/jpeg;base64,", "data:image/jpg;base64,"),
}
"""Prefixes that every upstream accepts, by the actual media type."""


def kind(url: str) -> Literal["data", "web"]:
    """The kind of a URL: "data" contains its image, "web" is to be fetched. Raises InvalidImage for other schemes."""
    scheme, colon, _ = url[:8].lower().partition(":")
    if colon and scheme == "data":
        return "data"
    if colon and scheme in ("http", "https"):
        return "web"
    raise InvalidImage("An image must be a data: URL with base64, or an http(s) URL of a PNG, JPEG, WebP or GIF.")


def parse_data_url(url: str, max_bytes: int) -> tuple[str, bytes]:
    """The declared media type, in lower case ("" where none is), and the bytes of `data:TYPE;base64,PAYLOAD`.

    The payload is the standard alphabet with its padding, and may be broken into lines, as Ollama takes it (Go's
    encoding/base64). Raises InvalidImage where it is not, where it is empty, and for more than `max_bytes` decoded
    (before it decodes them).
    """
    head = DATA_URL.match(url)
    if head is None:
        raise InvalidImage("The data: URL of an image must begin like data:image/png;base64, and carry base64.")
    payload = "".join(_unbroken(url[start : start + SLICE]) for start in range(head.end(), len(url), SLICE))
    if len(payload) // 4 * 3 > max_bytes + 2:
        raise too_large(max_bytes)
    if not payload:
        raise InvalidImage("The image is empty: put its base64 after the comma of the data: URL.")
    data = b"".join(_decoded(payload, start) for start in range(0, len(payload), SLICE))
    if len(data) > max_bytes:
        raise too_large(max_bytes)
    return (head[1] or "").lower(), data


def _unbroken(text: str) -> str:
    """The text without line ends."""
    return text.replace("\r", "").replace("\n", "") if "\n" in text or "\r" in text else text


def _decoded(payload: str, start: int) -> bytes:
    """The decoded bytes of a slice. Only the last one may end with padding, and only as much as needed: strict mode
    tolerates more, other decoders do not."""
    part = payload[start : start + SLICE]
    try:
        data = binascii.a2b_base64(part, strict_mode=True)
    except ValueError:
        raise _not_base64() from None
    padding = part.count("=")
    if (len(data) + padding) * 4 != len(part) * 3 or (padding and start + SLICE < len(payload)):
        raise _not_base64()
    return data


def _not_base64() -> InvalidImage:
    return InvalidImage("The image is not valid base64: use the standard alphabet with padding, without spaces.")


def data_url(media_type: str, data: bytes) -> str:
    """The data URL of `data`, in a form that every upstream accepts."""
    parts = (data[start : start + SLICE] for start in range(0, len(data), SLICE))
    payload = "".join(binascii.b2a_base64(part, newline=False).decode("ascii") for part in parts)
    return f"data:{media_type};base64,{payload}"


def is_plain(url: str, media_type: str) -> bool:
    """Whether a data URL may be sent upstream unchanged, given the actual `media_type` of its bytes."""
    return url.startswith(PLAIN_PREFIXES.get(media_type, ())) and "\n" not in url and "\r" not in url


def too_large(max_bytes: int) -> InvalidImage:
    """The error for an image of more than `max_bytes`."""
    return InvalidImage(f"The image is larger than {max_bytes:,} bytes: send a smaller one.")
