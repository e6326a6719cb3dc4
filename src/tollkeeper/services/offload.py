"""Offloading of work on large bodies to threads, so that it does not block the event loop.

A thread that runs Python releases the interpreter's lock every few milliseconds, but not within one call of C: work
offloaded here must proceed in slices (`wire/json_slices.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

AT_ONCE = 2
SMALL = 1 << 16
"""Bytes below which work is done at once. To ask that where the work is saves a coroutine for each piece of work, which
takes two thousand instructions."""
T = TypeVar("T")


class Offload:
    """A few threads, of which each owner uses one at most: however many large bodies one user sends, other users wait
    for no more than one of them."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._threads = ThreadPoolExecutor(at_once, "large-body")
        self._free = asyncio.Semaphore(at_once)
        self._turns: dict[str, _Turn] = {}

    def __repr__(self) -> str:
        return f"Offload({sum(turn.users for turn in self._turns.values())} jobs of {len(self._turns)} owners)"

    async def run(self, size: int, owner: str, work: Callable[..., T], *args: Any) -> T:
        """Run `work` with `args` on `size` bytes, and return its result: in a thread, or at once where they are few."""
        if size < SMALL:
            return work(*args)
        turn = self._turns.setdefault(owner, _Turn())
        turn.users += 1
        held: list[Callable[[], None]] = [partial(self._leave, owner, turn)]
        try:
            await turn.lock.acquire()
            held.append(turn.lock.release)
            await self._free.acquire()
            held.append(self._free.release)
            job = asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        except BaseException:
            _release(held)
            raise
        # A thread cannot be stopped: after a cancellation the turn still lasts until the work is done.
        job.add_done_callback(lambda _: _release(held))
        return await asyncio.shield(job)

    def close(self) -> None:
        """Accept no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _leave(self, owner: str, turn: _Turn) -> None:
        turn.users -= 1
        if not turn.users:
            del self._turns[owner]


class _Turn:
    """The turn of one owner: its lock, and how many hold it or wait for it."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


def _release(held: list[Callable[[], None]]) -> None:
    while held:
        held.pop()()
