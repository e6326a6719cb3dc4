"""Models in the order in which they were first seen, which gives each its colour on the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ModelColorStore(Protocol):
    async def load(self) -> list[str]:
        """The canonical names of all models, the first one first. Raises StoreError."""

    async def add(self, models: Sequence[str]) -> list[str]:
        """Put those that are not among them at the end, in this order. Returns all. Raises StoreError."""
