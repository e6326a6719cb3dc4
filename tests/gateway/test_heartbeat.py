"""Comments on a stream that has nothing to send yet: in line, at the upstream, and never behind the first event."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.gateway.conftest import ask
from tests.gateway.pools import Held, Start, pool, said
from tests.scripted import json_response
from tests.services.upstreams.http.helpers import until


def events(text: str) -> list[str]:
    return [event for event in text.split("\n\n") if event]


async def test_a_silent_stream_says_that_it_waits_and_then_that_it_loads(start: Start) -> None:
    async with pool(start, {"slots": 1}, sse_comment_after=0.01) as one:
        held = Held()
        one["a"].always(held)
        first = asyncio.create_task(one.say("first"))
        await until(lambda: held.asked == ["first"])
        client = one.gateway.client
        async with client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
            assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
            assert answer.headers["x-queued-ms"] == "0", "it had begun before the wait was over"
            lines = answer.aiter_lines()
            assert await anext(lines) == ": waiting"
            held.release(0)
            async for line in lines:
                if line and line != ": waiting":
                    assert line == ": loading"
                    break
            await until(lambda: len(held.asked) == 2)
            held.release(1)
            rest = [line async for line in lines if line and line != ": loading"]
        assert rest[-1] == "data: [DONE]"
        assert not [line for line in rest if line.startswith(":")], "none behind the first event"
        assert (await first).status_code == 200
        newest = (await one.gateway.records())[0]
        assert (newest.status, newest.attempts, newest.queued_ms > 0) == ("completed", 1, True)
        await one.nothing_is_left()


async def test_an_error_behind_a_comment_is_told_in_the_stream(start: Start) -> None:
    async with pool(start, {"slots": 1}, sse_comment_after=0.01) as one:
        failing = asyncio.Event()

        async def fails(conn: Any, request: Any) -> None:
            await failing.wait()
            await conn.send(json_response({"error": "boom"}, 500))

        one["a"].always(fails)
        async with one.gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == ": loading"
            failing.set()
            rest = [line async for line in lines if line.startswith("data: ")]
        assert [json.loads(line[6:])["error"]["code"] for line in rest] == ["upstream_error"]
        await one.nothing_is_left()


async def test_another_upstream_may_serve_behind_a_comment(start: Start) -> None:
    async with pool(start, {"priority": 0}, {"priority": 1}, sse_comment_after=0.01) as two:
        failing = asyncio.Event()

        async def fails(conn: Any, request: Any) -> None:
            await failing.wait()
            conn.reset()

        two["a"].always(fails)
        async with two.gateway.client.stream("POST", "/v1/chat/completions", json=ask(stream=True)) as answer:
            lines = answer.aiter_lines()
            assert await anext(lines) == ": loading"
            failing.set()
            rest = [line async for line in lines if line.startswith("data: ")]
        assert rest[-1] == "data: [DONE]"
        record = await two.gateway.record()
        assert (record.upstream, record.attempts, record.status) == ("b", 2, "completed")


async def test_who_asks_for_it_is_told_the_place_at_once(start: Start) -> None:
    async with pool(start, {"slots": 1}) as one:
        held = Held()
        one["a"].always(held)
        running = [asyncio.create_task(one.say(f"{number}")) for number in range(3)]
        await until(lambda: len(one.line) == 2)
        given = {"authorization": f"Bearer {one.gateway.secrets['alice']}", "x-queue-events": "1"}
        client = one.gateway.client
        async with client.stream("POST", "/v1/chat/completions", json=ask(stream=True), headers=given) as answer:
            first = await anext(answer.aiter_lines())
        assert first.startswith(": queue position=3 estimate_s=")
        held.release(0)
        for number in (1, 2):
            await until(lambda: len(held.asked) == number + 1)  # noqa: B023 (it is awaited here)
            held.release(number)
        assert [said(answer) for answer in await asyncio.gather(*running)] == ["0", "1", "2"]
        await one.nothing_is_left()
