"""Second factors of users."""

from __future__ import annotations

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.second_factors import StoredFactor


class MemorySecondFactors:
    """See `ports.SecondFactorStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[StoredFactor]:
        return sorted(self._tables.second_factors.values(), key=lambda factor: factor.user_id)

    async def save(self, factor: StoredFactor, audit: AuditEntry | None = None) -> None:
        self._tables.must_be_writable()
        self._tables.second_factors[factor.user_id] = factor
        if audit is not None:
            append(self._tables, audit)

    async def delete(self, user_id: str, audit: AuditEntry) -> bool:
        self._tables.must_be_writable()
        found = self._tables.second_factors.pop(user_id, None)
        append(self._tables, audit)
        return found is not None
