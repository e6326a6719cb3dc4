"""Values of the installation, by name."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, select, update

from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import installation as table

_NAMED = table.c.name == bindparam("wanted")
_VALUE = select(table.c.value).where(_NAMED)
_SET = update(table).where(_NAMED).values(value=bindparam("value"))
_ADD = insert(table)


class SqlInstallation:
    """See `ports.Installation`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def value(self, name: str) -> bytes | None:
        return await self._reader.run(
            lambda connection: connection.execute(_VALUE, {"wanted": name}).scalar_one_or_none()
        )

    async def set_value(self, name: str, value: bytes) -> None:
        await self._writer.run(lambda connection: set_value(connection, name, value))


def set_value(connection: Connection, name: str, value: bytes) -> None:
    if not connection.execute(_SET, {"wanted": name, "value": value}).rowcount:
        connection.execute(_ADD, {"name": name, "value": value})
