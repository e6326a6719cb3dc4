from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from tollkeeper.services.images.workers import ImageWorkers


class Bench:
    """Jobs that take as long as a test says, on a clock of its own. `begun` are their names, in order."""

    def __init__(self, count: int) -> None:
        self.now = 0.0
        self.workers = ImageWorkers(count, lambda: self.now)
        self.begun: list[str] = []
        self._ends: dict[str, threading.Event] = {}
        self.tasks: dict[str, asyncio.Task[str]] = {}

    def send(self, *names: str) -> None:
        """Jobs named after their owner and a number: "a1"."""
        for name in names:
            self._ends[name] = threading.Event()
            self.tasks[name] = asyncio.create_task(self.workers.run(name[0], self._job(name)))

    def _job(self, name: str) -> Callable[[], str]:
        def job() -> str:
            self.begun.append(name)
            assert self._ends[name].wait(30)
            return name

        return job

    async def begins(self, *names: str) -> None:
        """These are what has begun since, in whatever order where several may begin at once."""
        async with asyncio.timeout(30):
            while len(self.begun) < len(names):
                await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert sorted(self.begun) == sorted(names)
        self.begun.clear()

    async def end(self, name: str, took: float) -> None:
        self.now += took
        self._ends[name].set()
        assert await self.tasks[name] == name

    async def close(self) -> None:
        for end in self._ends.values():
            end.set()
        await self.workers.close()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


@pytest.fixture
async def two():
    bench = Bench(2)
    yield bench
    await bench.close()


@pytest.fixture
async def one():
    bench = Bench(1)
    yield bench
    await bench.close()


async def test_one_owner_leaves_a_thread_for_the_others(two):
    two.send(*(f"a{number}" for number in range(9)))
    await two.begins("a0")
    two.send("b0", "b1")
    await two.begins("b0")
    await two.end("b0", 0.01)
    await two.begins("b1")
    await two.end("a0", 1)
    await two.begins("a1")


async def test_who_had_the_least_time_goes_next(one):
    one.send("a0", "a1", "b0", "b1", "b2", "c0")
    await one.begins("a0")
    await one.end("a0", 1)
    for name in ("b0", "c0", "b1"):
        await one.begins(name)
        await one.end(name, 0.1)
    await one.begins("b2")
    one.send("d0")
    await one.end("b2", 0.1)
    await one.begins("d0")
    await one.end("d0", 0.1)
    await one.begins("a1")


async def test_who_comes_back_is_not_new(one):
    """One image at a time, each as dear as can be, is no way around the line."""
    one.send("a0", "b0", "b1", "b2")
    await one.begins("a0")
    await one.end("a0", 1)
    one.send("a1")
    for name in ("b0", "b1", "b2"):
        await one.begins(name)
        await one.end(name, 0.2)
    await one.begins("a1")


async def test_who_leaves_the_line_takes_no_turn(one):
    one.send("a0", "b0", "c0")
    await one.begins("a0")
    one.tasks["b0"].cancel()
    await asyncio.gather(one.tasks["b0"], return_exceptions=True)
    assert repr(one.workers) == "ImageWorkers(0 free, 1 jobs waiting)"
    await one.end("a0", 1)
    await one.begins("c0")


async def test_a_job_that_runs_keeps_its_place_when_nobody_waits_for_it(two):
    two.send("a0", "a1")
    await two.begins("a0")
    two.tasks["a0"].cancel()
    await asyncio.gather(two.tasks["a0"], return_exceptions=True)
    two.send("b0")
    await two.begins("b0")  # and not a1 beside a0
    two._ends["a0"].set()
    await two.begins("a1")


async def test_an_error_is_raised_where_it_is_awaited_and_ends_the_turn(one):
    def fails() -> None:
        raise KeyError("x")

    for _ in range(3):
        with pytest.raises(KeyError):
            await one.workers.run("a", fails)
    assert repr(one.workers) == "ImageWorkers(1 free, 0 jobs waiting)"


async def test_nobody_is_remembered_once_nothing_runs(two):
    for number in range(50):
        assert await two.workers.run(f"u{number}", lambda: 1) == 1
    assert not two.workers._owners


async def test_closing_drops_what_waits(one):
    one.send("a0", "a1")
    await one.begins("a0")
    one._ends["a0"].set()
    await one.workers.close()
    with pytest.raises(asyncio.CancelledError):
        await one.tasks["a1"]
