"""Limit templates."""

from __future__ import annotations

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.limit_templates import LimitTemplate


class MemoryLimitTemplates:
    """See `ports.LimitTemplateStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[LimitTemplate]:
        return sorted(self._tables.limit_templates.values(), key=lambda template: template.id)

    async def save(self, template: LimitTemplate, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.limit_templates[template.id] = template
        append(self._tables, audit)

    async def delete(self, template_id: str, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.limit_templates.pop(template_id, None)
        append(self._tables, audit)
