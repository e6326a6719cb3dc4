"""The colours of models on the pages: one for each of the first eight models that were used, for everyone and for ever.

A model gets its colour by its first record: a provider may list many models that nobody ever uses. Records do not wait
for the store: the name is noted, and written in the background, or when somebody asks for colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        # A correction has the model "", which is none.
        if len(self._places) + len(self._new) < COLORS and record.model and record.model not in self._places:
            self._new[record.model] = None

    async def write(self) -> None:
        """Write the colours of new models. Raises StoreError; then they are kept."""
        if new := tuple(self._new):
            self._keep(await self._store.add(new, COLORS))

    def numbers(self) -> Mapping[str, int]:
        """The numbers of the colours, from 0 on, of the models that have one; all others share one."""
        return self._places

    def _keep(self, models: Sequence[str]) -> None:
        self._places = {model: place for place, model in enumerate(models[:COLORS])}
        self._new = {model: None for model in self._new if model not in self._places}
