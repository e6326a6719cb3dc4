"""Who is sent what when: closed and open loops, their ends, and honesty about waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import perf_counter

import pytest

from tests.cli.load.conftest import Loaded, a_job
from tests.scripted import Conn, Request, ScriptedUpstream, chat_answer, json_response
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.client import PAUSE_SECONDS
from tollkeeper.cli.load.engine import UNSENT, Engine

CHAT = "POST /v1/chat/completions"
GOOD = json_response(chat_answer())


async def test_a_closed_loop_sends_as_many_as_asked(up: ScriptedUpstream, loaded: Loaded) -> None:
    result = await loaded(requests=50, connections=7)
    assert len(up.calls(CHAT)) == 50
    assert (result.answered, result.failed, result.unfinished) == (50, 0, 0)
    assert result.statuses == {200: 50}
    assert result.latency.count == 50
    assert 0 < result.latency.fastest <= result.latency.p50 <= result.latency.slowest < result.seconds
    assert result.rate == pytest.approx(50 / result.seconds)
    assert result.late.count == 0
    assert len(up.connections) == 8  # one of them to see whether there is anybody


async def test_a_request_is_what_was_asked(up: ScriptedUpstream, loaded: Loaded) -> None:
    await loaded(requests=1, stream=True, keys=["sk-a"])
    (request,) = up.calls(CHAT)
    assert request.json == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert request.header("authorization") == b"Bearer sk-a"
    assert request.header("host") == up.url.removeprefix("http://").encode()


async def test_each_key_has_its_turn(up: ScriptedUpstream, loaded: Loaded) -> None:
    await loaded(requests=30, connections=6, keys=["a", "b", "c"])
    sent = Counter(request.header("authorization") for request in up.calls(CHAT))
    assert set(sent) == {b"Bearer a", b"Bearer b", b"Bearer c"}


async def test_without_a_key_none_is_sent(up: ScriptedUpstream, loaded: Loaded) -> None:
    await loaded(requests=1)
    assert up.calls(CHAT)[0].header("authorization") is None


@pytest.mark.parametrize(("path", "target"), [("/", ""), ("/v1", ""), ("/v1/", ""), ("/team", "/team")])
async def test_the_url_may_have_a_path(up: ScriptedUpstream, loaded: Loaded, path: str, target: str) -> None:
    up.always(GOOD)
    assert (await loaded(up.url + path, requests=1)).answered == 1
    assert up.requests[0].target == f"{target}/v1/chat/completions"


async def test_a_closed_loop_ends_with_its_time(loaded: Loaded) -> None:
    result = await loaded(seconds=0.2, connections=3)
    assert result.answered > 3
    assert result.failed == 0
    assert result.seconds >= 0.19


async def test_an_open_loop_sends_at_its_rate(loaded: Loaded) -> None:
    began = perf_counter()
    result = await loaded(requests=50, rate=200, connections=20)
    assert perf_counter() - began >= 49 / 200 - 0.001
    assert result.answered == 50


async def test_an_open_loop_with_a_time_sends_as_many_as_are_due(loaded: Loaded) -> None:
    result = await loaded(seconds=0.25, rate=200, connections=20)
    assert result.answered + result.failed == 50


async def test_an_open_loop_counts_from_when_a_request_was_due(up: ScriptedUpstream, loaded: Loaded) -> None:
    """The first answer takes 0.4 s, all others no time: those that were due meanwhile waited, too."""
    stall = 0.4

    async def stalls(conn: Conn, request: Request) -> None:
        await asyncio.sleep(stall)
        await conn.send(GOOD)

    up.answer(stalls)
    up.always(GOOD)
    result = await loaded(requests=41, rate=100)
    # They were due 10 ms after each other: the second waited 390 ms, the one in the middle 200 ms.
    assert result.latency.p50 >= stall / 2 - 0.02
    assert result.latency.p90 >= stall * 0.85
    assert result.late.count >= 38
    assert result.late.slowest >= stall - 0.02


async def test_a_closed_loop_does_not_know_who_would_have_waited(up: ScriptedUpstream, loaded: Loaded) -> None:
    """As above; but none of the others was due before the first was answered."""

    async def stalls(conn: Conn, request: Request) -> None:
        await asyncio.sleep(0.4)
        await conn.send(GOOD)

    up.answer(stalls)
    up.always(GOOD)
    result = await loaded(requests=41)
    assert result.latency.slowest >= 0.39
    assert result.late.count == 0


async def test_what_was_due_and_never_sent_has_failed(up: ScriptedUpstream, loaded: Loaded) -> None:
    async def slow(conn: Conn, request: Request) -> None:
        await asyncio.sleep(0.3)
        await conn.send(GOOD)

    up.always(slow)
    result = await loaded(seconds=0.2, rate=50, connections=2)
    assert result.answered == 2
    assert result.errors == {UNSENT: 8}
    assert result.failed == 8


async def test_stopped_early_it_tells_what_it_has(up: ScriptedUpstream) -> None:
    hanging = asyncio.Event()

    async def hangs(conn: Conn, request: Request) -> None:
        hanging.set()
        await conn.hang()

    up.answer(*[GOOD] * 3, hangs)
    engine = Engine(a_job(up.url, requests=100))
    await engine.open()
    running = asyncio.create_task(engine.run())
    await hanging.wait()
    engine.stop()
    result = await running
    assert (result.answered, result.failed, result.unfinished) == (3, 0, 1)
    await up.connections[-1].wait_closed()


async def test_who_does_not_end_is_given_up_after_the_last_request(up: ScriptedUpstream, loaded: Loaded) -> None:
    """An answer that trickles is never silent, and has no end."""

    async def trickles(conn: Conn, request: Request) -> None:
        await conn.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            await conn.send(b" ")
            await asyncio.sleep(0.02)

    up.answer(trickles)
    result = await loaded(requests=1, patience=0.3)
    assert (result.answered, result.failed, result.unfinished) == (0, 0, 1)


async def test_nobody_there(up: ScriptedUpstream, loaded: Loaded) -> None:
    await up.stop_listening()
    with pytest.raises(Failure, match=rf"^nobody answers at {up.url}: connection refused$"):
        await loaded()


async def test_a_server_that_goes_is_asked_on_without_haste(up: ScriptedUpstream, loaded: Loaded) -> None:
    async def goes(conn: Conn, request: Request) -> None:
        await up.stop_listening()
        conn.reset()

    up.answer(GOOD, goes)
    began = perf_counter()
    result = await loaded(requests=5)
    assert result.statuses == {200: 1}
    assert result.errors == {"closed without an answer": 1, "connection refused": 3}
    assert perf_counter() - began >= 2 * PAUSE_SECONDS


async def test_it_tells_how_far_it_is(up: ScriptedUpstream) -> None:
    told: list[tuple[float, int]] = []
    engine = Engine(
        a_job(up.url, seconds=0.2, patience=0.2), lambda seconds, tally: told.append((seconds, tally.answered))
    )
    await engine.open()
    result = await engine.run()
    assert len(told) > 2
    assert told == sorted(told)
    assert told[0][1] == 0
    assert 0 < told[-1][1] <= result.answered


def test_a_job_does_not_show_its_keys() -> None:
    assert "sk-secret" not in repr(a_job("http://x", keys=["sk-secret"]))
