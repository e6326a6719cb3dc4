"""Limit templates."""

from __future__ import annotations

from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.limit_templates import LimitTemplate
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.limits import limits_of, limits_text
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import limit_templates as table

_ALL = select(*(table.c[name] for name in LimitTemplate.__struct_fields__)).order_by(table.c.id)


class SqlLimitTemplates:
    """See `ports.LimitTemplateStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[LimitTemplate]:
        def read(connection: Connection) -> list[LimitTemplate]:
            return [
                LimitTemplate(row.id, row.name, row.created_at, limits_of(row.limits))
                for row in connection.execute(_ALL)
            ]

        return await self._reader.run(read)

    async def save(self, template: LimitTemplate, audit: AuditEntry) -> None:
        row = asdict(template) | {"limits": limits_text(template.limits)}

        def write(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.id == template.id))
            connection.execute(insert(table).values(row))
            append(connection, audit)

        await self._writer.run(write)

    async def delete(self, template_id: str, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            connection.execute(delete(table).where(table.c.id == template_id))
            append(connection, audit)

        await self._writer.run(write)
