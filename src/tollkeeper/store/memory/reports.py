"""Reports, by looking at every record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec.structs import replace

from tollkeeper.rules.times import month_of
from tollkeeper.rules.windows import Span
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import Filter, Group, History, Record, Slice, Totals, requests_of
from tollkeeper.store.spans import MINUTES_KEPT_MS, MOMENTS_KEPT_MS, asks, day_label, hour_label, minute_of

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

    async def summary(
        self, which: Filter, group_by: Sequence[Group], *, upto: int | None = None
    ) -> list[tuple[tuple[str, ...], Totals]]:
        sums: dict[tuple[str, ...], Totals] = {} if group_by else {(): Totals()}
        for record in islice(self._tables.chain(), upto):
            if _matches(which, record):
                group = tuple(_GROUPS[name](record) for name in group_by)
                sums[group] = _with(sums.get(group, Totals()), record)
        return sorted(sums.items(), key=lambda item: item[0])

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
        last_month, _ = month_of(month_of(now)[0] - 1)
        moments = list(_moments(counted))
        whole = [(record.created_at, _less(_slice(record, 0), detailed)) for record in counted]
        months = ((month_of(at)[0], each) for at, each in whole if at >= last_month)
        return History(
            seq,
            _summed(
                replace(each, at=minute_of(each.at))
                for each in moments
                if each.at >= first and asks(spans, "hour", "day")
            ),
            _summed(replace(each, at=month) for month, each in months if asks(spans, "month")),
            _summed(each for _, each in whole if asks(spans, "total")),
            _summed(each for each in moments if each.at >= since and asks(spans, "second", "minute")),
        )


def _less(part: Slice, detailed: Collection[str] | None) -> Slice:
    return part if detailed is None or part.user_id in detailed else replace(part, key_id="", model="")


def _slice(record: Record, at: int) -> Slice:
    whose = (record.user_id, record.key_id or "", record.model)
    return Slice(at, *whose, requests_of(record), record.usage.total_tokens, record.cost_pico)


def _moments(records: Iterable[Record]) -> Iterator[Slice]:
    for record in records:
        yield replace(_slice(record, record.created_at), tokens=0, cost_pico=0)
        yield replace(_slice(record, record.settled_at), requests=0)


def _summed(slices: Iterable[Slice]) -> list[Slice]:
    sums: dict[tuple[int, str, str, str], Slice] = {}
    for each in slices:
        place = (each.at, each.user_id, each.key_id, each.model)
        before = sums.get(place, Slice(*place))
        sums[place] = Slice(
            *place,
            before.requests + each.requests,
            before.tokens + each.tokens,
            before.cost_pico + each.cost_pico,
        )
    return [each for _, each in sorted(sums.items()) if each.requests or each.tokens or each.cost_pico]


def _matches(which: Filter, record: Record) -> bool:
    return (
        which.user_id in (None, record.user_id)
        and (which.users is None or record.user_id in which.users)
        and which.key_id in (None, record.key_id)
        and which.model in (None, record.model)
        and which.status in (None, record.status)
        and (which.since is None or record.created_at >= which.since)
        and (which.until is None or record.created_at < which.until)
    )


def _with(totals: Totals, record: Record) -> Totals:
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
