"""The models that have colours, in the order in which they were first used."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.store.memory.tables import Tables


class MemoryModelColors:
    """See `ports.ModelColorStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[str]:
        return list(self._tables.model_colors)

    async def add(self, models: Sequence[str], most: int) -> list[str]:
        self._tables.must_be_writable()
        for model in models:
            if len(self._tables.model_colors) < most:
                self._tables.model_colors[model] = None
        return list(self._tables.model_colors)
