"""Request ids. They sort by time, so that the ledger's index grows at one end and a span of time is a range of ids:
`req_`, 12 hex digits of milliseconds since the epoch, 16 hex digits of randomness."""

from __future__ import annotations

import re

REQUEST_PREFIX = "req_"
ENTROPY_BYTES = 8
_MOMENT_DIGITS = 12
_RESPONSE_ID = re.compile(r"[a-z]+[_-]([0-9a-f]{28})")
_DIGITS = re.compile(r"[0-9a-f]+")
_BEGINNING = re.compile(rf"{REQUEST_PREFIX}[0-9a-f]{{1,28}}")


def request_id(now_ms: int, entropy: bytes) -> str:
    """A new request id. `entropy` is `ENTROPY_BYTES` random bytes."""
    return f"{REQUEST_PREFIX}{now_ms:012x}{entropy.hex()}"


def timed_id(prefix: str, now_ms: int, entropy: bytes) -> str:
    """An id of anything else whose ids sort by time."""
    return f"{prefix}{now_ms:012x}{entropy.hex()}"


def made_at(request_id: str) -> int:
    """When a request id was made, in milliseconds since the epoch."""
    return int(request_id.removeprefix(REQUEST_PREFIX)[:12], 16)


def request_id_floor(ms: int) -> str:
    """A string at or below every request id made at `ms` or later, and above every earlier one."""
    return f"{REQUEST_PREFIX}{ms:012x}"


def response_id(prefix: str, request_id: str) -> str:
    """The id of a response: the dialect's prefix and the digits of the request id."""
    return prefix + request_id.removeprefix(REQUEST_PREFIX)


def request_id_of(response_id: str) -> str:
    """The id of the request that a response's id is made from, whatever its prefix; any other text as it is."""
    found = _RESPONSE_ID.fullmatch(response_id)
    return REQUEST_PREFIX + found[1] if found else response_id


def moments_of(beginning: str) -> tuple[int, int]:
    """The span of time, without its end, in which all request ids that begin so were made; an empty one where none
    does."""
    if REQUEST_PREFIX.startswith(beginning):
        return 0, 1 << 4 * _MOMENT_DIGITS
    if not _BEGINNING.fullmatch(beginning):
        return 0, 0
    digits = beginning.removeprefix(REQUEST_PREFIX)[:_MOMENT_DIGITS]
    width = 4 * (_MOMENT_DIGITS - len(digits))
    return int(digits, 16) << width, (int(digits, 16) + 1) << width


def is_within_moment(beginning: str) -> bool:
    """Whether the beginning of a request id says more than `moments_of`."""
    return len(beginning) > len(REQUEST_PREFIX) + _MOMENT_DIGITS


def beginning_of(text: str) -> str:
    """The beginning of a request id that a person gave: as it is, without `req_`, or as the id of a response."""
    text = request_id_of(text.strip().lower())
    return REQUEST_PREFIX + text if _DIGITS.fullmatch(text) else text
