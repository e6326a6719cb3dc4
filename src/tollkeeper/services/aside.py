"""Work on large bodies goes to a thread, so that other requests go on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

_LARGE = 200_000
T = TypeVar("T")


async def aside(size: int, work: Callable[[], T]) -> T:
    """What `work` gives, which looks at `size` bytes."""
    return work() if size < _LARGE else await asyncio.to_thread(work)
