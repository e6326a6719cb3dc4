"""When an upstream fails: the table of failover, row by row, through the whole gateway."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, NamedTuple

import pytest

from tests.gateway.pools import AS_ADMIN, CHAT, Pool, code_of, pool, said, saying
from tests.gateway.test_body import data_url, picture
from tests.gateway.test_limits import limit
from tests.scripted import (
    Conn,
    Request,
    Script,
    ScriptedUpstream,
    chat_answer,
    chat_chunks,
    json_response,
    ollama_error,
    response,
    sse,
)
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked, head, streamed
from tollkeeper.rules.outcomes import Outcome


async def reset(conn: Conn, request: Request) -> None:
    conn.reset()


async def close(conn: Conn, request: Request) -> None:
    conn.close()


async def hang(conn: Conn, request: Request) -> None:
    await conn.hang()


async def half(conn: Conn, request: Request) -> None:
    """The stream ends before its first event, the body in its middle."""
    if request.json.get("stream"):
        await conn.send(STREAM_HEAD)
    else:
        await conn.send(head(200, "Content-Type: application/json", "Content-Length: 100") + b'{"id":"a"')
    conn.close()


async def half_429(conn: Conn, request: Request) -> None:
    await conn.send(head(429, "Content-Type: application/json", "Retry-After: 5", "Content-Length: 100") + b'{"error"')
    conn.close()


async def error_in_200(conn: Conn, request: Request) -> None:
    error = {"error": {"message": "the runner has crashed", "type": "api_error"}}
    if request.json.get("stream"):
        await conn.send(STREAM_HEAD + chunked(b": \n\n" + sse(error, done=False)[0]))
    else:
        await conn.send(json_response(error, 500))


QUOTA = json_response({"error": {"message": "all spent", "code": "insufficient_quota"}}, 429)


class Row(NamedTuple):
    """What a does, the reason that the metric names, and what the client gets where a does not charge and where it may:
    "b", the answer of the next upstream, or an error of its own. `rests`: what rests then. `whole`: it may be charged
    for."""

    does: Script
    reason: str
    free: tuple[str, int]
    paid: tuple[str, int]
    whole: bool = False


NEXT = ("b", 200)
GONE = ("upstream_unavailable", 502)
FAILED = ("upstream_error", 502)
LATE = ("upstream_timeout", 504)
ROWS = {
    "reset": Row(reset, "broken", NEXT, GONE, whole=True),
    "closed": Row(close, "broken", NEXT, GONE, whole=True),
    "garbage": Row(b"garbage\r\n\r\n", "broken", NEXT, GONE, whole=True),
    "half": Row(half, "broken", NEXT, GONE, whole=True),
    "html": Row(response(b"<html>hello</html>", content_type="text/html"), "broken", NEXT, GONE, whole=True),
    "404": Row(ollama_error(404, "model 'tiny' not found"), "model_missing", NEXT, NEXT),
    "429": Row(ollama_error(429, "busy"), "overloaded", NEXT, NEXT),
    "half a 429": Row(half_429, "overloaded", NEXT, NEXT),
    "503": Row(ollama_error(503, "busy"), "unavailable", NEXT, NEXT),
    "529": Row(ollama_error(529, "busy"), "overloaded", NEXT, NEXT),
    "401": Row(ollama_error(401, "no such key"), "operator_fault", NEXT, NEXT),
    "402": Row(ollama_error(402, "pay first"), "operator_fault", NEXT, NEXT),
    "403": Row(ollama_error(403, "not you"), "forbidden", NEXT, NEXT),
    "quota": Row(QUOTA, "operator_fault", NEXT, NEXT),
    "500": Row(ollama_error(500, "crashed"), "model_failed", NEXT, NEXT, whole=True),
    "error in 200": Row(error_in_200, "model_failed", NEXT, NEXT, whole=True),
    "502": Row(ollama_error(502, "bad gateway"), "bad_gateway", NEXT, NEXT, whole=True),
    "501": Row(ollama_error(501, "not implemented"), "unsupported", FAILED, FAILED),
    "504": Row(ollama_error(504, "late"), "too_slow", LATE, LATE),
    "524": Row(ollama_error(524, "late"), "too_slow", LATE, LATE),
    "too late": Row(hang, "too_slow", LATE, LATE),
    "400": Row(ollama_error(400, "no"), "refused", ("no", 400), ("no", 400)),
    "413": Row(ollama_error(413, "no"), "refused", ("no", 413), ("no", 413)),
    "422": Row(ollama_error(422, "no"), "refused", ("no", 422), ("no", 422)),
    "418": Row(ollama_error(418, "teapot"), "unexpected", FAILED, FAILED),
}
FREE_AND_PAID: list[dict[str, Any]] = [
    {"listed": ["free:latest"]},
    {"listed": ["free:latest"], "priority": 1},
    {"listed": ["paid:latest"], "paid": True, "open": True},
    {"listed": ["paid:latest"], "paid": True, "open": True, "priority": 1},
]
COST = 5 * 1_000_000 + 2 * 10_000_000
"""Pico-dollars of an answer of 5 and 2 tokens at a dollar and ten a million."""


async def set_price(both: Pool) -> None:
    """That of every model, without which a paid upstream serves none."""
    price = {"model": "*", "input_usd_per_mtok": "1", "output_usd_per_mtok": "10"}
    assert (await both.gateway.client.put("/admin/prices", json=price, headers=AS_ADMIN)).status_code == 200


async def prepare(both: Pool) -> None:
    """A price and limits, so that something is held and charged. What limits ask of the upstreams is asked now."""
    await set_price(both)
    await limit(both.gateway, tokens_per_day=10**7, cost_usd_per_day="100", max_concurrent_requests=5)
    assert [await both.served_by(model=model) for model in ("free", "paid")] == ["a", "c"]


@pytest.mark.parametrize("name", ROWS)
async def test_a_row_of_the_table(start, name):
    row = ROWS[name]
    async with pool(start, *FREE_AND_PAID, first_byte_timeout=0.2 if row.does is hang else 30) as both:
        await prepare(both)
        records = 2
        for paid, first, second in ((False, "a", "b"), (True, "c", "d")):
            both[first].always(row.does)
            text, status = row.paid if paid else row.free
            for stream in (False, True):
                await both.disconnect(first)  # one that is kept alive may have been closed before: that is no failure
                before, tried = both.calls(), both.metric("tollkeeper_failed_attempts")
                answer = await both.say(model="paid" if paid else "free", stream=stream)
                assert answer.status_code == status, answer.text
                moved = text == "b"
                if moved:
                    assert said(answer) == second
                elif text == "no":
                    assert answer.json()["error"]["message"] == "no"
                else:
                    assert code_of(answer) == text
                expected = {first: 1, **({second: 1} if moved else {})}
                assert {each: both.calls()[each] - before.get(each, 0) for each in expected} == expected
                assert sum(both.calls().values()) - sum(before.values()) == len(expected)
                records += 1
                record, *others = await both.gateway.records()
                assert len(others) == records - 1
                assert (record.attempts, record.upstream) == (2, second) if moved else (1, first)
                assert (record.status, record.cost_pico) == (("completed", COST) if moved else ("failed", 0))
                counted = both.metric("tollkeeper_failed_attempts")
                new = {key: count - tried.get(key, 0) for key, count in counted.items() if count != tried.get(key, 0)}
                assert new == ({(first, row.reason): 1} if moved else {})
                both.recover()
        charged = both.metric("tollkeeper_possibly_charged_attempts")
        assert charged == ({("c", row.reason): 2} if row.whole and row.paid is NEXT else {})
        await both.nothing_is_left()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "first", "second"), [("free", "a", "b"), ("paid", "c", "d")])
async def test_one_that_cannot_be_reached_gets_nothing(start, model, first, second, stream):
    async with pool(start, *FREE_AND_PAID) as both:
        await prepare(both)
        await both[first].stop_listening()
        await both.disconnect(first)
        answer = await both.say(model=model, stream=stream)
        assert (said(answer), both.calls()) == (second, {"a": 1, "c": 1, second: 1})
        record, *_ = await both.gateway.records()
        assert (record.attempts, record.upstream, record.cost_pico) == (2, second, COST)
        assert both.metric("tollkeeper_failed_attempts") == {(first, "unreachable"): 1}
        await both[second].stop_listening()
        await both.disconnect(second)
        refused = await both.say(model=model, stream=stream)
        assert (refused.status_code, code_of(refused)) == (503, "upstream_unavailable")
        assert len(await both.gateway.records()) == 3, "nothing was sent to anyone"
        await both.nothing_is_left()


@pytest.mark.parametrize("model", ["free", "paid"])
async def test_one_that_closes_before_it_has_the_whole_request_gets_a_fresh_connection(start, model):
    first, second = ("a", "b") if model == "free" else ("c", "d")
    async with pool(start, *FREE_AND_PAID) as both:
        await set_price(both)
        await both.disconnect(first)
        both[first].early = True
        both[first].always(reset)
        long = "x" * 8_000_000  # more than the kernel buffers
        assert await both.served_by(long, model=model) == second
        assert both.calls() == {first: 2, second: 1}
        record = await both.gateway.record()
        assert (record.attempts, record.upstream) == (2, second)
        assert both.metric("tollkeeper_failed_attempts") == {(first, "partly_sent"): 1}
        both.recover()
        await both.nothing_is_left()


@pytest.mark.parametrize("does", [reset, ollama_error(500, "crashed")], ids=["reset", "500"])
async def test_what_crashes_two_visits_no_third(start, does):
    async with pool(start, {}, {"priority": 1}, {"priority": 2}) as three:
        for name in "abc":
            await three.disconnect(name)
            three[name].always(does)
        answer = await three.say()
        assert answer.status_code == 502
        assert three.calls() == {"a": 1, "b": 1}
        assert (await three.gateway.record()).attempts == 2
        await three.nothing_is_left()


async def test_those_that_turn_it_away_do_not_count_as_having_it_whole(start):
    async with pool(start, {}, {"priority": 1}, {"priority": 2}, {"priority": 3}) as four:
        four["a"].always(ollama_error(429, "busy"))
        four["b"].always(ollama_error(500, "crashed"))
        four["c"].always(ollama_error(503, "busy"))
        assert await four.served_by() == "d"
        assert (await four.gateway.record()).attempts == 4


@pytest.mark.parametrize("paid", [False, True])
async def test_after_the_first_event_nobody_else_is_asked(start, paid):
    async with pool(start, {"paid": paid, "open": True}, {"priority": 1}) as both:
        await set_price(both)

        async def dies(conn: Conn, request: Request) -> None:
            await conn.send(STREAM_HEAD + chunked(sse(*chat_chunks(["Hel"]))[0], end=False))
            conn.reset()

        both["a"].always(dies)
        answer = await both.say(stream=True)
        assert answer.status_code == 200
        assert "Hel" in answer.text
        assert code_of(answer) == "upstream_unavailable"
        assert "[DONE]" not in answer.text
        assert both.calls() == {"a": 1}
        record = await both.gateway.record()
        assert (record.attempts, record.upstream, record.status) == (1, "a", "failed")
        await both.nothing_is_left()


async def test_comments_of_the_upstream_before_the_first_event_do_not_count(start):
    """As OpenRouter sends them: the head of the response may even have gone to the client."""
    async with pool(start, {}, {"priority": 1}, sse_comment_after=0.05) as both:

        async def dies(conn: Conn, request: Request) -> None:
            await conn.send(STREAM_HEAD + chunked(b": OPENROUTER PROCESSING\n\n", end=False))
            await dying.wait()
            conn.reset()

        dying = asyncio.Event()
        both["a"].always(dies)
        body = {"model": "tiny", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
        async with both.gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            texts = answer.aiter_text()
            assert (await anext(texts)).startswith(":")
            dying.set()
            rest = "".join([text async for text in texts])
        assert '"content":"b"' in rest
        assert rest.endswith("data: [DONE]\n\n")
        assert "error" not in rest
        assert (await both.gateway.record()).attempts == 2


async def test_a_first_event_that_has_only_usage_does_not_count_either(start):
    """Its client did not ask for usage, and gets none of it."""
    async with pool(start, {}, {"priority": 1}) as both:
        usage = {"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 0}}

        async def dies(conn: Conn, request: Request) -> None:
            await conn.send(STREAM_HEAD + chunked(sse(usage, done=False)[0], end=False))
            conn.close()

        both["a"].always(dies)
        assert said(await both.say(stream=True)) == "b"
        assert (await both.gateway.record()).attempts == 2


def _called(machine: ScriptedUpstream, count: int) -> bool:
    return len(machine.calls(CHAT)) == count


FIRST, *_ = sse(*chat_chunks(["Hel"]))
BEYOND = b"data: " + b"x" * 120_000
TOO_LONG: dict[str, tuple[Script, str]] = {
    "answer": (json_response(chat_answer("x" * 120_000)), "upstream_error"),
    "event": (STREAM_HEAD + chunked(BEYOND, end=False), "upstream_error"),
    "later event": (STREAM_HEAD + chunked(FIRST + BEYOND, end=False), "upstream_error"),
    "for memory": (STREAM_HEAD + chunked(FIRST + BEYOND[:90_000], end=False), "server_overloaded"),
}


@pytest.mark.parametrize("what", TOO_LONG)
async def test_an_answer_beyond_the_bounds_of_the_gateway_is_no_failure_of_the_upstream(start, what):
    bounds: dict[str, Any] = {
        "max_answer_bytes": 100_000,
        "max_event_bytes": 100_000,
        "answers_in_memory_bytes": 70_000,
    }
    if what != "for memory":
        del bounds["answers_in_memory_bytes"]
    async with pool(start, {}, {"priority": 1}, **bounds) as both:
        does, code = TOO_LONG[what]
        both["a"].always(does)
        for _ in range(6):  # more than open a breaker
            answer = await both.say(stream=what != "answer")
            assert answer.status_code == (502 if what in {"answer", "event"} else 200)
            assert code_of(answer) == code
        assert both.calls() == {"a": 6}, "nobody else is asked, who would do the same"
        assert both.metric("tollkeeper_failed_attempts") == {}
        assert both.upstream("a").health.error is None
        await both.nothing_is_left()


async def test_a_client_that_leaves_is_no_failure(start):
    async with pool(start, {}, {"priority": 1}) as both:
        both["a"].always(hang)
        for number in range(6):  # as many as open a breaker
            asking = asyncio.create_task(both.say(stream=True))
            await until(partial(_called, both["a"], number + 1))
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await both.nothing_is_left()
        both["a"].always(saying("a"))
        assert await both.served_by() == "a"
        assert both.metric("tollkeeper_failed_attempts") == {}
        assert "b" not in both.calls()


async def test_what_is_charged_goes_on_without_its_client_but_nobody_else_is_asked_then(start):
    async with pool(start, {"paid": True, "open": True}, {"priority": 1}) as both:
        await set_price(both)
        go = asyncio.Event()

        async def fails(conn: Conn, request: Request) -> None:
            await go.wait()
            await conn.send(ollama_error(500, "crashed"))

        both["a"].always(fails)
        asking = asyncio.create_task(both.say())
        await until(lambda: both.calls() == {"a": 1})
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        (run,) = both.gateway.context.requests.active
        end_with: Any = run._end_with
        await until(lambda: end_with.__self__.disconnected)
        go.set()
        record = await both.gateway.record()
        assert (record.status, record.attempts, record.upstream) == ("failed", 1, "a")
        assert both.calls() == {"a": 1}
        await both.nothing_is_left()


async def test_retries_at_upstreams_without_slots_have_a_budget(start):
    """Ten, and one for five requests of the last ten seconds: fifty requests may come to twenty retries."""
    async with pool(start, {"slots": 0}, {"slots": 0, "priority": 1}) as both:
        both["a"].always(ollama_error(500, "crashed"))
        answers = []
        for _ in range(50):
            answers.append((await both.say()).status_code)
            both.recover()
        first = answers.index(502)
        assert 10 <= first <= 13, "ten, and what the requests so far have earned"
        assert both.calls()["a"] == 50
        assert both.calls()["b"] == answers.count(200) <= 10 + 50 // 5
        assert {record.attempts for record in await both.gateway.records()} == {1, 2}


async def test_without_a_budget_a_retry_goes_only_where_there_are_slots(start):
    """One with slots that is left lets no others have retries."""
    async with pool(start, {"slots": 0}, {"slots": 0, "priority": 1}, {"slots": 1, "priority": 2}) as one:
        one["a"].always(ollama_error(500, "crashed"))
        served = []
        for _ in range(40):
            served.append(await one.served_by())
            one.recover()
        assert served[:10] == ["b"] * 10
        assert served.count("b") <= 10 + 40 // 5
        assert served.count("b") + served.count("c") == 40
        await one.nothing_is_left()


async def test_slots_need_no_budget(start):
    async with pool(start, {"slots": 0}, {"priority": 1}) as both:
        both["a"].always(ollama_error(500, "crashed"))
        for _ in range(30):
            assert await both.served_by() == "b"
            both.recover()


async def test_a_list_that_is_out_of_date_is_fetched_again(start, monkeypatch):
    monkeypatch.setattr("tollkeeper.services.models.catalog.MISS_EVERY", 0.0)
    async with pool(start, {}, {"priority": 1}) as both:
        both["a"].models = {"other:latest": ("completion",)}
        both["a"].always(ollama_error(404, "model 'tiny' not found"))
        listed = len(both["a"].calls("GET /api/tags"))
        assert await both.served_by() == "b"
        await until(lambda: len(both["a"].calls("GET /api/tags")) > listed)
        catalog = both.gateway.context.catalog
        await until(lambda: [each.upstream.config.id for each in catalog.deployments()] == ["a", "b"])
        assert [each.model for each in catalog.deployments()] == ["other:latest", "tiny:latest"]
        assert await both.served_by() == "b"
        assert both.calls() == {"a": 1, "b": 2}


@pytest.mark.parametrize("looks", [False, True], ids=["budget", "image"])
async def test_what_is_asked_of_a_model_beforehand_is_not_asked_of_a_machine_that_rests(start, looks):
    async with pool(start, {}, {"priority": 1}) as both:
        both["a"].route("POST /api/show", hang)
        both["b"].route("POST /api/show", json_response({"capabilities": ["completion", "vision"]}))
        text: Any = "hi"
        if looks:
            text = [{"type": "image_url", "image_url": {"url": data_url(picture())}}]
        else:
            await limit(both.gateway, tokens_per_day=10**7)
        both.upstream("a").health.note_failure(
            Outcome.UNAVAILABLE, "tiny:latest", both.gateway.context.clock(), "busy", retry_after=60
        )
        assert [await both.served_by(text), await both.served_by(text)] == ["b", "b"]
        assert both.calls("POST /api/show") == {"b": 1}
        await both.nothing_is_left()


async def test_a_machine_that_only_fails_to_describe_its_model_is_waited_for_once(start):
    async with pool(start, {}, {"priority": 1}) as both:
        both["a"].route("POST /api/show", hang)
        both.gateway.context.facts._patience = 0.05
        await limit(both.gateway, tokens_per_day=10**7)
        assert [await both.served_by() for _ in range(3)] == ["b"] * 3
        assert both.calls("POST /api/show") == {"a": 1, "b": 1}
        await both.nothing_is_left()


async def test_an_alert_tells_the_operator(start, caplog):
    async with pool(start, {}, {"priority": 1}) as both:
        both["a"].always(ollama_error(401, "no such key"))
        assert await both.served_by() == "b"
        (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "by a: The upstream refuses" in line.getMessage()


async def test_an_answer_of_the_next_is_whole_and_its_own(start):
    """Nothing of the attempt that failed is left in it: its usage, its reason to finish, its name."""
    async with pool(start, {}, {"priority": 1}) as both:
        both["a"].always(half)
        both["b"].always(json_response(chat_answer("whole", usage=(7, 3))))
        answer = await both.say()
        assert (said(answer), answer.json()["usage"]["completion_tokens"]) == ("whole", 3)
        record = await both.gateway.record()
        assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (7, 3)
        both["b"].always(streamed(*sse(*chat_chunks(["x"], usage=(8, 1)))))
        both.recover()
        assert said(await both.say(stream=True)) == "x"
        newest, _ = await both.gateway.records()
        assert (newest.usage.prompt_tokens, newest.finish_reason, newest.attempts) == (8, "stop", 2)
