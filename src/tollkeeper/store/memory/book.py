"""Prices, aliases, and small named values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from tollkeeper.rules.pricing import Price
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import AuditEntry


class MemoryBook:
    """See `ports.Book`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def prices(self) -> list[Price]:
        return list(self._tables.prices)

    async def add_prices(self, prices: Sequence[Price], audit: AuditEntry) -> list[Price]:
        self._tables.must_be_writable()
        first = len(self._tables.prices) + 1
        added = [replace(price, id=given) for given, price in enumerate(prices, first)]
        self._tables.prices += added
        append(self._tables, audit)
        return added

    async def aliases(self) -> dict[str, str]:
        return dict(self._tables.aliases)

    async def replace_aliases(self, aliases: Mapping[str, str], audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.aliases = dict(aliases)
        append(self._tables, audit)

    async def value(self, name: str) -> bytes | None:
        return self._tables.values.get(name)

    async def set_value(self, name: str, value: bytes) -> None:
        self._tables.must_be_writable()
        self._tables.values[name] = value
