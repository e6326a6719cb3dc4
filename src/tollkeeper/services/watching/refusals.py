"""Counts of refused requests: kept in memory as they come, and added to the store every few seconds.

A refusal must cost next to nothing, since a client that is refused may ask again at once, a thousand times a second.
"""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.services.ledger.observers import Observer, Refusal
from tollkeeper.store.ports.refusals import RefusalKey, RefusalStore
from tollkeeper.store.time_buckets import MINUTES_KEPT_MS, hour_of, minute_of

MOST = 10_000
"""Counts that are kept apart until they are written. Further ones are counted without model, and, at twice as many,
without user and key as well."""


class RefusalCounts(Observer):
    """Counts refusals. `now` is milliseconds since the epoch."""

    def __init__(self, store: RefusalStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._counts: dict[RefusalKey, int] = {}
        self._folded = 0
        """The hour up to which counts by minute were last folded."""

    def __repr__(self) -> str:
        return f"RefusalCounts({len(self._counts)} to write)"

    def refused(self, refusal: Refusal) -> None:
        key = RefusalKey(
            minute_of(self._now()),
            refusal.user_id,
            refusal.key_id,
            refusal.model,
            refusal.status,
            refusal.code,
            refusal.limit,
        )
        self._add(key, 1)

    async def write(self) -> None:
        """Add what was counted since the last time to the store. Raises StoreError; then it is kept."""
        taken, self._counts = self._counts, {}
        try:
            await self._store.add(taken.items())
        except BaseException:
            newer, self._counts = self._counts, taken
            for key, count in newer.items():
                self._add(key, count)
            raise

    async def fold(self) -> None:
        """Fold the minutes of over a day ago into their hours, once an hour. Raises StoreError."""
        before = hour_of(self._now() - MINUTES_KEPT_MS)
        if before > self._folded:
            await self._store.fold(before)
            self._folded = before

    def rename(self, user_id: str, opaque_id: str) -> None:
        """Count for an opaque id what is not written yet of a user who was erased."""
        self._counts = {
            key._replace(user_id=opaque_id) if key.user_id == user_id else key: count
            for key, count in self._counts.items()
        }

    def _add(self, key: RefusalKey, count: int) -> None:
        counts = self._counts
        before = counts.get(key)
        if before is None and len(counts) >= MOST:
            key = key._replace(model="")
            if key not in counts and len(counts) >= 2 * MOST:
                key = key._replace(user_id="", key_id="")
            before = counts.get(key)
        counts[key] = (before or 0) + count
