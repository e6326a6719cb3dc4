"""Reports, by looking at every record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import Filter, Group, Record, Totals
from tollkeeper.store.spans import day_label, hour_label

_GROUPS: Mapping[Group, Callable[[Record], str]] = {
    "user": lambda record: record.user_id,
    "key": lambda record: record.key_id or "",
    "model": lambda record: record.model,
    "status": lambda record: record.status,
    "hour": lambda record: hour_label(record.created_at),
    "day": lambda record: day_label(record.created_at),
}


class MemoryReports:
    """See `ports.Reports`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def records(self, which: Filter, *, limit: int, after: str | None) -> list[Record]:
        found = (record for record in self._tables.records.values() if _matches(which, record))
        older = (record for record in found if after is None or record.request_id < after)
        return sorted(older, key=lambda record: record.request_id, reverse=True)[:limit]

    async def record(self, request_id: str) -> Record | None:
        return self._tables.records.get(request_id)

    async def summary(self, which: Filter, group_by: Sequence[Group]) -> list[tuple[tuple[str, ...], Totals]]:
        sums: dict[tuple[str, ...], Totals] = {} if group_by else {(): Totals()}
        for record in self._tables.records.values():
            if _matches(which, record):
                group = tuple(_GROUPS[name](record) for name in group_by)
                sums[group] = _with(sums.get(group, Totals()), record)
        return sorted(sums.items(), key=lambda item: item[0])


def _matches(which: Filter, record: Record) -> bool:
    return (
        which.user_id in (None, record.user_id)
        and which.key_id in (None, record.key_id)
        and which.model in (None, record.model)
        and which.status in (None, record.status)
        and (which.since is None or record.created_at >= which.since)
        and (which.until is None or record.created_at < which.until)
    )


def _with(totals: Totals, record: Record) -> Totals:
    usage = record.usage
    return Totals(
        totals.requests + 1,
        totals.prompt_tokens + usage.prompt_tokens,
        totals.cached_tokens + usage.cached_tokens,
        totals.cache_write_tokens + usage.cache_write_tokens,
        totals.completion_tokens + usage.completion_tokens,
        totals.reasoning_tokens + usage.reasoning_tokens,
        totals.cost_pico + record.cost_pico,
    )
