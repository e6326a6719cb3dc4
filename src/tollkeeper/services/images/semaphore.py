"""A semaphore with a bound for each owner and one in all, so that no owner can take all places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class OwnerSemaphore:
    """At most `each` slots at once for one owner and `total` for all of them; the rest wait in line."""

    def __init__(self, each: int, total: int) -> None:
        self._each = each
        self._total = asyncio.Semaphore(total)
        self._owners: dict[str, _Owner] = {}

    def __repr__(self) -> str:
        return f"OwnerSemaphore({len(self)} owners)"

    def __len__(self) -> int:
        """Number of owners with a slot or waiting for one; others are not kept."""
        return len(self._owners)

    @asynccontextmanager
    async def slot(self, owner: str) -> AsyncIterator[None]:
        """Hold a slot of the owner while the context lasts."""
        mine = self._owners.get(owner)
        if mine is None:
            mine = self._owners[owner] = _Owner(self._each)
        mine.present += 1
        try:
            # The owner's own bound first: waiting there takes no place of the others.
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
