"""The codings in which a client takes a response (RFC 9110, 12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_REFUSED = re.compile(r"[ \t]*q[ \t]*=[ \t]*0?\.?0*[ \t]*")
"""A weight of 0, in the few ways in which one sees it written."""


def best_coding(headers: Iterable[tuple[bytes, bytes]], available: Sequence[str]) -> str | None:
    """The first of the available codings that the client takes; None: send it as it is. Names of headers are in lower
    case. A coding that is not named is not taken, whatever `*` says: who wants one names it."""
    offered = b",".join(value for name, value in headers if name == b"accept-encoding")
    taken = {coding.strip() for coding, quality in map(_split, offered.decode("latin-1").lower().split(",")) if quality}
    return next((coding for coding in available if coding in taken), None)


def _split(offer: str) -> tuple[str, bool]:
    """A coding, and whether it is taken at all."""
    coding, *parameters = offer.split(";")
    return coding, not any(_REFUSED.fullmatch(parameter) for parameter in parameters)
