from __future__ import annotations

import asyncio

import pytest

from tollkeeper.services.upstreams.http.pool import Pool


async def waiting(pool: Pool[str], count: int) -> list[asyncio.Task[str | None]]:
    """So many takers, in line in this order."""
    tasks = [asyncio.ensure_future(pool.take()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_the_connection_used_last_is_given_out_first() -> None:
    pool: Pool[str] = Pool(3)
    for _ in ("a", "b", "c"):
        assert await pool.take() is None, "nothing to reuse yet"
    for name in ("a", "b", "c"):
        pool.give(name)
    assert [await pool.take() for _ in range(3)] == ["c", "b", "a"]


async def test_whoever_came_first_is_served_first() -> None:
    pool: Pool[str] = Pool(1)
    await pool.take()
    tasks = await waiting(pool, 3)
    assert pool.waiting == 3
    for task, name in zip(tasks, ("a", None, "c"), strict=True):
        pool.give(name)
        assert await task == name
        assert (pool.in_use, pool.idle) == (1, 0)


async def test_a_place_never_passes_those_in_line() -> None:
    pool: Pool[str] = Pool(1)
    await pool.take()
    (first,) = await waiting(pool, 1)
    pool.give("a")
    (second,) = await waiting(pool, 1)
    assert await first == "a"
    assert not second.done()
    pool.give(None)
    assert await second is None


async def test_who_is_cancelled_in_line_loses_only_his_own_turn() -> None:
    pool: Pool[str] = Pool(1)
    await pool.take()
    first, second, third = await waiting(pool, 3)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert pool.waiting == 2
    pool.give("a")
    assert await first == "a"
    pool.give("b")
    assert await third == "b"


async def test_a_place_handed_to_one_who_is_cancelled_at_that_moment_goes_on() -> None:
    pool: Pool[str] = Pool(1)
    await pool.take()
    first, second = await waiting(pool, 2)
    pool.give("a")
    first.cancel()
    assert await second == "a"
    assert first.cancelled()
    pool.give("a")
    assert (pool.in_use, pool.idle, pool.waiting) == (0, 1, 0)


async def test_a_waiter_cancelled_before_the_hand_over_is_skipped() -> None:
    pool: Pool[str] = Pool(1)
    await pool.take()
    first, second = await waiting(pool, 2)
    first.cancel()
    pool.give("a")
    assert await second == "a"
    await asyncio.gather(first, return_exceptions=True)
    assert pool.in_use == 1


async def test_idle_connections_that_end_are_forgotten() -> None:
    pool: Pool[str] = Pool(2)
    await pool.take()
    pool.give("a")
    pool.discard("a")
    pool.discard("never seen")
    assert await pool.take() is None


async def test_the_oldest_expire_first() -> None:
    pool: Pool[str] = Pool(3)
    for _ in range(3):
        await pool.take()
    for name in ("1", "2", "9"):
        pool.give(name)
    assert pool.expire(lambda name: name < "5") == ["1", "2"]
    assert pool.idle == 1


async def test_all_who_wait_can_be_sent_away() -> None:
    pool: Pool[str] = Pool(1)
    await pool.take()
    tasks = await waiting(pool, 2)
    pool.refuse(lambda: RuntimeError("closed"))
    for task in tasks:
        with pytest.raises(RuntimeError, match="closed"):
            await task
    assert repr(pool) == "Pool(1 in use, 0 idle, 0 waiting, at most 1)"
