"""The read side of the ledger.

Request ids sort by time, so a span of time is a range of ids: records are listed and selected by id alone. Sums come
from the smallest tables that have them (`sum_queries.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.rules.windows import Span
from tollkeeper.store.ports.record_order import NEWEST, Order
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.ports.reports import Filter, Group, History, Spending, Totals
from tollkeeper.store.sql.dialect import one_of, unindexed
from tollkeeper.store.sql.history import read_history
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.labels import labeller, opaque
from tollkeeper.store.sql.listing import begins_with, first_records, within_moments
from tollkeeper.store.sql.prune import prunable
from tollkeeper.store.sql.record_index import INDEXED, ids_of
from tollkeeper.store.sql.rows import USER_PLACE, record_of
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import NOT_COMPLETED, record_index, record_metadata, records
from tollkeeper.store.sql.sum_queries import COLUMNS, SUMMED, Selection, SumQueries, known_span, united
from tollkeeper.store.sql.sum_tables import FIGURES, PICO_PER_MICRO, daily_upstreams, hourly_models, hourly_tags
from tollkeeper.store.sql.sums import in_span
from tollkeeper.store.sql.tags import WITH_METADATA, tag_of
from tollkeeper.store.time_buckets import HOUR_MS, day_of

_NONE = Totals()
_NEWEST = (
    select(records.c.created_at)
    .join(record_index, record_index.c.request_id == records.c.request_id)
    .where(
        record_index.c.field == INDEXED.index("model"),
        record_index.c.value == hourly_models.c.model,
        records.c.endpoint != ADJUSTMENT,
    )
    .order_by(record_index.c.request_id.desc())
    .limit(1)
    .scalar_subquery()
)
_OLDEST = select(records.c.created_at).order_by(records.c.request_id).limit(1).scalar_subquery()
_LAST_USED = (
    select(hourly_models.c.model, func.max(hourly_models.c.hour).label("hour"), _NEWEST.label("newest"))
    .where(hourly_models.c.requests > 0)
    .group_by(hourly_models.c.model)
)
"""Pages ask for it, so no query may read all records: one look into their index for each model."""


class SqlReports:
    """See `ports.Reports`. Every call raises StoreError when the database cannot be read. `summed` is for what reads
    sums: there they have all records. `identities` are those of the database."""

    def __init__(self, reader: Runner, summed: Runner, identities: Identities) -> None:
        self._reader = reader
        self._summed = summed
        self._identities = identities
        self._by_figure = asyncio.Lock()

    async def records(self, which: Filter, *, limit: int, after: str | None, order: Order = NEWEST) -> list[Record]:

        def read(connection: Connection) -> list[Record]:
            asked = self._asked(which)
            if order.by == NEWEST.by and asked.tag is not None and asked.tag[1]:
                return [*map(self._record_of, _tagged(connection, asked, limit, after, order))]
            ids = _ids(asked)
            if asked.tag is not None and asked.tag[1]:  # Where no request has it, no metadata is looked up.
                ids = ids.where((records.c.created_at - records.c.created_at % HOUR_MS).in_(_hours(asked)))
            query = first_records(WITH_METADATA, ids, order, limit, after)
            return [*map(self._record_of, connection.execute(query))]

        # In the order by a figure all that match are read. Such lists wait for each other, so that they never take up
        # all threads that read.
        async with nullcontext() if order.by == NEWEST.by else self._by_figure:
            sums = which.tag is not None or _indexed_by(which) is not None
            return await (self._summed if sums else self._reader).run(read)

    async def record(self, request_id: str) -> Record | None:
        query = WITH_METADATA.where(records.c.request_id == request_id)
        row = await self._reader.run(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else self._record_of(row)

    async def prunable(self, before: int) -> int:
        return await self._reader.run(partial(prunable, before=before))

    async def summary(
        self, which: Filter, group_by: Sequence[Group], *, upto: int | None = None
    ) -> list[tuple[tuple[str, ...], Totals]]:
        label = labeller(group_by, self._identities)

        def read(connection: Connection) -> list[tuple[tuple[str, ...], Totals]]:
            selection = Selection(self._asked(which), group_by)
            queries = SumQueries(selection, known_span(connection))
            sums = _combined(connection, queries, upto, len(group_by))
            return sorted(((label(group), totals) for group, totals in sums), key=itemgetter(0))

        return await self._summed.run(read)

    async def spending(self, since: int) -> list[Spending]:
        query = select(daily_upstreams).where(daily_upstreams.c.day >= day_of(since))
        query = query.order_by(daily_upstreams.c.upstream, daily_upstreams.c.day)
        return await self._summed.run(
            lambda connection: [
                Spending(row.upstream, row.day, row.cost_micro * PICO_PER_MICRO + row.cost_rest)
                for row in connection.execute(query)
            ]
        )

    async def last_used(self) -> dict[str, int]:
        return await self._summed.run(
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

        def read(connection: Connection) -> History:
            user = None if user_id is None else ids.id_of(user_id)
            users = None if detailed is None else {*map(ids.id_of, detailed)}
            return read_history(connection, now, user, upto, spans, users, ids.user_id_of)

        return await self._summed.run(read)

    def _asked(self, which: Filter) -> Filter:
        """A selection by opaque ids: within a read, which knows all of them."""
        return within_moments(opaque(which, self._identities))

    def _record_of(self, row: Row[Any]) -> Record:
        return record_of(row, self._identities.user_id_of(row[USER_PLACE]), row[-1])


def _ids(which: Filter) -> Select[tuple[str]]:
    """The ids of the records that are selected."""
    name = _indexed_by(which)
    if name is None:
        query = select(records.c.request_id)
    else:
        query = ids_of(name, *([getattr(which, name)] if which.users is None else which.users))
        query = query.join(records, records.c.request_id == record_index.c.request_id)
    (id_,) = query.selected_columns
    query = in_span(query.where(*_conditions(which, name)), which.since, which.until, id_)
    if which.tag is not None:
        tag, value = which.tag
        query = query.outerjoin(record_metadata, record_metadata.c.request_id == records.c.request_id)
        query = query.where(tag_of(tag) == value)
    return query


def _hours(which: Filter) -> Select[Any]:
    """The hours in which there are requests with a tag, from that of the oldest record on."""
    name, value = which.tag or ("", "")
    hour = hourly_tags.c.hour
    hours = select(hour).distinct().where(hourly_tags.c.name == name, hourly_tags.c.value == value)
    hours = hours.where(hour > _OLDEST - HOUR_MS)
    for attribute in COLUMNS.values():
        wanted = getattr(which, attribute)
        if wanted is not None:
            hours = hours.where(hourly_tags.c[attribute] == wanted)
    if which.users is not None:
        hours = hours.where(one_of(hourly_tags.c.user_id, which.users))
    if which.since is not None:
        hours = hours.where(hour > which.since - HOUR_MS)
    return hours if which.until is None else hours.where(hour < which.until)


def _tagged(connection: Connection, which: Filter, limit: int, after: str | None, order: Order) -> Iterator[Row[Any]]:
    """Records with a tag in an order by time, read by the hours that have any, so that rare ones are found without
    reading all others."""
    hours = _hours(which)
    hour = hourly_tags.c.hour.desc() if order.descending else hourly_tags.c.hour
    for (start,) in connection.execute(hours.order_by(hour)):
        if after is not None and (
            request_id_floor(start) >= after if order.descending else request_id_floor(start + HOUR_MS) <= after
        ):
            continue
        ids = in_span(_ids(which), start, start + HOUR_MS)
        for row in connection.execute(first_records(WITH_METADATA, ids, order, limit, after)):
            yield row
            limit -= 1
        if limit <= 0:
            return


def _combined(
    connection: Connection, queries: SumQueries, upto: int | None, width: int
) -> Iterator[tuple[tuple[Any, ...], Totals]]:
    """Sums by `width` groups. They include everything that is committed: the few later records are subtracted."""
    parts = queries.parts()
    if upto is not None:
        parts.append(queries.of_later(upto))
    if not parts:
        if not width:
            yield (), _NONE
        return
    for row in map(tuple[Any, ...], connection.execute(select(united(parts, width, SUMMED)))):
        *counts, micro, rest = (figure or 0 for figure in row[width : width + len(FIGURES)])
        totals = Totals(*[*counts, micro * PICO_PER_MICRO + rest])
        if totals != _NONE or not width:
            yield row[:width], totals


def _indexed_by(which: Filter) -> str | None:
    """The column by whose index the selected records are found: that which leaves the fewest; None: by none."""
    if which.users is not None:
        return "user_id"
    for name in ("end_user_id", "team_id", "user_id"):
        if getattr(which, name):
            return name
    return "model" if which.model is not None and which.status in (None, "completed") else None


def _conditions(which: Filter, indexed: str | None) -> Iterator[ColumnElement[bool]]:
    """The conditions for records of these accounts, models and outcomes, but that on the column by whose index they are
    found."""
    for name in ("team_id", "end_user_id", "key_id"):
        wanted = getattr(which, name)
        if wanted is not None and name != indexed:
            column = records.c[name]
            yield column == wanted if wanted else column.is_(None)
    if which.request_id is not None:
        yield begins_with(which.request_id)
    for name in ("user_id", "model", "upstream", "endpoint"):
        wanted = getattr(which, name)
        if wanted is not None and (name != indexed or which.users is not None):
            yield records.c[name] == wanted
    if which.status is not None:
        yield (records.c.status if indexed is None else unindexed(records.c.status)) == which.status
        if indexed is None and which.status != "completed":
            yield NOT_COMPLETED  # redundant, but SQLite uses the partial index only with it
