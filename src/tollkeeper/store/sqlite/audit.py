"""The audit log: appended in the transaction of the change that it tells of."""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, insert, select

from tollkeeper.store.ports import AuditEntry
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.schema import audit


class SqliteAudit:
    """See `ports.Audit`. Raises StoreError when the database cannot be read."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    async def entries(self, *, limit: int, after: int | None) -> list[AuditEntry]:
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(audit.c.id < after)
        return await self._readers.run(lambda connection: [_entry(*row) for row in connection.execute(query)])


def append(connection: Connection, entry: AuditEntry) -> None:
    """Write the entry; its id is given here, whatever it says."""
    values = asdict(entry)
    del values["id"]
    connection.execute(insert(audit).values(values))


def _entry(given: int, at: int, actor: str, action: str, target: str, detail: str, address: str | None) -> AuditEntry:
    return AuditEntry(at, actor, action, target, detail, address, given)
