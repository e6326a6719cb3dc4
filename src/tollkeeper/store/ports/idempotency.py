"""Claims to idempotency keys. The ledger writes them, each in the transaction of the intent of its request."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct


class Claim(Struct, frozen=True, gc=False):
    """The claim of one request to an idempotency key of its user. `key` is the digest of the key, `fingerprint` that of
    the path and body; `request_id` contains the moment of the claim (rules/ids.py)."""

    user_id: str
    key: bytes
    fingerprint: bytes
    request_id: str


class IdempotencyStore(Protocol):
    async def find(self, user_id: str, key: bytes) -> Claim | None:
        """The latest claim to a key of a user; None: there is none."""

    async def prune(self, before: int) -> int:
        """Delete the claims made before `before`, in bounded steps. Returns how many were deleted."""
