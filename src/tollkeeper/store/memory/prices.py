"""Versions of prices."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from tollkeeper.rules.pricing import Price
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry


class MemoryPrices:
    """See `ports.PriceStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[Price]:
        return list(self._tables.prices)

    async def add(self, prices: Sequence[Price], audit: AuditEntry) -> list[Price]:
        self._tables.must_be_writable()
        first = len(self._tables.prices) + 1
        added = [replace(price, id=given) for given, price in enumerate(prices, first)]
        self._tables.prices += added
        append(self._tables, audit)
        return added
