"""Models in the order in which they were first seen."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.store.memory.tables import Tables


class MemoryModelColors:
    """See `ports.ModelColorStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[str]:
        return list(self._tables.model_colors)

    async def add(self, models: Sequence[str]) -> list[str]:
        self._tables.must_be_writable()
        self._tables.model_colors |= dict.fromkeys(models)
        return list(self._tables.model_colors)
