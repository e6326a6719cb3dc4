"""The seam between the shared statements and the connections of an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class Runner(Protocol):
    """Runs work in a transaction, off the event loop. With a writing runner it is durable on return; with a reading one
    it sees one state of the database from its first statement to its last."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns. Raises StoreError when the database fails; an exception of `work` is raised here,
        and its transaction is rolled back."""
