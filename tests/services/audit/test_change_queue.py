"""Changes run one at a time, and each to its end."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tollkeeper.services.audit.change_queue import ChangeQueue


async def test_changes_run_one_at_a_time_in_their_order() -> None:
    queue, steps = ChangeQueue(), list[str]()

    async def change(name: str) -> str:
        steps.append(f"{name} begins")
        await asyncio.sleep(0)
        steps.append(f"{name} ends")
        return name

    assert await asyncio.gather(*(queue.run(partial(change, name)) for name in "abc")) == ["a", "b", "c"]
    assert steps == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]
    assert repr(queue) == "ChangeQueue(0 under way)"


async def test_a_change_goes_on_when_its_caller_leaves() -> None:
    queue, saved, go_on = ChangeQueue(), list[str](), asyncio.Event()

    async def change() -> None:
        await go_on.wait()
        saved.append("in memory as in the database")

    caller = asyncio.create_task(queue.run(change))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert repr(queue) == "ChangeQueue(1 under way)"
    go_on.set()

    async def next_change() -> None:
        saved.append("the next")

    await queue.run(next_change)
    assert saved == ["in memory as in the database", "the next"]


async def test_a_change_that_fails_fails_for_its_caller_alone() -> None:
    queue = ChangeQueue()

    async def fails() -> None:
        raise ValueError("no such user")

    async def works() -> str:
        return "done"

    with pytest.raises(ValueError, match="no such user"):
        await queue.run(fails)
    assert await queue.run(works) == "done"
