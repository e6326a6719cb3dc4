"""Versions of prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tollkeeper.rules.pricing import Price
from tollkeeper.store.ports.audit import AuditEntry


class PriceStore(Protocol):
    async def load(self) -> list[Price]:
        """Every version, in the order in which they were added."""

    async def add(self, prices: Sequence[Price], audit: AuditEntry) -> list[Price]:
        """Append versions. Returns them with the ids assigned by the store (those passed in are 0)."""
