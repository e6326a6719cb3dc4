"""Counts of refused requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping

from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.refusals import RefusalFilter, RefusalGroup, RefusalKey, RefusalSum
from tollkeeper.store.time_buckets import day_of, hour_of

_GROUPS: Mapping[RefusalGroup, Callable[[RefusalKey], dict[str, int | str]]] = {
    "user": lambda key: {"user_id": key.user_id},
    "key": lambda key: {"key_id": key.key_id},
    "model": lambda key: {"model": key.model},
    "reason": lambda key: {"status": key.status, "code": key.code, "limit": key.limit},
    "day": lambda key: {"day": day_of(key.minute)},
    "hour": lambda key: {"hour": hour_of(key.minute)},
}


class MemoryRefusals:
    """See `ports.RefusalStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, counts: Collection[tuple[RefusalKey, int]]) -> None:
        self._tables.must_be_writable()
        for key, count in counts:
            self._tables.refusals[key] += count

    async def fold(self, before: int) -> None:
        self._tables.must_be_writable()
        folded: Counter[RefusalKey] = Counter()
        for key, count in self._tables.refusals.items():
            folded[key._replace(minute=hour_of(key.minute)) if key.minute < before else key] += count
        self._tables.refusals = folded

    async def summary(
        self, which: RefusalFilter, group_by: Collection[RefusalGroup], *, limit: int
    ) -> tuple[list[RefusalSum], int]:
        sums: dict[tuple[tuple[str, int | str], ...], tuple[int, int]] = {}
        for key, count in self._tables.refusals.items():
            if matches(which, key):
                place = tuple(item for group in group_by for item in _GROUPS[group](key).items())
                before, last = sums.get(place, (0, 0))
                sums[place] = before + count, max(last, key.minute)
        ordered = sorted(sums.items(), key=lambda item: (-item[1][0], [value for _, value in item[0]]))
        rows = [RefusalSum(count, last, **dict(place)) for place, (count, last) in ordered]  # type: ignore[arg-type]
        return rows[:limit], sum(count for count, _ in sums.values())


def matches(which: RefusalFilter, key: RefusalKey) -> bool:
    """Whether refusals counted by a key are of a selection."""
    return (
        which.user_id in (None, key.user_id)
        and which.key_id in (None, key.key_id)
        and (which.since is None or key.minute >= which.since)
        and (which.until is None or key.minute < which.until)
    )
