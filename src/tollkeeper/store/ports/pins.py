"""Pins: what admins have fixed of models."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class Pin(Struct, frozen=True):
    """What is fixed of the model with this canonical name. `digest`: the name serves nothing else; None: whatever it
    stands for. `loaded`: it is kept in memory."""

    model: str
    digest: str | None
    loaded: bool


class PinStore(Protocol):
    async def load(self) -> list[Pin]:
        """Every pin, by model."""

    async def save(self, pin: Pin, audit: AuditEntry) -> None:
        """Add a pin, or replace the one of its model."""

    async def delete(self, model: str, audit: AuditEntry) -> None: ...
