"""Changes one at a time, and each to its end.

A change is saved first and then put into memory. Were it cancelled between the two (the client left, the gateway is
stopping), memory would go on with what the database no longer says: a revoked key would still open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Changes:
    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"Changes({len(self._running)} under way)"

    async def run(self, change: Callable[[], Awaitable[T]]) -> T:
        """Run `change` when those before it are over; cancelling the caller does not cancel it."""
        task = asyncio.create_task(self._alone(change))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _alone(self, change: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            return await change()
