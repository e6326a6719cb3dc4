"""The load generator: closed and open loops, how they end, and latency that includes waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import perf_counter

import pytest

from tests.cli.load.conftest import Loaded, a_plan
from tests.scripted import Conn, Request, ScriptedUpstream, chat_answer, json_response
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.client import PAUSE_SECONDS
from tollkeeper.cli.load.generator import UNSENT, LoadGenerator

CHAT = "POST /v1/chat/completions"
GOOD = json_response(chat_answer())


async def test_a_closed_loop_sends_the_planned_number(up: ScriptedUpstream, loaded: Loaded) -> None:
    result = await loaded(requests=50, connections=7)
    assert len(up.calls(CHAT)) == 50
    assert (result.answered, result.failed, result.unfinished) == (50, 0, 0)
    assert result.statuses == {200: 50}
    assert result.latency.count == 50
    assert 0 < result.latency.fastest <= result.latency.p50 <= result.latency.slowest < result.seconds
    assert result.rate == pytest.approx(50 / result.seconds)
    assert result.late.count == 0
    assert len(up.connections) == 8  # one of them to see whether there is anybody


async def test_a_request_has_the_planned_body_and_key(up: ScriptedUpstream, loaded: Loaded) -> None:
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


async def test_all_keys_are_used(up: ScriptedUpstream, loaded: Loaded) -> None:
    await loaded(requests=30, connections=6, keys=["a", "b", "c"])
    sent = Counter(request.header("authorization") for request in up.calls(CHAT))
    assert set(sent) == {b"Bearer a", b"Bearer b", b"Bearer c"}


async def test_without_keys_no_key_is_sent(up: ScriptedUpstream, loaded: Loaded) -> None:
    await loaded(requests=1)
    assert up.calls(CHAT)[0].header("authorization") is None


@pytest.mark.parametrize(("path", "target"), [("/", ""), ("/v1", ""), ("/v1/", ""), ("/team", "/team")])
async def test_the_url_may_have_a_path(up: ScriptedUpstream, loaded: Loaded, path: str, target: str) -> None:
    up.always(GOOD)
    assert (await loaded(up.url + path, requests=1)).answered == 1
    assert up.requests[0].target == f"{target}/v1/chat/completions"


async def test_a_closed_loop_ends_after_its_time(loaded: Loaded) -> None:
    result = await loaded(seconds=0.2, connections=3)
    assert result.answered > 3
    assert result.failed == 0
    assert result.seconds >= 0.19


async def test_an_open_loop_sends_at_its_rate(loaded: Loaded) -> None:
    began = perf_counter()
    result = await loaded(requests=50, rate=200, connections=20)
    assert perf_counter() - began >= 49 / 200 - 0.001
    assert result.answered == 50


async def test_an_open_loop_with_a_time_sends_all_that_are_due(loaded: Loaded) -> None:
    result = await loaded(seconds=0.25, rate=200, connections=20)
    assert result.answered + result.failed == 50


async def test_latency_in_an_open_loop_counts_from_when_a_request_was_due(up: ScriptedUpstream, loaded: Loaded) -> None:
    """The first response takes 0.4 s, all others no time: the requests that became due meanwhile waited, too."""
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


async def test_a_closed_loop_measures_only_the_request_that_stalled(up: ScriptedUpstream, loaded: Loaded) -> None:
    """As above, but no other request was due before the first response."""

    async def stalls(conn: Conn, request: Request) -> None:
        await asyncio.sleep(0.4)
        await conn.send(GOOD)

    up.answer(stalls)
    up.always(GOOD)
    result = await loaded(requests=41)
    assert result.latency.slowest >= 0.39
    assert result.late.count == 0


async def test_requests_due_but_never_sent_have_failed(up: ScriptedUpstream, loaded: Loaded) -> None:
    async def slow(conn: Conn, request: Request) -> None:
        await asyncio.sleep(1.3)
        await conn.send(GOOD)

    up.always(slow)
    # The second is due long before the end, so that a busy machine sends it in time.
    result = await loaded(seconds=1, rate=10, connections=2)
    assert result.answered == 2
    assert result.errors == {UNSENT: 8}
    assert result.failed == 8


async def test_stop_returns_the_result_so_far(up: ScriptedUpstream) -> None:
    hanging = asyncio.Event()

    async def hangs(conn: Conn, request: Request) -> None:
        hanging.set()
        await conn.hang()

    up.answer(*[GOOD] * 3, hangs)
    generator = LoadGenerator(a_plan(up.url, requests=100))
    await generator.open()
    running = asyncio.create_task(generator.run())
    await hanging.wait()
    generator.stop()
    result = await running
    assert (result.answered, result.failed, result.unfinished) == (3, 0, 1)
    await up.connections[-1].wait_closed()


async def test_endless_responses_are_abandoned_after_the_timeout(up: ScriptedUpstream, loaded: Loaded) -> None:
    """A response that trickles never times out."""

    async def trickles(conn: Conn, request: Request) -> None:
        await conn.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while True:
            await conn.send(b" ")
            await asyncio.sleep(0.02)

    up.answer(trickles)
    result = await loaded(requests=1, timeout=0.3)
    assert (result.answered, result.failed, result.unfinished) == (0, 0, 1)


async def test_an_unreachable_server_is_a_failure(up: ScriptedUpstream, loaded: Loaded) -> None:
    await up.stop_listening()
    with pytest.raises(Failure, match=rf"^cannot connect to {up.url}: connection refused$"):
        await loaded()


async def test_clients_pause_when_the_server_is_down(up: ScriptedUpstream, loaded: Loaded) -> None:
    async def goes(conn: Conn, request: Request) -> None:
        await up.stop_listening()
        conn.reset()

    up.answer(GOOD, goes)
    began = perf_counter()
    result = await loaded(requests=5)
    assert result.statuses == {200: 1}
    assert result.errors == {"closed without a response": 1, "connection refused": 3}
    assert perf_counter() - began >= 2 * PAUSE_SECONDS


async def test_progress_is_reported(up: ScriptedUpstream) -> None:
    told: list[tuple[float, int]] = []
    generator = LoadGenerator(
        a_plan(up.url, seconds=0.2, timeout=0.2),
        lambda seconds, measurements: told.append((seconds, measurements.answered)),
    )
    await generator.open()
    result = await generator.run()
    assert len(told) > 2
    assert told == sorted(told)
    assert told[0][1] == 0
    assert 0 < told[-1][1] <= result.answered


def test_the_repr_of_a_plan_has_no_keys() -> None:
    assert "sk-secret" not in repr(a_plan("http://x", keys=["sk-secret"]))
