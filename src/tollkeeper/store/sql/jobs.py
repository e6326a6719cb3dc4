"""Jobs: work for an admin that goes on without them."""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select, update

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.jobs import StoredJob
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import jobs as table

_ALL = select(*(table.c[name] for name in StoredJob.__struct_fields__)).order_by(table.c.created_at, table.c.id)


class SqlJobs:
    """See `ports.JobStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[StoredJob]:
        return await self._reader.run(lambda connection: [StoredJob(*row) for row in connection.execute(_ALL)])

    async def save(self, job: StoredJob, audit: AuditEntry | None = None) -> None:
        values = asdict(job)

        def write(connection: Connection) -> None:
            if not connection.execute(update(table).where(table.c.id == job.id).values(values)).rowcount:
                connection.execute(insert(table).values(values))
            if audit is not None:
                append(connection, audit)

        await self._writer.run(write)

    async def forget(self, before: int) -> None:
        old = delete(table).where(table.c.ended_at < before)
        await self._writer.run(lambda connection: connection.execute(old))
