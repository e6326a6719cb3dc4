"""Usage by bucket of time, computed from all records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tollkeeper.store.memory.reports import add_record, as_summed
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.buckets import Bucket, BucketQuery, BucketWidth, Dimension, Work
from tollkeeper.store.ports.records import ADJUSTMENT, EMBEDDING_ENDPOINTS, TEXT_ENDPOINTS, Record
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.time_buckets import day_of, hour_of, minute_of

_DIMENSIONS: Mapping[Dimension, Callable[[Record], str]] = {
    "user": lambda record: record.user_id,
    "key": lambda record: record.key_id or "",
    "model": lambda record: record.model,
    "team": lambda record: record.team_id or "",
}
_BUCKETS: Mapping[BucketWidth, Callable[[int], int]] = {"minute": minute_of, "hour": hour_of, "day": day_of}
_WORK: Mapping[Work, Callable[[Record], bool]] = {
    "text": lambda record: record.endpoint in TEXT_ENDPOINTS or record.endpoint == ADJUSTMENT,
    "embeddings": lambda record: record.endpoint in EMBEDDING_ENDPOINTS,
    "all": lambda _: True,
}


class MemoryBuckets:
    """See `ports.Buckets`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def sums(self, query: BucketQuery, *, most: int) -> list[Bucket]:
        found: dict[tuple[int, tuple[str, ...]], Totals] = {}
        records = self._tables.records.values() if query.width == "minute" else as_summed(self._tables)
        for record in records:
            if _matches(query, record):
                group = tuple(_DIMENSIONS[name](record) for name in query.group_by)
                place = (_BUCKETS[query.width](record.created_at), group)
                found[place] = add_record(found.get(place, Totals()), record)
        counted = [Bucket(*place, totals) for place, totals in sorted(found.items()) if totals != Totals()]
        return counted[:most]

    async def newest_pruned(self) -> int | None:
        return max((max(record.created_at, record.settled_at) for record in self._tables.pruned), default=None)


def _matches(query: BucketQuery, record: Record) -> bool:
    filters: Mapping[Dimension, Sequence[str] | None] = {
        "user": query.users,
        "key": query.keys,
        "model": query.models,
        "team": query.teams,
    }
    return (
        query.since <= record.created_at < query.until
        and _WORK[query.work](record)
        and all(wanted is None or _DIMENSIONS[name](record) in wanted for name, wanted in filters.items())
    )
