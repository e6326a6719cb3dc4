"""Identifiers. A request id sorts by its time, so that the ledger's index grows at one end and a span of time is a
range of ids: `req_`, 12 hex digits of milliseconds since the epoch, 16 hex digits of randomness."""

from __future__ import annotations

REQUEST_PREFIX = "req_"
ENTROPY_BYTES = 8


def request_id(now_ms: int, entropy: bytes) -> str:
    """A new request id. `entropy` is `ENTROPY_BYTES` random bytes."""
    return f"{REQUEST_PREFIX}{now_ms:012x}{entropy.hex()}"


def request_id_floor(ms: int) -> str:
    """The string at or below every request id made at `ms` or later, and above every earlier one."""
    return f"{REQUEST_PREFIX}{ms:012x}"


def answer_id(prefix: str, request_id: str) -> str:
    """The id that an answer carries: the dialect's prefix and the request's own digits."""
    return prefix + request_id.removeprefix(REQUEST_PREFIX)
