"""Versions of prices."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict, replace
from sqlalchemy import Connection, insert, select

from tollkeeper.rules.pricing import Price
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import prices as table

_ALL = select(table).order_by(table.c.id)
_ADD = insert(table).returning(table.c.id)


class SqlPrices:
    """See `ports.PriceStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[Price]:
        return await self._reader.run(lambda connection: [Price(*row) for row in connection.execute(_ALL)])

    async def add(self, prices: Sequence[Price], audit: AuditEntry) -> list[Price]:
        def write(connection: Connection) -> list[Price]:
            added = [_add(connection, price) for price in prices]
            append(connection, audit)
            return added

        return await self._writer.run(write)


def _add(connection: Connection, price: Price) -> Price:
    values = asdict(price)
    del values["id"]
    return replace(price, id=connection.execute(_ADD, values).scalar_one())
