"""Pins: models that are kept in memory, and models whose name stands for one digest only."""

from __future__ import annotations

from collections.abc import Callable

from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.store.ports.pins import Pin, PinStore


class Pins:
    """Table of pins by canonical model name, in memory and in the store. `now` is milliseconds since the epoch. Call
    `load` once, at the start."""

    def __init__(self, store: PinStore, now: Callable[[], int]) -> None:
        self._store = store
        self._now = now
        self._pins: dict[str, Pin] = {}
        self._changes = ChangeQueue()
        self.on_change: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Pins({len(self._pins)})"

    async def load(self) -> None:
        self._keep({pin.model: pin for pin in await self._store.load()})

    def all(self) -> list[Pin]:
        """Every pin, by model."""
        return [self._pins[model] for model in sorted(self._pins)]

    def get(self, model: str) -> Pin | None:
        return self._pins.get(model)

    def refuses(self, deployment: Deployment) -> bool:
        """Whether the name of this deployment is pinned to a digest, and it is not known to have that."""
        pin = self._pins.get(deployment.model)
        return pin is not None and pin.digest is not None and deployment.version != pin.digest

    def fixes(self, model: str) -> bool:
        """Whether the name of this model is pinned to a digest."""
        pin = self._pins.get(model)
        return pin is not None and pin.digest is not None

    async def set(self, pin: Pin, by: Actor) -> None:
        """Pin a model, in place of the pin that it has, from the next request on. Raises StoreError."""

        async def change() -> None:
            detail = {"digest": pin.digest, "loaded": pin.loaded}
            await self._store.save(pin, by.entry(self._now(), "model.pin", pin.model, detail))
            self._keep({**self._pins, pin.model: pin})

        await self._changes.run(change)

    async def remove(self, model: str, by: Actor) -> bool:
        """Remove the pin of a model. Returns whether it had one. Raises StoreError."""

        async def change() -> bool:
            if model not in self._pins:
                return False
            await self._store.delete(model, by.entry(self._now(), "model.unpin", model))
            self._keep({name: pin for name, pin in self._pins.items() if name != model})
            return True

        return await self._changes.run(change)

    def _keep(self, pins: dict[str, Pin]) -> None:
        self._pins = pins
        for listener in self.on_change:
            listener()
