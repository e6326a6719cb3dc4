"""The colours of models on the pages: one for each of the first eight models there were, for everyone and for ever.

A model counts from its first record, or from its first listing, whichever comes first. Neither waits for the store: the
name is noted, and written in the background, or when somebody asks for colours.
"""

from __future__ import annotations

from collections.abc import Iterable

from tollkeeper.services.ledger.observers import Observer
from tollkeeper.store.ports.model_colors import ModelColorStore
from tollkeeper.store.ports.records import Record

COLORS = 8
"""Colours that can be told apart by everyone."""


class ModelColors(Observer):
    """Colours by canonical name. Call `load` once before use."""

    def __init__(self, store: ModelColorStore) -> None:
        self._store = store
        self._places: dict[str, int] = {}
        self._new: dict[str, None] = {}
        """Names that are not written yet, in the order in which they came."""

    def __repr__(self) -> str:
        return f"ModelColors({len(self._places)} models, {len(self._new)} to write)"

    async def load(self) -> None:
        """Raises StoreError."""
        self._keep(await self._store.load())

    def settled(self, record: Record, allowance: int | None) -> None:  # noqa: ARG002 (an observer's)
        if record.model not in self._places:
            self.note((record.model,))

    def note(self, models: Iterable[str]) -> None:
        """Give these models the next places, unless they have one. A correction's model, "", is none."""
        self._new |= {model: None for model in models if model and model not in self._places}

    async def write(self) -> None:
        """Write the places of new models. Raises StoreError; then they are kept."""
        if new := tuple(self._new):
            self._keep(await self._store.add(new))

    def color_of(self, model: str) -> int | None:
        """The number of a model's colour, from 0 on; None: it shares one with all other models."""
        place = self._places.get(model)
        return place if place is not None and place < COLORS else None

    def models(self) -> list[str]:
        """All models, in the order in which they were first seen."""
        return list(self._places)

    def _keep(self, models: list[str]) -> None:
        self._places = {model: place for place, model in enumerate(models)}
        self._new = {model: None for model in self._new if model not in self._places}
