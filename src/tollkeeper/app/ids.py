"""Ids of requests."""

from __future__ import annotations

import os

from tollkeeper.rules.ids import ENTROPY_BYTES, request_id

_BLOCK_BYTES = 512 * ENTROPY_BYTES


class RequestIds:
    """A maker of request ids. Randomness is read from the system in blocks: reading 8 bytes costs a request 5 µs."""

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def __repr__(self) -> str:
        return f"RequestIds({(len(self._block) - self._at) // ENTROPY_BYTES} left of a block)"

    def __call__(self, created_at: int) -> str:
        """A new id for a request that came in at `created_at`, in milliseconds since the epoch."""
        at = self._at
        if at >= len(self._block):
            self._block, at = os.urandom(_BLOCK_BYTES), 0
        self._at = at + ENTROPY_BYTES
        return request_id(created_at, self._block[at : at + ENTROPY_BYTES])
