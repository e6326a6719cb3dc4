"""Counts of refused requests in a SQLite database, written by the thread that writes the ledger, which gives users
their opaque ids as well."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.dml import Insert

from tollkeeper.store.ports.refusals import RefusalKey
from tollkeeper.store.sql.identities import Identities, Identity
from tollkeeper.store.sql.refusals import RefusalReader, folded, within_hours
from tollkeeper.store.sql.schema import identities as identities_table
from tollkeeper.store.sql.schema import refusals as table
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.writer import Writer


class SqliteRefusals(RefusalReader):
    """See `ports.RefusalStore`. `identities` are those of the database."""

    def __init__(self, writer: Writer, reader: Readers, identities: Identities) -> None:
        super().__init__(reader, identities)
        self._writer = writer

    async def add(self, counts: Collection[tuple[RefusalKey, int]]) -> None:
        if not counts:
            return
        identities, new = self._identities, list[Identity]()

        def write(connection: Connection) -> None:
            new.extend(identities.new({key.user_id for key, _ in counts if key.user_id}))
            if new:
                identities.add(new)
                connection.execute(insert(identities_table), [each._asdict() for each in new])
            names = [column.name for column in table.columns]
            rows = [(*key._replace(user_id=identities.id_of(key.user_id)), count) for key, count in counts]
            connection.execute(_adding(sqlite.insert(table)), [dict(zip(names, row, strict=True)) for row in rows])

        await self._writer.run(write, undo=lambda: identities.remove(new))

    async def fold(self, before: int) -> None:
        def write(connection: Connection) -> None:
            names = [column.name for column in table.columns]
            connection.execute(_adding(sqlite.insert(table).from_select(names, folded(before))))
            connection.execute(delete(table).where(within_hours(before)))

        await self._writer.run(write)


def _adding(statement: Insert) -> Insert:
    """Have an INSERT add its counts to those of rows that there are."""
    return statement.on_conflict_do_update(
        index_elements=table.primary_key.columns, set_={"count": table.c.count + statement.excluded.count}
    )
