"""Pins of models."""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.pins import Pin
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import pins as table

_ALL = select(*(table.c[name] for name in Pin.__struct_fields__)).order_by(table.c.model)


class SqlPins:
    """See `ports.PinStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[Pin]:
        return await self._reader.run(lambda connection: [Pin(*row) for row in connection.execute(_ALL)])

    async def save(self, pin: Pin, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.model == pin.model))
            connection.execute(insert(table).values(asdict(pin)))
            append(connection, audit)

        await self._writer.run(write)

    async def delete(self, model: str, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.model == model))
            append(connection, audit)

        await self._writer.run(write)
