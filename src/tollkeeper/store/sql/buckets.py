"""Usage by bucket of time, grouped in the database.

Whole hours come from the sums by hour; minutes, and hours that the span cuts, from the records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, Table, func, or_, select, union_all

from tollkeeper.store.ports.buckets import Bucket, BucketQuery, BucketWidth, Dimension, Work
from tollkeeper.store.ports.records import ADJUSTMENT, EMBEDDING_ENDPOINTS, TEXT_ENDPOINTS
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.sql.dialect import one_of
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import checkpoints, records
from tollkeeper.store.sql.spans import next_hour
from tollkeeper.store.sql.sum_tables import FIGURES, PICO_PER_MICRO, hourly, hourly_models
from tollkeeper.store.sql.sums import RECORD_SUMS, in_span
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, MINUTE_MS

WIDTHS: Mapping[BucketWidth, int] = {"minute": MINUTE_MS, "hour": HOUR_MS, "day": DAY_MS}
_WORK: Mapping[Work, Sequence[str] | None] = {
    # Of some requests from before sums by endpoint, the endpoint is not known any more: they count as text.
    "text": (*sorted(TEXT_ENDPOINTS), ADJUSTMENT, ""),
    "embeddings": sorted(EMBEDDING_ENDPOINTS),
    "all": None,
}
"""The endpoints of work."""
_NEWEST_PRUNED = select(func.max(checkpoints.c.newest))


class _Source(NamedTuple):
    """A table with its column of time, those of its dimensions, and its figures."""

    table: Table
    at: ColumnElement[int]
    dimensions: Mapping[Dimension, ColumnElement[str]]
    figures: Sequence[ColumnElement[int]]


def _of_sums(table: Table, **dimensions: ColumnElement[str]) -> _Source:
    named: Mapping[Any, ColumnElement[str]] = dimensions
    return _Source(table, table.c.hour, named, [func.sum(table.c[name]) for name in FIGURES])


_HOURLY = _of_sums(hourly, user=hourly.c.user_id, key=hourly.c.key_id, model=hourly.c.model, team=hourly.c.team_id)
_MODELS = _of_sums(hourly_models, model=hourly_models.c.model)
_RECORDS = _Source(
    records,
    records.c.created_at,
    {
        "user": records.c.user_id,
        "key": func.coalesce(records.c.key_id, ""),
        "model": records.c.model,
        "team": func.coalesce(records.c.team_id, ""),
    },
    RECORD_SUMS,
)


class SqlBuckets:
    """See `ports.Buckets`. Every call raises StoreError when the database cannot be read. `identities` are those of the
    database."""

    def __init__(self, reader: Runner, identities: Identities) -> None:
        self._reader = reader
        self._identities = identities

    async def sums(self, query: BucketQuery, *, most: int) -> list[Bucket]:
        ids = self._identities

        def read(connection: Connection) -> list[Bucket]:
            users = None if query.users is None else [*map(ids.id_of, query.users)]
            return _read(connection, replace(query, users=users), most)

        found = await self._reader.run(read)
        if "user" not in query.group_by:
            return found
        place = [*query.group_by].index("user")
        named = [
            replace(each, group=(*each.group[:place], ids.user_id_of(each.group[place]), *each.group[place + 1 :]))
            for each in found
        ]
        return sorted(named, key=lambda each: (each.at, each.group))

    async def newest_pruned(self) -> int | None:
        return await self._reader.run(lambda connection: connection.execute(_NEWEST_PRUNED).scalar_one_or_none())


def _read(connection: Connection, query: BucketQuery, most: int) -> list[Bucket]:
    parts = list(_parts(query))
    if not parts:
        return []
    every = union_all(*parts).subquery()
    width = 1 + len(query.group_by)
    places, sums = every.c[:width], [func.sum(column) for column in every.c[width:]]
    counted = or_(*(figure != 0 for figure in sums))
    totals = select(*places, *sums).group_by(*places).having(counted).order_by(*places).limit(most)
    found = []
    for at, *row in map(tuple[Any, ...], connection.execute(totals)):
        group, counts, (micro, rest) = tuple(row[: width - 1]), row[width - 1 : -2], row[-2:]
        found.append(Bucket(at, group, Totals(*[*counts, micro * PICO_PER_MICRO + rest])))
    return found


def _parts(query: BucketQuery) -> Iterator[Select[Any]]:
    """Queries that add up, by bucket and group, to the sums of the span."""
    first, last = next_hour(query.since), next_hour(query.until)
    if query.since >= query.until:
        return
    if query.width == "minute" or first >= last:
        yield _of_records(query, query.since, query.until)
        return
    if query.since < first:
        yield _of_records(query, query.since, first)
    if query.until < last:  # what was pruned of this hour counts as made at its beginning (`sum_queries.py`)
        yield _of_records(query, query.until, last, sign=-1)
    needed = set(query.group_by) | {
        name
        for name, wanted in (("user", query.users), ("key", query.keys), ("team", query.teams))
        if wanted is not None
    }
    yield _of_hours(query, _MODELS if needed <= {"model"} else _HOURLY, first, last)


def _of_records(query: BucketQuery, since: int, until: int, sign: int = 1) -> Select[Any]:
    return in_span(_grouped(query, _RECORDS, sign), since, until)


def _of_hours(query: BucketQuery, source: _Source, first: int, last: int) -> Select[Any]:
    return _grouped(query, source).where(source.at >= first, source.at < last)


def _grouped(query: BucketQuery, source: _Source, sign: int = 1) -> Select[Any]:
    """Sums by bucket and group of the rows that the filters leave."""
    bucket = (source.at - source.at % WIDTHS[query.width]).label("at")
    places: list[ColumnElement[Any]] = [bucket, *(source.dimensions[name].label(name) for name in query.group_by)]
    # Labelled: a union takes the names of its first part, and columns of the same name would be one.
    signed = (figure if sign == 1 else -figure for figure in source.figures)
    figures = [figure.label(name) for name, figure in zip(FIGURES, signed, strict=True)]
    grouped: Select[Any] = select(*places, *figures).group_by(*places)
    filters: Mapping[Dimension, Sequence[str] | None] = {
        "user": query.users,
        "key": query.keys,
        "model": query.models,
        "team": query.teams,
    }
    endpoints = _WORK[query.work]
    if endpoints is not None:
        grouped = grouped.where(source.table.c.endpoint.in_(endpoints))
    return grouped.where(
        *(one_of(source.dimensions[name], wanted) for name, wanted in filters.items() if wanted is not None)
    )
