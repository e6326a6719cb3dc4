"""Reports, computed from all records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile

from msgspec.structs import replace

from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import Span
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.record_order import NEWEST, Order
from tollkeeper.store.ports.records import Record, requests_of, tags_of
from tollkeeper.store.ports.reports import Filter, Group, History, Slice, Spending, Totals
from tollkeeper.store.time_buckets import (
    MINUTES_KEPT_MS,
    MOMENTS_KEPT_MS,
    day_label,
    day_of,
    hour_label,
    hour_of,
    minute_of,
    wants,
)

GROUPS: Mapping[Group, Callable[[Record], str]] = {
    "user": lambda record: record.user_id,
    "key": lambda record: record.key_id or "",
    "model": lambda record: record.model,
    "upstream": lambda record: record.upstream,
    "endpoint": lambda record: record.endpoint,
    "status": lambda record: record.status,
    "team": lambda record: record.team_id or "",
    "end_user": lambda record: record.end_user_id or "",
    "hour": lambda record: hour_label(record.created_at),
    "day": lambda record: day_label(record.created_at),
}


class MemoryReports:
    """See `ports.Reports`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def records(self, which: Filter, *, limit: int, after: str | None, order: Order = NEWEST) -> list[Record]:
        seen = None if after is None else order.read_cursor(after)
        found = sorted(
            (record for record in self._tables.records.values() if matches(which, record)),
            key=order.place,
            reverse=order.descending,
        )
        if seen is not None:
            found = [
                record
                for record in found
                if (order.place(record) < seen if order.descending else order.place(record) > seen)
            ]
        return found[:limit]

    async def record(self, request_id: str) -> Record | None:
        return self._tables.records.get(request_id)

    async def prunable(self, before: int) -> int:
        return sum(1 for _ in takewhile(lambda record: record.created_at < before, self._tables.records.values()))

    async def summary(
        self, which: Filter, group_by: Sequence[Group], *, upto: int | None = None
    ) -> list[tuple[tuple[str, ...], Totals]]:
        sums: dict[tuple[str, ...], Totals] = {} if group_by else {(): Totals()}
        for record in islice(as_summed(self._tables), upto):
            if matches(which, record):
                group = tuple(GROUPS[name](record) for name in group_by)
                sums[group] = add_record(sums.get(group, Totals()), record)
        return sorted(sums.items(), key=lambda item: item[0])

    async def spending(self, since: int) -> list[Spending]:
        costs: Counter[tuple[str, int]] = Counter()
        for record in self._tables.chain():
            if record.upstream and record.cost_pico and record.created_at >= day_of(since):
                costs[record.upstream, day_of(record.created_at)] += record.cost_pico
        return [Spending(*place, cost) for place, cost in sorted(costs.items())]

    async def last_used(self) -> dict[str, int]:
        found = {record.model: hour_of(record.created_at) for record in self._tables.pruned if requests_of(record)}
        return found | {record.model: record.created_at for record in self._tables.records.values() if
                        requests_of(record)}  # fmt: skip

    async def history(
        self,
        now: int,
        *,
        user_id: str | None = None,
        upto: int | None = None,
        spans: Collection[Span] | None = None,
        detailed: Collection[str] | None = None,
    ) -> History:
        last = len(self._tables.pruned) + len(self._tables.records)
        seq = last if upto is None else min(upto, last)
        counted = [record for record in islice(self._tables.chain(), seq) if user_id in (None, record.user_id)]
        now = min([now, *(record.settled_at for record in islice(self._tables.chain(), max(0, last - 1), last))])
        first, since = minute_of(now - MINUTES_KEPT_MS), now - MOMENTS_KEPT_MS
        last_month, _ = month_bounds(month_bounds(now)[0] - 1)
        moments = list(_moments(counted))
        whole = [(record.created_at, _without_detail(_slice(record, 0), detailed)) for record in counted]
        months = ((month_bounds(at)[0], each) for at, each in whole if at >= last_month)
        return History(
            seq,
            _summed(
                replace(each, at=minute_of(each.at))
                for each in moments
                if each.at >= first and wants(spans, "hour", "day")
            ),
            _summed(replace(each, at=month) for month, each in months if wants(spans, "month")),
            _summed(each for _, each in whole if wants(spans, "total")),
            _summed(each for each in moments if each.at >= since and wants(spans, "second", "minute")),
        )


def _without_detail(part: Slice, detailed: Collection[str] | None) -> Slice:
    return part if detailed is None or part.user_id in detailed else replace(part, key_id="", model="", end_user_id="")


def _slice(record: Record, at: int) -> Slice:
    return Slice(
        at,
        record.user_id,
        record.key_id or "",
        record.model,
        requests_of(record),
        record.usage.total_tokens,
        record.cost_pico,
        record.team_id or "",
        record.end_user_id or "",
    )


def _moments(records: Iterable[Record]) -> Iterator[Slice]:
    for record in records:
        yield replace(_slice(record, record.created_at), tokens=0, cost_pico=0)
        yield replace(_slice(record, record.settled_at), requests=0)


def _summed(slices: Iterable[Slice]) -> list[Slice]:
    sums: dict[tuple[int | str, ...], Slice] = {}
    for each in slices:
        place = (each.at, each.user_id, each.key_id, each.model, each.team_id, each.end_user_id)
        before = sums.get(place)
        sums[place] = each if before is None else replace(
            each,
            requests=before.requests + each.requests,
            tokens=before.tokens + each.tokens,
            cost_pico=before.cost_pico + each.cost_pico,
        )  # fmt: skip
    return [each for _, each in sorted(sums.items()) if each.requests or each.tokens or each.cost_pico]


def as_summed(tables: Tables) -> Iterator[Record]:
    """All records as they count in sums: of those that were pruned only the hour is known."""
    yield from (replace(record, created_at=hour_of(record.created_at)) for record in tables.pruned)
    yield from tables.records.values()


def tag_of(record: Record, name: str) -> str:
    """The value of a tag of a record; "" where it has none."""
    return tags_of(record).get(name, "")


def matches(which: Filter, record: Record) -> bool:
    """Whether a record is of a selection."""
    return (
        which.user_id in (None, record.user_id)
        and (which.users is None or record.user_id in which.users)
        and which.key_id in (None, record.key_id or "")
        and which.model in (None, record.model)
        and which.status in (None, record.status)
        and which.team_id in (None, record.team_id or "")
        and which.end_user_id in (None, record.end_user_id or "")
        and record.request_id.startswith(which.request_id or "")
        and which.upstream in (None, record.upstream)
        and which.endpoint in (None, record.endpoint)
        and (which.tag is None or tag_of(record, which.tag[0]) == which.tag[1])
        and (which.since is None or record.created_at >= which.since)
        and (which.until is None or record.created_at < which.until)
    )


def add_record(totals: Totals, record: Record) -> Totals:
    """Sums that include one more record."""
    usage = record.usage
    return Totals(
        totals.requests + requests_of(record),
        totals.prompt_tokens + usage.prompt_tokens,
        totals.cached_tokens + usage.cached_tokens,
        totals.cache_write_tokens + usage.cache_write_tokens,
        totals.completion_tokens + usage.completion_tokens,
        totals.reasoning_tokens + usage.reasoning_tokens,
        totals.cost_pico + record.cost_pico,
    )
