"""The read side of the ledger.

A request id sorts by its time, so a span of time is a range of ids: records are listed and cut by id alone. Sums come
from the smallest rollup that has them; where a span begins or ends within an hour, that ragged edge is summed from its
records.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, case, func, literal_column, select

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.rules.times import month_of
from tollkeeper.rules.windows import Span
from tollkeeper.store.ports import ADJUSTMENT, Filter, Group, History, Record, Totals
from tollkeeper.store.spans import DAY_MS, HOUR_MS, day_label, hour_label
from tollkeeper.store.sqlite.history import read_history
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.rows import record_of
from tollkeeper.store.sqlite.schema import hourly, hourly_models, monthly_users, records

S = TypeVar("S", bound=Select[Any])
Columns = Mapping[Group, ColumnElement[Any]]

_PICO_PER_MICRO = 10**6
_LAST_MS = 2**48 - 1
_LAST_MONTH_MS = 253_370_764_800_000
"""The last whose month datetime can tell the end of."""
_NONE = Totals()
_NOT_COMPLETED = records.c.status != literal_column("'completed'")


def _unindexed(column: Column[Any]) -> ColumnElement[Any]:
    """The same, for which SQLite uses no index. (It would read all there ever was by an index, to find groups in their
    order, rather than sort those of a day.)"""
    return literal_column(f"+{column.table.name}.{column.name}", column.type)


class _Rollup(NamedTuple):
    """Sums in a table, by the moments `at`, and the groups it has."""

    table: Table
    at: ColumnElement[int]
    groups: Columns

    def can(self, which: Filter, group_by: Sequence[Group]) -> bool:
        """Whether it has what is asked for."""
        asked = set(group_by) | {
            group for group, names in _FILTERS.items() if any(getattr(which, name) is not None for name in names)
        }
        return asked <= self.groups.keys()


_FILTERS: Mapping[Group, tuple[str, ...]] = {
    "user": ("user_id", "users"),
    "key": ("key_id",),
    "model": ("model",),
    "status": ("status",),
}


def _next_hour(at: int) -> int:
    return -(-at // HOUR_MS) * HOUR_MS


def _begins_month(at: int) -> bool:
    return 0 <= at <= _LAST_MONTH_MS and at == month_of(at)[0]


_HOURLY = _Rollup(
    hourly,
    hourly.c.hour,
    {
        "user": _unindexed(hourly.c.user_id),
        "key": hourly.c.key_id,
        "model": hourly.c.model,
        "status": hourly.c.status,
        "hour": hourly.c.hour,
        "day": hourly.c.hour - hourly.c.hour % DAY_MS,
    },
)
_MODELS = _Rollup(
    hourly_models,
    hourly_models.c.hour,
    {
        "model": hourly_models.c.model,
        "status": hourly_models.c.status,
        "hour": hourly_models.c.hour,
        "day": hourly_models.c.hour - hourly_models.c.hour % DAY_MS,
    },
)
_USERS = _Rollup(
    monthly_users,
    monthly_users.c.month,
    {"user": monthly_users.c.user_id, "status": monthly_users.c.status},
)
_IN_RECORDS: Columns = {
    "user": _unindexed(records.c.user_id),
    "key": func.coalesce(records.c.key_id, ""),
    "model": _unindexed(records.c.model),
    "status": _unindexed(records.c.status),
    "hour": records.c.created_at - records.c.created_at % HOUR_MS,
    "day": records.c.created_at - records.c.created_at % DAY_MS,
}
_LABELS = {"hour": hour_label, "day": day_label}

_TOKENS = ("prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens")
# In two parts, as the rollups have it: the sum of the whole may exceed 64 bits, which SQLite makes an error.
_RECORD_SUMS = [
    func.sum(case((records.c.endpoint == ADJUSTMENT, 0), else_=1)),
    *(func.sum(records.c[name]) for name in _TOKENS),
    func.sum(records.c.cost_pico // _PICO_PER_MICRO),
    func.sum(records.c.cost_pico % _PICO_PER_MICRO),
]


class SqliteReports:
    """See `ports.Reports`. Every call raises StoreError when the database cannot be read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def records(self, which: Filter, *, limit: int, after: str | None) -> list[Record]:
        query = _matching(select(records), records, which)
        query = _span(query, which.since, which.until).order_by(records.c.request_id.desc()).limit(limit)
        if after is not None:
            query = query.where(records.c.request_id < after)
        return await self._readers.run(lambda connection: [record_of(row) for row in connection.execute(query)])

    async def record(self, request_id: str) -> Record | None:
        query = select(records).where(records.c.request_id == request_id)
        row = await self._readers.run(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else record_of(row)

    async def summary(
        self, which: Filter, group_by: Sequence[Group], *, upto: int | None = None
    ) -> list[tuple[tuple[str, ...], Totals]]:
        added = list(_sums(which, group_by))
        # The sums are of all that is committed: the few records since are taken off again.
        later = [] if upto is None else [_sum_later(which, group_by, upto)]
        return await self._readers.run(lambda connection: _joined(connection, added, later, group_by))

    async def history(
        self,
        now: int,
        *,
        user_id: str | None = None,
        upto: int | None = None,
        spans: Collection[Span] | None = None,
        detailed: Collection[str] | None = None,
    ) -> History:
        return await self._readers.run(lambda connection: read_history(connection, now, user_id, upto, spans, detailed))


def _sums(which: Filter, group_by: Sequence[Group]) -> Iterator[Select[Any]]:
    """The queries whose rows, added up by group, are the sums of the span."""
    since, until = which.since, which.until
    if since is not None and until is not None and since >= until:
        return
    rollup = _rollup(which, group_by)
    first = None if since is None else _next_hour(since)
    last = None if until is None else until // HOUR_MS * HOUR_MS
    if first is not None and last is not None and first > last:
        yield _sum_records(which, group_by, since, until)
        return
    if since != first:
        yield _sum_records(which, group_by, since, first)
    if until != last:
        yield _sum_records(which, group_by, last, until)
    groups = [rollup.groups[name] for name in group_by]
    figures = [func.sum(rollup.table.c[name]) for name in ("requests", *_TOKENS, "cost_micro", "cost_rest")]
    query = _matching(select(*groups, *figures).group_by(*groups), rollup.table, which)
    if first is not None:
        query = query.where(rollup.at >= first)
    if last is not None:
        query = query.where(rollup.at < last)
    yield query


def _rollup(which: Filter, group_by: Sequence[Group]) -> _Rollup:
    """The smallest that has the sums."""
    whole_months = all(bound is None or _begins_month(bound) for bound in (which.since, which.until))
    if whole_months and _USERS.can(which, group_by):
        return _USERS
    return _MODELS if _MODELS.can(which, group_by) else _HOURLY


def _sum_records(which: Filter, group_by: Sequence[Group], since: int | None, until: int | None) -> Select[Any]:
    return _span(_record_sums(which, group_by), since, until)


def _sum_later(which: Filter, group_by: Sequence[Group], upto: int) -> Select[Any]:
    """Of the few records that came into the chain after that number: found by it, and by nothing else."""
    query = _record_sums(which, group_by).where(records.c.seq > upto)
    if which.since is not None:
        query = query.where(records.c.created_at >= which.since)
    return query if which.until is None else query.where(records.c.created_at < which.until)


def _record_sums(which: Filter, group_by: Sequence[Group]) -> Select[Any]:
    groups = [_IN_RECORDS[name] for name in group_by]
    return _matching(select(*groups, *_RECORD_SUMS).group_by(*groups), records, which)


def _joined(
    connection: Connection, added: Iterable[Select[Any]], taken_off: Iterable[Select[Any]], group_by: Sequence[Group]
) -> list[tuple[tuple[str, ...], Totals]]:
    width = len(group_by)
    sums: dict[tuple[Any, ...], list[int]] = {} if group_by else {(): [0] * 7}
    for sign, queries in ((1, added), (-1, taken_off)):
        for query in queries:
            for place, counts, micro, rest in map(partial(_cut, width), connection.execute(query)):
                figures = [*counts, micro * _PICO_PER_MICRO + rest]
                before = sums.get(place)
                if before is not None:
                    figures = [a + sign * b for a, b in zip(before, figures, strict=True)]
                elif sign < 0:
                    figures = [-figure for figure in figures]
                sums[place] = figures
    named = ((_labelled(group, group_by), Totals(*figures)) for group, figures in sums.items())
    return sorted((item for item in named if not taken_off or item[1] != _NONE or not group_by), key=itemgetter(0))


def _cut(width: int, row: Row[Any]) -> tuple[tuple[Any, ...], tuple[int, ...], int, int]:
    values = tuple(row)
    if values[-1] is None:  # a sum of no rows
        values = (0,) * len(values)
    return values[:width], values[width:-2], values[-2], values[-1]


def _labelled(group: tuple[Any, ...], group_by: Sequence[Group]) -> tuple[str, ...]:
    return tuple(_LABELS[name](part) if name in _LABELS else part for name, part in zip(group_by, group, strict=True))


def _matching(query: S, table: Table, which: Filter) -> S:
    """Rows of these accounts, models and outcomes, of any time. Of the indexes that would do, the one that leaves the
    fewest rows is left to SQLite, which does not know which that is."""
    if which.users is not None:
        query = query.where(table.c.user_id.in_(which.users))
    uncommon = which.status not in (None, "completed")
    leads = "user_id" if which.user_id is not None else "status" if uncommon else "model"
    for name in ("user_id", "key_id", "model", "status"):
        wanted = getattr(which, name)
        if wanted is not None:
            plain = which.users is None and (name == leads or table is not records)
            query = query.where((table.c[name] if plain else _unindexed(table.c[name])) == wanted)
    if table is records and uncommon and leads == "status":
        query = query.where(_NOT_COMPLETED)  # it says nothing new, but is how SQLite knows the index for it
    return query


def _span(query: S, since: int | None, until: int | None) -> S:
    if since is not None:
        query = query.where(records.c.request_id >= _floor(since))
    if until is not None:
        query = query.where(records.c.request_id < _floor(until))
    return query


def _floor(ms: int) -> str:
    """The id's digits hold 48 bits of time; a bound beyond them means their end."""
    return request_id_floor(max(0, min(ms, _LAST_MS)))
