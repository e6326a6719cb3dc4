"""Worker threads shared fairly, by time, among owners of jobs: no owner waits for all the jobs of another."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
Clock = Callable[[], float]


class ImageWorkers:
    """A pool of `count` threads. An owner runs one job at a time, so that of two threads one is left for the others.
    The next job is that of the waiting owner that has had the least time; a new owner starts with as much time as the
    one served last. Belongs to one event loop; `clock` is in seconds."""

    def __init__(self, count: int, clock: Clock = time.monotonic) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="images")
        self._free = count
        self._clock = clock
        self._owners: dict[str, _Owner] = {}
        self._served = 0.0

    def __repr__(self) -> str:
        waiting = sum(len(owner.waiting) for owner in self._owners.values())
        return f"ImageWorkers({self._free} free, {waiting} jobs waiting)"

    async def run(self, owner: str, job: Callable[[], T]) -> T:
        """Run `job` in a worker thread, and return or raise what it does. Cancelling takes a waiting job out of the
        line; one that has begun keeps its thread, and its owner's turn, until it ends."""
        mine = self._owners.get(owner)
        if mine is None:
            mine = self._owners[owner] = _Owner(self._served)
        place = _Place(job, asyncio.get_running_loop().create_future())
        mine.waiting.append(place)
        self._start()
        try:
            result: T = await place.result
        except asyncio.CancelledError:
            with suppress(ValueError):
                mine.waiting.remove(place)
            raise
        return result

    async def close(self) -> None:
        """Wait for running jobs, and cancel waiting ones."""
        for owner in self._owners.values():
            for place in owner.waiting:
                place.result.cancel()
            owner.waiting.clear()
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _start(self) -> None:
        while self._free:
            ready = [owner for owner in self._owners.values() if owner.waiting and not owner.runs]
            if not ready:
                return
            owner = min(ready, key=lambda owner: owner.served)
            place = owner.waiting.popleft()
            self._free -= 1
            owner.runs = True
            self._served = max(self._served, owner.served)
            ended = partial(self._ended, asyncio.get_running_loop(), owner, place, self._clock())
            self._pool.submit(place.job).add_done_callback(ended)

    def _ended(
        self, loop: asyncio.AbstractEventLoop, owner: _Owner, place: _Place, began: float, done: Future[Any]
    ) -> None:
        """Hand the outcome of a job from its thread to the event loop."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(self._settle, owner, place, self._clock() - began, done)

    def _settle(self, owner: _Owner, place: _Place, took: float, done: Future[Any]) -> None:
        owner.runs = False
        owner.served = max(owner.served, self._served) + took
        self._free += 1
        if not place.result.done():
            if done.cancelled():
                place.result.cancel()
            elif (error := done.exception()) is not None:
                place.result.set_exception(error)
            else:
                place.result.set_result(done.result())
        self._owners = {
            name: one
            for name, one in self._owners.items()
            # An owner that has had more time than others is remembered for as long as there are others.
            if one.runs or one.waiting or one.served > self._served
        }
        if not any(one.runs or one.waiting for one in self._owners.values()):
            self._owners.clear()
        self._start()


class _Owner:
    """An owner of jobs. `served`: seconds of work done for it, or assumed when it arrived; `runs`: it has a job in a
    thread."""

    def __init__(self, served: float) -> None:
        self.served = served
        self.runs = False
        self.waiting: deque[_Place] = deque()


class _Place:
    """A job in the line, and the future of its result."""

    def __init__(self, job: Callable[[], Any], result: asyncio.Future[Any]) -> None:
        self.job = job
        self.result = result
