"""The audit log."""

from __future__ import annotations

from msgspec.structs import replace

from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry


class MemoryAudit:
    """See `ports.Audit`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, entry: AuditEntry) -> None:
        self._tables.must_be_writable()
        append(self._tables, entry)

    async def entries(self, *, limit: int, after: int | None) -> list[AuditEntry]:
        older = [entry for entry in self._tables.audit if after is None or entry.id < after]
        return older[::-1][:limit]


def append(tables: Tables, entry: AuditEntry) -> None:
    """Append an entry. Its `id` is ignored; it gets the next one."""
    tables.audit.append(replace(entry, id=len(tables.audit) + 1))
