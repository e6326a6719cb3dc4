"""The read side of the ledger.

Request ids sort by time, so a span of time is a range of ids: records are listed and selected by id alone. Sums come
from the smallest rollup that has them; where a span begins or ends within an hour, that partial hour is summed from its
records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from msgspec.structs import replace
from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, func, select

from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import Span
from tollkeeper.store.ports.record_order import NEWEST, Order
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.ports.reports import Filter, Group, History, Spending, Totals
from tollkeeper.store.sql.dialect import unindexed
from tollkeeper.store.sql.history import read_history
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.listing import first_records, within_moments
from tollkeeper.store.sql.prune import prunable
from tollkeeper.store.sql.rows import USER_PLACE, record_of
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import (
    FIGURES,
    NOT_COMPLETED,
    PICO_PER_MICRO,
    daily_upstreams,
    hourly,
    hourly_models,
    monthly_users,
    record_metadata,
    records,
)
from tollkeeper.store.sql.sums import RECORD_SUMS, in_span
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, day_label, day_of, hour_label

S = TypeVar("S", bound=Select[Any])
Columns = Mapping[Group, ColumnElement[Any]]

_LAST_MONTH_MS = 253_370_764_800_000
"""The last moment for which datetime can compute the end of the month."""
_NONE = Totals()
_NEWEST = (
    select(records.c.created_at)
    .where(records.c.model == hourly_models.c.model, records.c.endpoint != ADJUSTMENT)
    .order_by(records.c.request_id.desc())
    .limit(1)
    .scalar_subquery()
)
_LAST_USED = (
    select(hourly_models.c.model, func.max(hourly_models.c.hour).label("hour"), _NEWEST.label("newest"))
    .where(hourly_models.c.requests > 0)
    .group_by(hourly_models.c.model)
)
"""Pages ask for it, so no query may read all records: one look into their index for each model."""


class _Rollup(NamedTuple):
    """A table of sums, its column of time (`at`), and the columns of its groups."""

    table: Table
    at: ColumnElement[int]
    groups: Columns

    def serves(self, which: Filter, group_by: Sequence[Group]) -> bool:
        """Whether it has all columns that the filter and the groups need."""
        needed = set(group_by) | {
            group for group, names in _FILTERS.items() if any(getattr(which, name) is not None for name in names)
        }
        return needed <= self.groups.keys()


_FILTERS: Mapping[Group, tuple[str, ...]] = {
    "user": ("user_id", "users"),
    "key": ("key_id",),
    "model": ("model",),
    "status": ("status",),
    "team": ("team_id",),
    "end_user": ("end_user_id",),
}


def _next_hour(at: int) -> int:
    return -(-at // HOUR_MS) * HOUR_MS


def _begins_month(at: int) -> bool:
    return 0 <= at <= _LAST_MONTH_MS and at == month_bounds(at)[0]


_HOURLY = _Rollup(
    hourly,
    hourly.c.hour,
    {
        "user": unindexed(hourly.c.user_id),
        "key": hourly.c.key_id,
        "model": hourly.c.model,
        "status": hourly.c.status,
        "team": hourly.c.team_id,
        "end_user": hourly.c.end_user_id,
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
    {"user": monthly_users.c.user_id, "status": monthly_users.c.status, "team": monthly_users.c.team_id},
)
_IN_RECORDS: Columns = {
    "user": unindexed(records.c.user_id),
    "key": func.coalesce(records.c.key_id, ""),
    "model": unindexed(records.c.model),
    "status": unindexed(records.c.status),
    "team": func.coalesce(records.c.team_id, ""),
    "end_user": func.coalesce(records.c.end_user_id, ""),
    "hour": records.c.created_at - records.c.created_at % HOUR_MS,
    "day": records.c.created_at - records.c.created_at % DAY_MS,
}
_LABELS: Mapping[Group, Callable[[Any], str]] = {"hour": hour_label, "day": day_label}


_WITH_METADATA = select(records, record_metadata.c.metadata).outerjoin(
    record_metadata, record_metadata.c.request_id == records.c.request_id
)


class SqlReports:
    """See `ports.Reports`. Every call raises StoreError when the database cannot be read. `identities` are those of the
    database."""

    def __init__(self, reader: Runner, identities: Identities) -> None:
        self._reader = reader
        self._identities = identities
        self._by_figure = asyncio.Lock()

    async def records(self, which: Filter, *, limit: int, after: str | None, order: Order = NEWEST) -> list[Record]:
        which = within_moments(self._opaque(which))
        ids = in_span(_matching(select(records.c.request_id), records, which), which.since, which.until)
        query = first_records(_WITH_METADATA, ids, order, limit, after)
        # In the order by a figure all that match are read. Such lists wait for each other, so that they never take up
        # all threads that read.
        async with nullcontext() if order.by == NEWEST.by else self._by_figure:
            return await self._reader.run(lambda connection: [*map(self._record_of, connection.execute(query))])

    async def record(self, request_id: str) -> Record | None:
        query = _WITH_METADATA.where(records.c.request_id == request_id)
        row = await self._reader.run(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else self._record_of(row)

    async def prunable(self, before: int) -> int:
        return await self._reader.run(partial(prunable, before=before))

    async def summary(
        self, which: Filter, group_by: Sequence[Group], *, upto: int | None = None
    ) -> list[tuple[tuple[str, ...], Totals]]:
        which = within_moments(self._opaque(which))
        added = list(_sums(which, group_by))
        # The sums include everything that is committed: the few later records are subtracted.
        later = [] if upto is None else [_sum_later(which, group_by, upto)]
        label = _labeller(group_by, self._identities)
        return await self._reader.run(
            lambda connection: sorted(
                ((label(group), totals) for group, totals in _combined(connection, added, later, len(group_by))),
                key=itemgetter(0),
            )
        )

    async def spending(self, since: int) -> list[Spending]:
        query = select(daily_upstreams).where(daily_upstreams.c.day >= day_of(since))
        query = query.order_by(daily_upstreams.c.upstream, daily_upstreams.c.day)
        return await self._reader.run(
            lambda connection: [
                Spending(row.upstream, row.day, row.cost_micro * PICO_PER_MICRO + row.cost_rest)
                for row in connection.execute(query)
            ]
        )

    async def last_used(self) -> dict[str, int]:
        return await self._reader.run(
            lambda connection: {
                row.model: row.hour if row.newest is None else row.newest for row in connection.execute(_LAST_USED)
            }
        )

    async def history(
        self,
        now: int,
        *,
        user_id: str | None = None,
        upto: int | None = None,
        spans: Collection[Span] | None = None,
        detailed: Collection[str] | None = None,
    ) -> History:
        ids = self._identities
        user = None if user_id is None else ids.id_of(user_id)
        users = None if detailed is None else {*map(ids.id_of, detailed)}
        return await self._reader.run(
            lambda connection: read_history(connection, now, user, upto, spans, users, ids.user_id_of)
        )

    def _record_of(self, row: Row[Any]) -> Record:
        return record_of(row, self._identities.user_id_of(row[USER_PLACE]), row[-1])

    def _opaque(self, which: Filter) -> Filter:
        """The same selection, by opaque ids of users."""
        if which.user_id is None and which.users is None:
            return which
        id_of = self._identities.id_of
        return replace(
            which,
            user_id=None if which.user_id is None else id_of(which.user_id),
            users=None if which.users is None else [*map(id_of, which.users)],
        )


def _sums(which: Filter, group_by: Sequence[Group]) -> Iterator[Select[Any]]:
    """Queries that add up, by group, to the sums of the span."""
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
    figures = [func.sum(rollup.table.c[name]) for name in FIGURES]
    query = _matching(select(*groups, *figures).group_by(*groups), rollup.table, which)
    if first is not None:
        query = query.where(rollup.at >= first)
    if last is not None:
        query = query.where(rollup.at < last)
    yield query


def _rollup(which: Filter, group_by: Sequence[Group]) -> _Rollup:
    """The smallest rollup that has the sums."""
    whole_months = all(bound is None or _begins_month(bound) for bound in (which.since, which.until))
    if whole_months and _USERS.serves(which, group_by):
        return _USERS
    return _MODELS if _MODELS.serves(which, group_by) else _HOURLY


def _sum_records(which: Filter, group_by: Sequence[Group], since: int | None, until: int | None) -> Select[Any]:
    return in_span(_record_sums(which, group_by), since, until)


def _sum_later(which: Filter, group_by: Sequence[Group], upto: int) -> Select[Any]:
    """Sums over the few records with a number in the chain above `upto`, which are found by that number alone."""
    query = _record_sums(which, group_by).where(records.c.seq > upto)
    if which.since is not None:
        query = query.where(records.c.created_at >= which.since)
    return query if which.until is None else query.where(records.c.created_at < which.until)


def _record_sums(which: Filter, group_by: Sequence[Group]) -> Select[Any]:
    groups = [_IN_RECORDS[name] for name in group_by]
    return _matching(select(*groups, *RECORD_SUMS).group_by(*groups), records, which)


def _combined(
    connection: Connection, added: Iterable[Select[Any]], subtracted: Sequence[Select[Any]], width: int
) -> Iterator[tuple[tuple[Any, ...], Totals]]:
    """Sums by `width` columns of groups, which come first in each query."""
    sums: dict[tuple[Any, ...], list[int]] = {} if width else {(): [0] * 7}
    for sign, queries in ((1, added), (-1, subtracted)):
        for query in queries:
            for place, counts, micro, rest in map(partial(_split_row, width), connection.execute(query)):
                figures = [*counts, micro * PICO_PER_MICRO + rest]
                before = sums.get(place)
                if before is not None:
                    figures = [a + sign * b for a, b in zip(before, figures, strict=True)]
                elif sign < 0:
                    figures = [-figure for figure in figures]
                sums[place] = figures
    for group, figures in sums.items():
        totals = Totals(*figures)
        if not subtracted or totals != _NONE or not width:
            yield group, totals


def _split_row(width: int, row: Row[Any]) -> tuple[tuple[Any, ...], tuple[int, ...], int, int]:
    values = tuple(row)
    if values[-1] is None:  # a sum of no rows
        values = (0,) * len(values)
    return values[:width], values[width:-2], values[-2], values[-1]


def _labeller(group_by: Sequence[Group], identities: Identities) -> Callable[[tuple[Any, ...]], tuple[str, ...]]:
    """A function from the values of groups, as the database has them, to the labels of reports."""
    labels = [identities.user_id_of if name == "user" else _LABELS.get(name, str) for name in group_by]
    return lambda group: tuple(label(part) for label, part in zip(labels, group, strict=True))


def _matching(query: S, table: Table, which: Filter) -> S:
    """Restrict a query to these accounts, models and outcomes. Of the usable indexes, only the one that leaves the
    fewest rows is left to SQLite, which would not know which that is."""
    if which.users is not None:
        query = query.where(table.c.user_id.in_(which.users))
    uncommon = which.status not in (None, "completed")
    leads = next((name for name in ("end_user_id", "team_id", "user_id") if getattr(which, name)), None) or (
        "status" if uncommon else "model"
    )
    for name in ("team_id", "end_user_id"):
        wanted = getattr(which, name)
        if wanted is not None:
            column = table.c[name]
            if table is records:
                query = query.where(column.is_(None) if not wanted else _column(column, name == leads) == wanted)
            else:
                query = query.where(column == wanted)
    if which.request_id is not None and table is records:  # within one moment: no hour of a rollup is in its span
        query = query.where(func.substr(records.c.request_id, 1, len(which.request_id)) == which.request_id)
    for name in ("user_id", "key_id", "model", "status"):
        wanted = getattr(which, name)
        if wanted is not None:
            plain = which.users is None and (name == leads or table is not records)
            query = query.where(_column(table.c[name], plain) == wanted)
    if table is records and uncommon and leads == "status":
        query = query.where(NOT_COMPLETED)  # redundant, but SQLite uses the partial index only with it
    return query


def _column(column: Column[Any], indexed: bool) -> ColumnElement[Any]:
    return column if indexed else unindexed(column)
