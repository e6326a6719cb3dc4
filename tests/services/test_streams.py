from __future__ import annotations

import asyncio

import pytest

from tollkeeper.rules.errors import Forbidden, RateLimited
from tollkeeper.services import streams
from tollkeeper.services.streams import MOST_STREAMS, OpenStreams, Ticks, every_second


def test_an_opener_has_so_many_streams_and_gets_them_back() -> None:
    opened = OpenStreams()
    for _ in range(MOST_STREAMS):
        opened.open("alice", "yours")
    with pytest.raises(RateLimited, match="6 streams of yours already"):
        opened.open("alice", "yours")
    opened.open("bob", "yours")
    assert opened.total == MOST_STREAMS + 1
    opened.close("alice")
    opened.open("alice", "yours")
    for _ in range(MOST_STREAMS):
        opened.close("alice")
    opened.close("bob")
    assert (opened.total, repr(opened)) == (0, "OpenStreams(0)")


async def test_ticks_come_at_once_then_each_as_it_is_made() -> None:
    ticks = Ticks()
    each = ticks.each(lambda: None)
    assert await anext(each) == 0
    waiting = asyncio.ensure_future(anext(each))
    await asyncio.sleep(0)
    assert not waiting.done()
    ticks.tick()
    assert await waiting == 1
    ticks.tick()
    ticks.tick()
    assert await anext(each) == 3  # one was missed


async def test_a_check_that_fails_or_a_stop_ends_them() -> None:
    ticks, allowed = Ticks(), True

    def check() -> None:
        if not allowed:
            raise Forbidden("no")

    ending, stopped = ticks.each(check), ticks.each(lambda: None)
    assert (await anext(ending), await anext(stopped)) == (0, 0)
    allowed = False
    ticks.tick()
    assert [number async for number in ending] == []
    assert await anext(stopped) == 1
    ticks.stop()
    assert [number async for number in stopped] == []
    assert [number async for number in ticks.each(lambda: None)] == []
    assert repr(ticks) == "Ticks(1, stopped)"


async def test_one_stream_that_leaves_does_not_wake_the_others() -> None:
    ticks = Ticks()
    feeds = [ticks.each(lambda: None) for _ in range(2)]
    for feed in feeds:
        await anext(feed)
    leaving, staying = (asyncio.ensure_future(anext(feed)) for feed in feeds)
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    assert not staying.done()
    ticks.tick()
    assert await staying == 1


async def test_every_second_comes_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "EVERY", 0.001)
    seconds = every_second()
    for _ in range(3):
        await anext(seconds)
    await seconds.aclose()
