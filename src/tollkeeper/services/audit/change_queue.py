"""A queue of changes, made one at a time, each to its end.

A change is first saved, then applied in memory. Cancelled between the two (the client left, the gateway is stopping),
memory would differ from the database: a revoked key would still be accepted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class ChangeQueue:
    """Queue of the changes to one kind of data that is kept both in memory and in the database."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"ChangeQueue({len(self._running)} under way)"

    async def run(self, change: Callable[[], Awaitable[T]]) -> T:
        """Run `change` after those before it; cancelling the caller does not cancel it."""
        task = asyncio.create_task(self._alone(change))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _alone(self, change: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            return await change()
