"""Threads for large bodies, which owners share."""

import asyncio
import threading
from functools import partial

import pytest

from tollkeeper.services.offload import Offload


async def test_who_leaves_gives_the_turn_back_when_the_work_has_ended():
    offload, go_on, done = Offload(1), threading.Event(), []
    first = asyncio.create_task(offload.run(10**6, "alice", go_on.wait))
    waiting = asyncio.create_task(offload.run(10**6, "alice", lambda: done.append("never")))
    other = asyncio.create_task(offload.run(10**6, "bob", lambda: done.append("bob")))
    await asyncio.sleep(0)
    for task in (first, waiting):
        task.cancel()
    await asyncio.gather(first, waiting, return_exceptions=True)
    assert not other.done()
    go_on.set()
    await other
    await offload.run(10**6, "alice", lambda: done.append("alice"))
    assert done == ["bob", "alice"]
    assert repr(offload) == "Offload(0 jobs of 0 owners)"
    offload.close()


async def test_what_is_small_is_done_at_once_and_what_is_large_in_a_thread():
    offload = Offload()
    here = threading.get_ident()
    assert await offload.run(65_535, "alice", threading.get_ident) == here
    assert await offload.run(65_536, "alice", threading.get_ident) != here
    offload.close()


async def test_an_owner_has_one_thread_at_most():
    offload, go_on, begun = Offload(2), threading.Event(), []

    def work(name: str) -> None:
        begun.append(name)
        assert go_on.wait(20)

    tasks = [asyncio.create_task(offload.run(10**6, "alice", partial(work, f"alice {n}"))) for n in range(3)]
    await asyncio.sleep(0)
    assert await offload.run(10**6, "bob", lambda: "bob's") == "bob's"
    assert begun == ["alice 0"]
    assert repr(offload) == "Offload(3 jobs of 1 owners)"
    go_on.set()
    await asyncio.gather(*tasks)
    assert begun == ["alice 0", "alice 1", "alice 2"]
    offload.close()


async def test_work_that_fails_fails_for_its_caller_and_gives_the_turn_back():
    offload = Offload(1)
    with pytest.raises(ZeroDivisionError):
        await offload.run(10**6, "alice", lambda: 1 // 0)
    assert await offload.run(10**6, "alice", lambda: "done") == "done"
    assert repr(offload) == "Offload(0 jobs of 0 owners)"
    offload.close()
