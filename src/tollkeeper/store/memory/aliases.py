"""Aliases of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry


class MemoryAliases:
    """See `ports.AliasStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> dict[str, tuple[str, ...]]:
        return dict(self._tables.aliases)

    async def replace(self, aliases: Mapping[str, Sequence[str]], audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.aliases = {alias: tuple(models) for alias, models in aliases.items()}
        append(self._tables, audit)
