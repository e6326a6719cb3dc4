"""The codings in which a client takes a response (RFC 9110, 12.5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def best_coding(headers: Iterable[tuple[bytes, bytes]], available: Sequence[str]) -> str | None:
    """The first of the available codings that the client takes; None: send it as it is. Names of headers are in lower
    case. A coding that is not named is not taken, whatever `*` says: who wants one names it."""
    offered = b",".join(value for name, value in headers if name == b"accept-encoding")
    taken = {coding.strip() for coding, quality in map(_split, offered.decode("latin-1").lower().split(",")) if quality}
    return next((coding for coding in available if coding in taken), None)


def _split(offer: str) -> tuple[str, bool]:
    """A coding, and whether it is taken at all."""
    coding, _, quality = offer.partition(";")
    return coding, quality.replace(" ", "").rstrip("0") not in ("q=", "q=0.", "q=.")
