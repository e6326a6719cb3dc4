"""Idempotency keys: of all requests that a user sends with one key in 24 hours, one at most leaves a record.

A key is claimed in memory before a request is admitted, so that of many at once one goes on, and in the database
together with the intent, before anything is sent upstream, so that it stays claimed after a kill. A request that leaves
no record frees its key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256

from tollkeeper.rules.errors import (
    IdempotencyInProgress,
    IdempotencyMismatch,
    IdempotencyReplayed,
    LedgerUnavailable,
)
from tollkeeper.rules.ids import made_at
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.idempotency import Claim, IdempotencyStore

KEPT_MS = 24 * 3600 * 1000
"""How long a key stays claimed."""
RETRY_AFTER = 1.0
"""Seconds until a request that is still running is worth asking for again."""

Place = tuple[str, bytes]
"""A user's id, and the digest of a key."""


class RunningClaim:
    """A claim to a key while its request runs."""

    __slots__ = ("_keys", "fingerprint", "place")

    def __init__(self, keys: IdempotencyKeys, place: Place, fingerprint: bytes) -> None:
        self._keys = keys
        self.place = place
        self.fingerprint = fingerprint

    def __repr__(self) -> str:
        return f"RunningClaim({self.place[0]}, {self.place[1].hex()[:8]})"

    def of(self, request_id: str) -> Claim:
        """The claim to store with the intent of the request."""
        self._keys.stored(self)
        return Claim(*self.place, self.fingerprint, request_id)

    def release(self, withdrawal: asyncio.Future[None] | None = None) -> None:
        """Note that the request has ended, once; a second call changes nothing. The key stays claimed where a record
        was left, so that its claim is stored. `withdrawal`: the commit that deletes that claim."""
        self._keys.released(self, withdrawal)


class IdempotencyKeys:
    """The keys of all requests that run, and those claimed in the last 24 hours. `now` is milliseconds since the epoch.

    One process owns the database, so that a key which is claimed there by a request that does not run has ended.
    """

    def __init__(self, store: IdempotencyStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._running: dict[Place, RunningClaim] = {}
        self._withdrawn: dict[Place, asyncio.Future[None]] = {}
        """Keys that are free, though the commit that deletes the last claim to them is not made."""

    def __repr__(self) -> str:
        return f"IdempotencyKeys({len(self._running)} running)"

    async def claim(self, user_id: str, key: str, fingerprint: bytes) -> RunningClaim:
        """Claim a key for a request. Raises IdempotencyInProgress, IdempotencyReplayed, IdempotencyMismatch, and
        LedgerUnavailable where it cannot be found out whether it is free."""
        place = user_id, sha256(key.encode()).digest()
        running = self._running.get(place)
        if running is not None:
            _check_same(running.fingerprint, fingerprint)
            raise IdempotencyInProgress(
                "A request with this Idempotency-Key is still running. Wait for its answer, and send another request"
                " under another key.",
                retry_after=RETRY_AFTER,
            )
        claim = self._running[place] = RunningClaim(self, place, fingerprint)
        try:
            if place not in self._withdrawn:
                await self._check_free(claim)
        except BaseException:
            claim.release()
            raise
        return claim

    async def _check_free(self, claim: RunningClaim) -> None:
        try:
            earlier = await self._store.find(*claim.place)
        except StoreError:
            raise LedgerUnavailable(
                "The ledger cannot be read right now, so this Idempotency-Key cannot be claimed. Try again soon."
            ) from None
        if earlier is None or made_at(earlier.request_id) + KEPT_MS <= self._now():
            return
        _check_same(earlier.fingerprint, claim.fingerprint)
        raise IdempotencyReplayed(
            f"The request with this Idempotency-Key has ended, and its record is {earlier.request_id}. Answers are not"
            f" stored, so it is not repeated: GET /v1/usage/{earlier.request_id} tells how it ended; to ask once more,"
            " send another key.",
            should_retry=False,
        )

    def stored(self, claim: RunningClaim) -> None:
        """Note that a claim will be stored, in the place of one that was withdrawn."""
        self._withdrawn.pop(claim.place, None)

    def released(self, claim: RunningClaim, withdrawal: asyncio.Future[None] | None) -> None:
        """See `RunningClaim.release`."""
        place = claim.place
        if self._running.get(place) is not claim:
            return
        del self._running[place]
        if withdrawal is not None:
            self._withdrawn[place] = withdrawal
            withdrawal.add_done_callback(lambda done: self._deleted(place, done))

    def _deleted(self, place: Place, withdrawal: asyncio.Future[None]) -> None:
        if self._withdrawn.get(place) is withdrawal:
            del self._withdrawn[place]

    async def prune(self) -> int:
        """Delete the claims that have expired. Returns how many there were. Raises StoreError."""
        return await self._store.prune(self._now() - KEPT_MS)


def _check_same(claimed: bytes, fingerprint: bytes) -> None:
    if claimed != fingerprint:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used for a request with another body or path. Send each request under a key of"
            " its own; only a retry of the same request has the same key."
        )
