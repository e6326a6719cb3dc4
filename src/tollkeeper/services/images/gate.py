"""A bound on how much is under way at once: for each owner, so that nobody waits for another's, and in all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """At most `each` at once for one owner and `total` for all of them; the rest wait their turn."""

    def __init__(self, each: int, total: int) -> None:
        self._each = each
        self._total = asyncio.Semaphore(total)
        self._owners: dict[str, _Owner] = {}

    def __repr__(self) -> str:
        return f"Gate({len(self)} owners)"

    def __len__(self) -> int:
        """Owners that have something under way or waiting; others are forgotten."""
        return len(self._owners)

    @asynccontextmanager
    async def passed(self, owner: str) -> AsyncIterator[None]:
        mine = self._owners.get(owner)
        if mine is None:
            mine = self._owners[owner] = _Owner(self._each)
        mine.present += 1
        try:
            # The owner's own bound first: whoever waits there takes nobody else's place.
            async with mine.places, self._total:
                yield
        finally:
            mine.present -= 1
            if not mine.present:
                del self._owners[owner]


class _Owner:
    def __init__(self, places: int) -> None:
        self.places = asyncio.Semaphore(places)
        self.present = 0
