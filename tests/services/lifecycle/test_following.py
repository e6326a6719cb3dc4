"""Viewers of jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tollkeeper.rules.errors import InvalidKey, RateLimited
from tollkeeper.services.lifecycle.following import MOST_STREAMS, Followers
from tollkeeper.services.lifecycle.jobs import Job
from tollkeeper.services.lifecycle.pulling import Part


@pytest.fixture
async def job() -> Job:
    return Job("job_1", "tiny", [Part("a")], 0, "root", insecure=False)


def passes() -> None:
    """The viewer is still an admin."""


async def following(followers: Followers, job: Job) -> tuple[AsyncIterator[Job | None], asyncio.Future[Job | None]]:
    """A stream whose first event was seen, and its next."""
    stream = followers.follow(job, passes)
    assert await anext(stream) is job
    return stream, asyncio.ensure_future(anext(stream))


async def test_a_viewer_sees_the_job_at_once_at_each_change_and_at_its_end(job: Job) -> None:
    stream, second = await following(Followers(every=0.0), job)
    job.changed()
    assert await second is job
    job.ended_at = 1
    job.changed()
    assert await anext(stream) is job
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_changes_before_the_next_look_are_one(job: Job) -> None:
    _, second = await following(Followers(every=0.01), job)
    for _ in range(5):
        job.changed()
    assert await second is job
    assert job.version == 5


async def test_all_viewers_see_it(job: Job) -> None:
    followers = Followers(every=0.0)
    seconds = [(await following(followers, job))[1] for _ in range(3)]
    job.changed()
    assert await asyncio.gather(*seconds) == [job] * 3


async def test_silence_is_broken(job: Job) -> None:
    _, second = await following(Followers(every=0.0, silence=0.001), job)
    assert await second is None


async def test_who_is_no_longer_an_admin_sees_no_more(job: Job) -> None:
    def refuses() -> None:
        raise InvalidKey("no")

    assert [seen async for seen in Followers(every=0.0).follow(job, refuses)] == []
    left = [refuses, passes]

    def refuses_then() -> None:
        left.pop()()

    stream = Followers(every=0.0, silence=0.001).follow(job, refuses_then)
    assert [seen async for seen in stream] == [job]


async def test_a_gateway_that_stops_ends_all_streams(job: Job) -> None:
    followers = Followers(every=60.0)
    _, second = await following(followers, job)
    followers.stop()
    with pytest.raises(StopAsyncIteration):
        await second


def test_streams_of_a_key_are_bounded() -> None:
    async def opens() -> None:
        followers = Followers()
        for _ in range(MOST_STREAMS):
            followers.open("key")
        with pytest.raises(RateLimited):
            followers.open("key")
        followers.open("another")
        followers.close("key")
        followers.open("key")

    asyncio.run(opens())
