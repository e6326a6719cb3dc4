"""The audit log."""

from __future__ import annotations

from msgspec.structs import replace

from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import ALL_ENTRIES, SIGN_IN_ACTIONS, AuditEntry, AuditFilter


class MemoryAudit:
    """See `ports.Audit`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, entry: AuditEntry) -> None:
        self._tables.must_be_writable()
        append(self._tables, entry)

    async def entries(self, *, limit: int, after: int | None, which: AuditFilter = ALL_ENTRIES) -> list[AuditEntry]:
        older = [
            entry for entry in self._tables.audit if (after is None or entry.id < after) and _matches(entry, which)
        ]
        return older[::-1][:limit]


def _matches(entry: AuditEntry, which: AuditFilter) -> bool:
    return (
        which.actor in (None, entry.actor)
        and which.action in (None, entry.action)
        and (not which.targets or entry.target in which.targets)
        and which.of_class in (None, "sign_in" if entry.action in SIGN_IN_ACTIONS else "change")
        and (which.since is None or entry.at >= which.since)
        and (which.until is None or entry.at < which.until)
    )


def append(tables: Tables, entry: AuditEntry) -> None:
    """Append an entry. Its `id` is ignored; it gets the next one."""
    tables.audit.append(replace(entry, id=len(tables.audit) + 1))
