"""A model for the embedded engine."""

from __future__ import annotations

from msgspec import Struct


class EngineModel(Struct, frozen=True):
    """A model that one process of the engine runs. `weights` and `projector` are paths of GGUF files. With a `seed` it
    gives the same answer to the same request."""

    name: str
    weights: str
    projector: str | None
    seed: int | None = None
