"""Aliases of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import aliases as table

_ALL = select(table.c.name, table.c.model).order_by(table.c.name, table.c.place)
_ADD = insert(table)
_CLEAR = delete(table)


class SqlAliases:
    """See `ports.AliasStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> dict[str, tuple[str, ...]]:
        def read(connection: Connection) -> dict[str, tuple[str, ...]]:
            found: dict[str, tuple[str, ...]] = {}
            for row in connection.execute(_ALL):
                found[row.name] = (*found.get(row.name, ()), row.model)
            return found

        return await self._reader.run(read)

    async def replace(self, aliases: Mapping[str, Sequence[str]], audit: AuditEntry) -> None:
        rows = [
            {"name": name, "place": place, "model": model}
            for name, models in aliases.items()
            for place, model in enumerate(models)
        ]

        def write(connection: Connection) -> None:
            connection.execute(_CLEAR)
            if rows:
                connection.execute(_ADD, rows)
            append(connection, audit)

        await self._writer.run(write)
