"""Headers that an admin sets, to be sent with every request to an upstream (RFC 9110, 5)."""

from __future__ import annotations

import re

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that frame a request or describe its body, which only the client itself can know."""


def check_header(name: str, value: str) -> None:
    """Check a header that is sent with every request. Raises ValueError, which says what is wrong, never the value."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:100]!r} cannot be the name of a header: use letters, digits and hyphens")
    if name.lower() in _RESERVED:
        raise ValueError(f"{name!r} is set by the gateway itself: leave it out")
    check_header_value(name, value)


def check_header_value(name: str, value: str) -> None:
    """Check what is sent as the value of a header. Raises ValueError, which does not show it."""
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"the value of {name!r} cannot be sent in a header: use printable ASCII characters only, without line "
            "breaks and without spaces at either end"
        )
