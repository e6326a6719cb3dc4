"""Counts of refused requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, func, select

from tollkeeper.store.ports.refusals import RefusalFilter, RefusalGroup, RefusalSum
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import refusals as table
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS

S = TypeVar("S", bound=Select[Any])

_GROUPS: Mapping[RefusalGroup, Mapping[str, ColumnElement[Any]]] = {
    "user": {"user_id": table.c.user_id},
    "key": {"key_id": table.c.key_id},
    "model": {"model": table.c.model},
    "reason": {"status": table.c.status, "code": table.c.code, "limit": table.c.limit_name},
    "day": {"day": table.c.minute - table.c.minute % DAY_MS},
    "hour": {"hour": table.c.minute - table.c.minute % HOUR_MS},
}
_DIMENSIONS: Sequence[Column[Any]] = [column for column in table.primary_key.columns if column is not table.c.minute]


class RefusalReader:
    """The reading half of `ports.RefusalStore`. `identities` are those of the database."""

    def __init__(self, reader: Runner, identities: Identities) -> None:
        self._reader = reader
        self._identities = identities

    async def summary(
        self, which: RefusalFilter, group_by: Collection[RefusalGroup], *, limit: int
    ) -> tuple[list[RefusalSum], int]:
        named = {name: column for group in group_by for name, column in _GROUPS[group].items()}
        count = func.sum(table.c.count)

        def read(connection: Connection) -> tuple[list[RefusalSum], int]:
            groups = self._matching(select(count, func.max(table.c.minute), *named.values()), which)
            groups = groups.group_by(*named.values()).order_by(count.desc(), *named.values()).limit(limit)
            total = self._matching(select(func.coalesce(count, 0)), which)
            rows = [tuple(row) for row in connection.execute(groups)]
            found = [self._sum(row[0], row[1], dict(zip(named, row[2:], strict=True))) for row in rows if row[0]]
            return found, connection.execute(total).scalar_one()

        return await self._reader.run(read)

    def _sum(self, count: int, last: int, named: dict[str, Any]) -> RefusalSum:
        if "user_id" in named:
            named["user_id"] = self._identities.user_id_of(named["user_id"])
        return RefusalSum(count, last, **named)

    def _matching(self, query: S, which: RefusalFilter) -> S:
        if which.user_id is not None:
            query = query.where(table.c.user_id == self._identities.id_of(which.user_id))
        if which.key_id is not None:
            query = query.where(table.c.key_id == which.key_id)
        if which.since is not None:
            query = query.where(table.c.minute >= which.since)
        return query if which.until is None else query.where(table.c.minute < which.until)


def folded(before: int) -> Select[Any]:
    """The rows by hour of what is counted by minute before `before`; they have to be added to those that there are."""
    hour = (table.c.minute - table.c.minute % HOUR_MS).label("hour")
    query = select(hour, *_DIMENSIONS, func.sum(table.c.count)).where(within_hours(before))
    return query.group_by(hour, *_DIMENSIONS)


def within_hours(before: int) -> ColumnElement[bool]:
    """What is counted by a minute before `before` that begins no hour."""
    return and_(table.c.minute < before, table.c.minute % HOUR_MS != 0)
