from __future__ import annotations

import asyncio

import pytest

from tollkeeper.services.images.semaphore import OwnerSemaphore


class Crowd:
    """Tasks that stay within the semaphore until they are let out."""

    def __init__(self, semaphore: OwnerSemaphore) -> None:
        self.semaphore = semaphore
        self.out = asyncio.Event()
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *owners: str) -> None:
        self.tasks += [asyncio.create_task(self._stay(owner)) for owner in owners]
        for _ in range(10):
            await asyncio.sleep(0)

    async def _stay(self, owner: str) -> None:
        async with self.semaphore.slot(owner):
            self.inside.append(owner)
            await self.out.wait()

    async def leave(self) -> None:
        self.out.set()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_bounds_for_each_and_for_all():
    crowd = Crowd(OwnerSemaphore(2, 3))
    await crowd.come("a", "a", "a", "a", "b", "c")
    assert crowd.inside == ["a", "a", "b"]
    assert len(crowd.semaphore) == 3
    await crowd.leave()
    assert sorted(crowd.inside) == ["a", "a", "a", "a", "b", "c"]
    assert len(crowd.semaphore) == 0


async def test_who_waits_and_leaves_is_forgotten():
    crowd = Crowd(OwnerSemaphore(1, 1))
    await crowd.come("a", "a", "b")
    for task in crowd.tasks[1:]:
        task.cancel()
    await asyncio.gather(*crowd.tasks[1:], return_exceptions=True)
    assert len(crowd.semaphore) == 1
    await crowd.leave()
    assert len(crowd.semaphore) == 0
    await asyncio.wait_for(crowd.come("b"), 60)
    assert crowd.inside == ["a", "b"]


async def test_an_error_leaves_the_gate():
    semaphore = OwnerSemaphore(1, 1)
    for _ in range(2):
        with pytest.raises(KeyError):
            async with semaphore.slot("a"):
                raise KeyError
    assert len(semaphore) == 0
