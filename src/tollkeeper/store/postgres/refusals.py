"""Counts of refused requests, to which every process adds."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.dml import Insert

from tollkeeper.store.ports.refusals import RefusalKey
from tollkeeper.store.sql.identities import Identities, make_identities
from tollkeeper.store.sql.refusals import RefusalReader, folded, within_hours
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import refusals as table

_LONGEST_MODEL = 255


class PostgresRefusals(RefusalReader):
    """See `ports.RefusalStore`. `identities` are those of the database."""

    def __init__(self, writer: Runner, reader: Runner, identities: Identities) -> None:
        super().__init__(reader, identities)
        self._writer = writer

    async def add(self, counts: Collection[tuple[RefusalKey, int]]) -> None:
        if not counts:
            return
        identities = self._identities

        def write(connection: Connection) -> None:
            make_identities(connection, identities, {key.user_id for key, _ in counts if key.user_id})
            names = [column.name for column in table.columns]
            rows = [
                (*key._replace(user_id=identities.id_of(key.user_id), model=_storable(key.model)), count)
                for key, count in counts
            ]
            connection.execute(_adding(postgresql.insert(table)), [dict(zip(names, row, strict=True)) for row in rows])

        await self._writer.run(write)

    async def fold(self, before: int) -> None:
        def write(connection: Connection) -> None:
            names = [column.name for column in table.columns]
            connection.execute(_adding(postgresql.insert(table).from_select(names, folded(before))))
            connection.execute(delete(table).where(within_hours(before)))

        await self._writer.run(write)


def _storable(model: str) -> str:
    """The name of a model that a client asked for: it may be anything, but no row of an index can hold more."""
    return model.replace("\0", "\ufffd")[:_LONGEST_MODEL]


def _adding(statement: Insert) -> Insert:
    """Have an INSERT add its counts to those of rows that there are."""
    return statement.on_conflict_do_update(
        index_elements=[*table.primary_key.columns],
        set_={"count": table.c.count + statement.excluded.count},
    )
