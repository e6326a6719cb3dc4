"""Upstreams, and their sealed secrets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.upstreams import StoredUpstream
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.installation import set_value
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import second_factors
from tollkeeper.store.sql.schema import upstreams as table
from tollkeeper.store.sql.schema import webhooks as webhooks_table

_COLUMNS = [table.c[name] for name in StoredUpstream.__struct_fields__]
_ALL = select(*_COLUMNS).order_by(table.c.place)
_NAMED = table.c.id == bindparam("wanted")
_NEXT_PLACE = select(func.coalesce(func.max(table.c.place), 0) + 1)
_ADD = insert(table)
_DELETE = delete(table).where(_NAMED)


class SqlUpstreams:
    """See `ports.UpstreamStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[StoredUpstream]:
        return await self._reader.run(lambda connection: [StoredUpstream(*row) for row in connection.execute(_ALL)])

    async def save(self, upstream: StoredUpstream, audit: AuditEntry) -> None:
        values = asdict(upstream)

        def write(connection: Connection) -> None:
            if not connection.execute(update(table).where(table.c.id == upstream.id).values(values)).rowcount:
                place = connection.execute(_NEXT_PLACE).scalar_one()
                connection.execute(_ADD, {**values, "place": place})
            append(connection, audit)

        await self._writer.run(write)

    async def delete(self, upstream_id: str, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            connection.execute(_DELETE, {"wanted": upstream_id})
            append(connection, audit)

        await self._writer.run(write)

    async def reseal(
        self,
        sealed: Mapping[str, bytes],
        key_id: str,
        values: Mapping[str, bytes],
        audit: AuditEntry,
        *,
        factors: Mapping[str, bytes] = MappingProxyType({}),
        webhooks: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        def write(connection: Connection) -> None:
            for upstream_id, secrets in sealed.items():
                changed = update(table).where(table.c.id == upstream_id).values(sealed=secrets, key_id=key_id)
                connection.execute(changed)
            for user_id, secret in factors.items():
                of_user = update(second_factors).where(second_factors.c.user_id == user_id)
                connection.execute(of_user.values(sealed=secret, key_id=key_id))
            for webhook_id, secrets in webhooks.items():
                of_webhook = update(webhooks_table).where(webhooks_table.c.id == webhook_id)
                connection.execute(of_webhook.values(sealed=secrets, key_id=key_id))
            for name, value in values.items():
                set_value(connection, name, value)
            append(connection, audit)

        await self._writer.run(write)
