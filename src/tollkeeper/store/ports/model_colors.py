"""The models that have colours on the pages, in the order in which they were first used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ModelColorStore(Protocol):
    async def load(self) -> list[str]:
        """Their canonical names, the first one first. Raises StoreError."""

    async def add(self, models: Sequence[str], most: int) -> list[str]:
        """Put those that are not among them at the end, in this order, as long as there are fewer than `most`. Returns
        all. Raises StoreError."""
