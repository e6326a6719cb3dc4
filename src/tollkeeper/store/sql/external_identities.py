"""Identities at OpenID providers."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, insert, select

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import external_identities as table

_ALL = select(*(table.c[name] for name in ExternalIdentity.__struct_fields__)).order_by(
    table.c.created_at, table.c.issuer, table.c.subject
)
_DELETE = delete(table).where(table.c.issuer == bindparam("at"), table.c.subject == bindparam("who"))


class SqlExternalIdentities:
    """See `ports.ExternalIdentityStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[ExternalIdentity]:
        return await self._reader.run(lambda connection: [ExternalIdentity(*row) for row in connection.execute(_ALL)])

    async def save(self, identity: ExternalIdentity, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            put_identities(connection, [identity])
            append(connection, audit)

        await self._writer.run(write)

    async def delete(self, issuer: str, subject: str, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            connection.execute(_DELETE, {"at": issuer, "who": subject})
            append(connection, audit)

        await self._writer.run(write)


def put_identities(connection: Connection, identities: Sequence[ExternalIdentity]) -> None:
    """Insert or replace identities, inside a transaction."""
    for identity in identities:
        connection.execute(_DELETE, {"at": identity.issuer, "who": identity.subject})
        connection.execute(insert(table), asdict(identity))
