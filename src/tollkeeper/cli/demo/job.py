"""What one process of the embedded engine is told to run."""

from __future__ import annotations

from msgspec import Struct


class Job(Struct, frozen=True):
    """`model` is its name; `weights` and `projector` are paths of GGUF files."""

    model: str
    weights: str
    projector: str | None
