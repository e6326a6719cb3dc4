"""Prices, aliases, and small named values of the installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import asdict, replace
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from tollkeeper.rules.pricing import Price
from tollkeeper.store.ports import AuditEntry
from tollkeeper.store.sqlite import schema
from tollkeeper.store.sqlite.audit import append
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.writer import Writer


class SqliteBook:
    """See `ports.Book`. Every call raises StoreError when it is not done."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def prices(self) -> list[Price]:
        query = select(schema.prices).order_by(schema.prices.c.id)
        return await self._readers.run(lambda connection: [Price(*row) for row in connection.execute(query)])

    async def add_prices(self, prices: Sequence[Price], audit: AuditEntry) -> list[Price]:
        def write(connection: Connection) -> list[Price]:
            added = [_add_price(connection, price) for price in prices]
            append(connection, audit)
            return added

        return await self._writer.run(write)

    async def aliases(self) -> dict[str, str]:
        query = select(schema.aliases.c.name, schema.aliases.c.model)
        return await self._readers.run(lambda connection: {row.name: row.model for row in connection.execute(query)})

    async def replace_aliases(self, aliases: Mapping[str, str], audit: AuditEntry) -> None:
        rows = [{"name": name, "model": model} for name, model in aliases.items()]

        def write(connection: Connection) -> None:
            connection.execute(delete(schema.aliases))
            if rows:
                connection.execute(insert(schema.aliases), rows)
            append(connection, audit)

        await self._writer.run(write)

    async def value(self, name: str) -> bytes | None:
        query = select(schema.installation.c.value).where(schema.installation.c.name == name)
        return await self._readers.run(lambda connection: connection.execute(query).scalar_one_or_none())

    async def set_value(self, name: str, value: bytes) -> None:
        statement = insert(schema.installation).values(name=name, value=value)
        statement = statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
        await self._writer.run(lambda connection: connection.execute(statement))


def _add_price(connection: Connection, price: Price) -> Price:
    values = asdict(price)
    del values["id"]
    given = connection.execute(insert(schema.prices).values(values).returning(schema.prices.c.id)).scalar_one()
    return replace(price, id=given)
