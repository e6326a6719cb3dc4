"""Second factors of users."""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, RowMapping, delete, insert, select

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.second_factors import StoredFactor
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import second_factors as table

_DIGEST_BYTES = 32
_ALL = select(*(table.c[name] for name in StoredFactor.__struct_fields__)).order_by(table.c.user_id)


class SqlSecondFactors:
    """See `ports.SecondFactorStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[StoredFactor]:
        return await self._reader.run(lambda connection: [_factor(row) for row in connection.execute(_ALL).mappings()])

    async def save(self, factor: StoredFactor, audit: AuditEntry | None = None) -> None:
        values = asdict(factor) | {"recovery": b"".join(factor.recovery)}

        def write(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.user_id == factor.user_id))
            connection.execute(insert(table), values)
            if audit is not None:
                append(connection, audit)

        await self._writer.run(write)

    async def delete(self, user_id: str, audit: AuditEntry) -> bool:
        def write(connection: Connection) -> bool:
            deleted = connection.execute(delete(table).where(table.c.user_id == user_id)).rowcount
            append(connection, audit)
            return deleted > 0

        return await self._writer.run(write)


def _factor(row: RowMapping) -> StoredFactor:
    values = dict(row)
    recovery = values.pop("recovery")
    digests = tuple(recovery[at : at + _DIGEST_BYTES] for at in range(0, len(recovery), _DIGEST_BYTES))
    return StoredFactor(**values, recovery=digests)
