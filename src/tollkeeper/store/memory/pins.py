"""Pins of models."""

from __future__ import annotations

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.pins import Pin


class MemoryPins:
    """See `ports.PinStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[Pin]:
        return sorted(self._tables.pins.values(), key=lambda pin: pin.model)

    async def save(self, pin: Pin, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.pins[pin.model] = pin
        append(self._tables, audit)

    async def delete(self, model: str, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.pins.pop(model, None)
        append(self._tables, audit)
