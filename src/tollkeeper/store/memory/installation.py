"""Values of the installation, by name."""

from __future__ import annotations

from tollkeeper.store.memory.tables import Tables


class MemoryInstallation:
    """See `ports.Installation`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def value(self, name: str) -> bytes | None:
        return self._tables.values.get(name)

    async def set_value(self, name: str, value: bytes) -> None:
        self._tables.must_be_writable()
        self._tables.values[name] = value
