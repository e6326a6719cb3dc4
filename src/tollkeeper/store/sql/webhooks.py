"""Webhooks, and their sealed secrets."""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select, update

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.webhooks import StoredWebhook
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import deliveries
from tollkeeper.store.sql.schema import webhooks as table

_ALL = select(*(table.c[name] for name in StoredWebhook.__struct_fields__)).order_by(table.c.created_at, table.c.id)


class SqlWebhooks:
    """See `ports.WebhookStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[StoredWebhook]:
        return await self._reader.run(lambda connection: [StoredWebhook(*row) for row in connection.execute(_ALL)])

    async def save(self, webhook: StoredWebhook, audit: AuditEntry) -> None:
        values = asdict(webhook)

        def write(connection: Connection) -> None:
            if not connection.execute(update(table).where(table.c.id == webhook.id).values(values)).rowcount:
                connection.execute(insert(table), values)
            append(connection, audit)

        await self._writer.run(write)

    async def delete(self, webhook_id: str, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.id == webhook_id))
            connection.execute(delete(deliveries).where(deliveries.c.target == webhook_id))
            append(connection, audit)

        await self._writer.run(write)
