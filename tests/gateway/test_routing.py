"""Which upstream gets a request, through the whole gateway; and who rests, and for how long."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from tests.gateway.pools import AS_ADMIN, CHAT, Held, Pool, code_of, pool, said, saying
from tests.gateway.provider_shapes import openai_models
from tests.gateway.test_limits import limit
from tests.scripted import (
    Conn,
    Request,
    ScriptedUpstream,
    chat_answer,
    chat_chunks,
    json_response,
    ollama_error,
    response,
    sse,
    streamed,
)
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked
from tollkeeper.rules.breaker import State
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig

COMPLETIONS = "/v1/completions"


def resting(seconds: int | None, status: int = 429) -> bytes:
    return json_response({"error": "busy"}, status, *([] if seconds is None else [f"Retry-After: {seconds}"]))


class Clock:
    """A clock of the selection that the test sets forward. `stands`: by itself it does not go on."""

    def __init__(self, pool_: Pool, *, stands: bool = False) -> None:
        self.skipped = 0.0
        selection = pool_.gateway.context.selection
        real = selection._clock
        began = real()

        def now() -> float:
            return (began if stands else real()) + self.skipped

        selection._clock = selection.line.clock = now

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


async def alias(pool_: Pool, **aliases: Any) -> None:
    answer = await pool_.gateway.client.put("/admin/aliases", json=aliases, headers=AS_ADMIN)
    assert answer.status_code == 200, answer.text


async def price(pool_: Pool, model: str, dollars: str) -> None:
    row = {"model": model, "input_usd_per_mtok": dollars, "output_usd_per_mtok": dollars}
    assert (await pool_.gateway.client.put("/admin/prices", json=row, headers=AS_ADMIN)).status_code == 200


# Resting


async def test_a_429_rests_that_model_alone(start):
    async with pool(start, {}, models=["one:latest", "two:latest"], queue_timeout=5) as only:
        clock = Clock(only)
        only["a"].answer(resting(30))
        refused = await only.say(model="one")
        assert (refused.status_code, code_of(refused)) == (503, "server_overloaded")
        assert refused.headers["retry-after"] == "30"
        assert await only.served_by(model="two") == "a"
        clock.skip(20)
        early = await only.say(model="one")
        assert (early.status_code, code_of(early)) == (503, "upstream_unavailable")
        assert 9 <= int(early.headers["retry-after"]) <= 10
        assert len(only["a"].calls(CHAT)) == 2, "never tried early"
        clock.skip(10)
        assert await only.served_by(model="one") == "a"
        await only.nothing_is_left()


@pytest.mark.parametrize(
    ("asked", "told", "should_retry", "rests"),
    [(None, "1", None, 1), (600, "600", None, 60), (7200, None, "false", 60)],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_it_rests_for_as_long_as_it_asks_at_most_a_minute(start, status, asked, told, should_retry, rests):
    async with pool(start, {}, queue_timeout=0.1) as only:
        clock = Clock(only, stands=True)
        only["a"].answer(resting(asked, status))
        refused = await only.say()
        assert [refused.headers.get(name) for name in ("retry-after", "x-should-retry")] == [told, should_retry]
        clock.skip(rests - 0.5)
        assert (await only.say()).headers["retry-after"] == "1"
        clock.skip(0.5)
        assert await only.served_by() == "a"
        assert len(only["a"].calls(CHAT)) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_a_503_rests_the_upstream(start, stream):
    async with pool(start, {}, models=["one:latest", "two:latest"], queue_timeout=5) as only:
        only["a"].answer(resting(30, 503))
        assert (await only.say(model="one", stream=stream)).status_code == 503
        refused = await only.say(model="two", stream=stream)
        assert (refused.status_code, code_of(refused)) == (503, "upstream_unavailable")
        assert 29 <= int(refused.headers["retry-after"]) <= 30
        assert len(only["a"].calls(CHAT)) == 1
        assert len(await only.gateway.records()) == 1, "who was turned away in line was sent to nobody"


async def test_when_all_rest_the_soonest_is_told(start):
    async with pool(start, {}, {}, queue_timeout=5) as both:
        both["a"].answer(resting(20))
        both["b"].answer(resting(7200))
        refused = await both.say()
        assert (refused.status_code, code_of(refused)) == (503, "server_overloaded")
        assert 19 <= int(refused.headers["retry-after"]) <= 20
        assert "x-should-retry" not in refused.headers
        again = await both.say()
        assert 19 <= int(again.headers["retry-after"]) <= 20
        assert both.calls() == {"a": 1, "b": 1}
        await both.nothing_is_left()


async def test_a_request_waits_for_one_that_is_due_in_time(start):
    async with pool(start, {}, queue_timeout=60) as only:
        clock = Clock(only)
        only["a"].answer(resting(50))
        assert (await only.say()).status_code == 503
        waiting = asyncio.create_task(only.say())
        await until(lambda: len(only.line) == 1)
        assert len(only["a"].calls(CHAT)) == 1
        clock.skip(50)
        only.line.changed()  # as its timer would
        answer = await waiting
        assert said(answer) == "a"
        assert int(answer.headers["x-queued-ms"]) >= 50_000
        await only.nothing_is_left()


@pytest.mark.parametrize("status", [429, 503, 401])
async def test_saving_the_upstream_ends_its_rest_at_once(start, status):
    async with pool(start, {}, queue_timeout=60) as only:
        only["a"].answer(resting(60, status))
        assert (await only.say()).status_code >= 500
        waiting = asyncio.create_task(only.say())
        await until(lambda: len(only.line) == 1)
        only.gateway.context.registry.replace(replace(only.upstream("a").config, weight=2))
        assert said(await waiting) == "a"
        assert await only.served_by() == "a"
        await only.nothing_is_left()


# The breaker


async def test_five_failures_open_it_and_one_trial_at_a_time_closes_it(start):
    async with pool(start, {}, {"priority": 1}) as both:
        clock = Clock(both)
        both["a"].always(ollama_error(502, "bad gateway"))
        for _ in range(7):
            assert await both.served_by() == "b"
        assert both.calls() == {"a": 5, "b": 7}, "it is open: nobody tries it"
        clock.skip(7)  # so long that it is tried beside a healthy one
        held = Held()
        both["a"].always(held)
        trial = asyncio.create_task(both.say("trial"))
        await until(lambda: held.asked == ["trial"])
        assert [await both.served_by() for _ in range(3)] == ["b"] * 3, "one trial at a time"
        held.release_all()
        assert said(await trial) == "trial"
        both["a"].always(saying("a"))
        assert await both.served_by() == "a"
        await both.nothing_is_left()


async def test_what_an_upstream_does_not_do_closes_that_model_alone(start):
    async with pool(start, {}, models=["one:latest", "two:latest"], queue_timeout=0.1) as only:
        Clock(only, stands=True)
        only["a"].always(ollama_error(501, "not implemented"))
        assert [(await only.say(model="one")).status_code for _ in range(6)] == [502] * 5 + [503]
        only["a"].always(saying("a"))
        assert (await only.say(model="one")).status_code == 503
        assert await only.served_by(model="two") == "a"


@pytest.mark.parametrize("good", [True, False])
async def test_when_all_are_open_one_tries_and_the_others_wait_for_its_outcome(start, good):
    async with pool(start, {}, queue_timeout=60) as only:
        clock = Clock(only)
        only["a"].always(ollama_error(502, "bad gateway"))
        for _ in range(5):
            assert (await only.say()).status_code == 502
        clock.skip(1)
        held = Held()
        only["a"].always(held)
        trial = asyncio.create_task(only.say("trial", user="alice"))
        await until(lambda: held.asked == ["trial"])
        others = [asyncio.create_task(only.say(f"other {number}", user="bob")) for number in range(3)]
        await until(lambda: len(only.line) == 3)
        assert held.asked == ["trial"]
        only["a"].always(saying("a"))
        if good:
            held.release_all()
            assert said(await trial) == "trial"
        else:
            trial.cancel()  # without a result, the next one tries
            await asyncio.gather(trial, return_exceptions=True)
        assert [said(answer) for answer in await asyncio.gather(*others)] == ["a"] * 3
        assert only.upstream("a").health._guard.breaker.state(0) is State.CLOSED
        await only.nothing_is_left()


async def test_a_trial_that_has_begun_to_answer_keeps_nobody_waiting(start):
    async with pool(start, {}, queue_timeout=60) as only:
        clock = Clock(only)
        only["a"].always(ollama_error(502, "bad gateway"))
        for _ in range(5):
            assert (await only.say()).status_code == 502
        clock.skip(1)
        events = sse(*chat_chunks(["long"]))
        rest = asyncio.Event()

        async def long(conn: Conn, request: Request) -> None:
            await conn.send(STREAM_HEAD + chunked(events[0], end=False))
            await rest.wait()
            await conn.send(chunked(b"".join(events[1:])))

        only["a"].answer(long)
        only["a"].always(saying("a"))
        trial = asyncio.create_task(only.say(stream=True))
        await until(lambda: len(only["a"].calls(CHAT)) == 6)
        assert await only.served_by(user="bob") == "a", "though the trial has not ended"
        assert not trial.done()
        rest.set()
        assert said(await trial) == "long"
        await only.nothing_is_left()


async def test_a_trial_that_is_cancelled_before_it_learns_of_its_slot_is_over(start):
    """Between the moment at which the line gives a slot and that at which its request goes on, its client leaves."""
    async with pool(start, {"slots": 1}, queue_timeout=60) as only:
        clock = Clock(only)
        only["a"].always(ollama_error(502, "bad gateway"))
        for _ in range(5):
            assert (await only.say()).status_code == 502
        waiting = asyncio.create_task(only.say())
        await until(lambda: len(only.line) == 1)
        (run,) = only.gateway.context.requests.active
        clock.skip(2)
        only["a"].always(saying("a"))
        only.line.changed()
        assert len(only.gateway.context.selection._trials) == 1
        end_with: Any = run._end_with
        end_with.__self__.task.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await only.nothing_is_left()
        assert await only.served_by() == "a"


# Names and aliases


async def test_a_list_of_an_alias_moves_on_and_costs_what_the_model_that_served_costs(start):
    async with pool(start, {"listed": ["dear:latest"]}, {"listed": ["cheap:latest"]}) as both:
        await alias(both, fast=["dear", "cheap"])
        await price(both, "dear:latest", "10")
        await price(both, "cheap:latest", "1")
        await limit(both.gateway, cost_usd_per_day="100", tokens_per_day=10**6)
        assert await both.served_by(model="fast") == "a"
        both["a"].always(ollama_error(500, "crashed"))
        assert await both.served_by(model="fast") == "b"
        second, first = await both.gateway.records()
        assert (first.model, first.requested_model, first.cost_pico) == ("dear:latest", "fast", 70_000_000)
        assert (second.model, second.requested_model, second.cost_pico) == ("cheap:latest", "fast", 7_000_000)
        assert (second.attempts, second.upstream) == (2, "b")
        await both.nothing_is_left()


async def test_an_entry_that_is_refused_is_left_out(start):
    async with pool(start, {"listed": ["dear:latest"]}, {"listed": ["cheap:latest"]}) as both:
        await alias(both, fast=["dear", "cheap"])
        await limit(both.gateway, allowed_models=["cheap:latest"])
        assert await both.served_by(model="fast") == "b"
        assert await both.served_by(model="fast", user="bob") == "a"
        await limit(both.gateway, allowed_models=["none:latest"])
        assert (await both.say(model="fast")).status_code == 403


async def test_limits_are_those_of_the_model_that_serves(start):
    async with pool(start, {"listed": ["dear:latest"]}, {"listed": ["cheap:latest"]}) as both:
        await alias(both, fast=["dear", "cheap"])
        await limit(both.gateway, models={"dear:latest": {"requests_per_day": 1}})
        assert [await both.served_by(model="fast") for _ in range(3)] == ["a", "b", "b"]


async def test_a_name_may_ask_for_one_upstream(start):
    async with pool(start, {}, {}) as both:
        assert [await both.served_by(model="tiny@b") for _ in range(3)] == ["b"] * 3
        both["b"].always(ollama_error(500, "crashed"))
        assert (await both.say(model="tiny@b")).status_code == 502
        assert (await both.say(model="tiny@nowhere")).status_code == 404
        assert both.calls() == {"b": 4}


async def test_priority(start):
    async with pool(start, {"priority": 1}, {"priority": 0}) as both:
        assert [await both.served_by() for _ in range(3)] == ["b"] * 3
        await both["b"].stop_listening()
        await both.disconnect("b")
        assert await both.served_by() == "a"


@pytest.mark.parametrize(("weights", "share"), [((3, 1), 750), ((1, 1), 500)])
async def test_a_thousand_requests_are_shared_by_weight(start, weights, share):
    async with pool(start, *({"weight": weight} for weight in weights)) as both:
        served: Counter[str] = Counter()
        for number in range(1_000):
            served[await both.served_by(f"conversation {number}")] += 1
        assert abs(served["a"] - share) <= 50
        assert served["a"] + served["b"] == 1_000


@pytest.mark.parametrize("by", ["header", "cache key", "first message"])
async def test_a_conversation_stays_where_it_began_while_there_is_room(start, by):
    async with pool(start, {"slots": 4}, {"slots": 4}) as both:

        def given(number: int) -> dict[str, Any]:
            name = f"conversation {number}"
            ways: dict[str, dict[str, Any]] = {
                "header": {"text": "hi", "headers": {"x-session-affinity": name}},
                "cache key": {"text": "hi", "prompt_cache_key": name},
                "first message": {"text": name},
            }
            return ways[by]

        began = {number: await both.served_by(**given(number)) for number in range(6)}
        assert set(began.values()) == {"a", "b"}
        for number in (0, 0, 0, 1, 5, 5, 3, 2, 4, 0):
            assert await both.served_by(**given(number)) == began[number]
        mine = began[0]
        held = Held()
        both[mine].always(held)
        busy = [asyncio.create_task(both.say(f"busy {number}", model=f"tiny@{mine}")) for number in range(3)]
        await until(lambda: len(held.asked) == 3)
        other = await both.served_by(**given(0))
        assert other != mine, "three busier than the other one is too much"
        held.release_all()
        await asyncio.gather(*busy)
        await both.nothing_is_left()


async def test_what_another_user_says_is_not_the_same_conversation(start):
    async with pool(start, {}, {}) as both:
        first = await both.served_by("same", user="alice")
        assert await both.served_by("same", user="bob") != first
        assert await both.served_by("same", user="alice") == first


async def test_a_model_that_is_loaded_comes_first(start):
    async with pool(start, {}, {}) as both:
        both.upstream("a").load.loaded = frozenset()
        both.upstream("b").load.loaded = frozenset({"tiny:latest"})
        assert [await both.served_by(f"number {number}") for number in range(4)] == ["b"] * 4


async def test_beyond_spill_after_the_next_priority_serves(start):
    async with pool(start, {"slots": 1, "spill_after": 2.0}, {"priority": 1}, queue_timeout=60) as both:
        held = Held()
        both["a"].always(held)
        first = asyncio.create_task(both.say("first"))
        await until(lambda: held.asked == ["first"])
        assert await both.served_by("second", user="bob") == "b", "five seconds are told of a request not known yet"
        held.release_all()
        assert said(await first) == "first"
        assert both.calls() == {"a": 1, "b": 1}


async def test_without_spill_after_a_request_waits(start):
    async with pool(start, {"slots": 1}, {"priority": 1}) as both:
        held = Held()
        both["a"].always(held)
        asking = [asyncio.create_task(both.say(f"{number}", user="alice")) for number in range(2)]
        await until(lambda: len(held.asked) == 1 and len(both.line) == 1)
        held.release(0)
        await until(lambda: len(held.asked) == 2)
        held.release_all()
        await asyncio.gather(*asking)
        assert both.calls() == {"a": 2}


async def test_who_waits_for_one_that_fails_its_probes_goes_elsewhere(start):
    """Though nothing that runs there ends: its machine is dead, say."""
    async with pool(start, {"slots": 1}, {"priority": 1}) as both:
        held = Held()
        both["a"].always(held)
        hangs = asyncio.create_task(both.say("hangs"))
        await until(lambda: held.asked == ["hangs"])
        waiting = asyncio.create_task(both.say("waiting", user="bob"))
        await until(lambda: len(both.line) == 1)
        health = both.upstream("a").health
        for _ in range(5):
            health.probed(both.line.clock(), "it does not answer")
        assert said(await waiting) == "b"
        held.release_all()
        assert said(await hangs) == "hangs"
        assert held.asked == ["hangs"]
        await both.nothing_is_left()


@pytest.mark.parametrize("state", ["draining", "disabled"])
async def test_one_that_drains_finishes_what_it_has_and_gets_nothing_new(start, state):
    async with pool(start, {"slots": 1}, {"priority": 1}) as both:
        held = Held()
        both["a"].always(held)
        running = asyncio.create_task(both.say("running"))
        await until(lambda: held.asked == ["running"])
        waiting = asyncio.create_task(both.say("waiting", user="bob"))
        await until(lambda: len(both.line) == 1)
        both.gateway.context.registry.replace(replace(both.upstream("a").config, state=state))
        assert said(await waiting) == "b", "who waits is not sent there any more"
        assert await both.served_by() == "b"
        held.release_all()
        assert said(await running) == "running"
        assert both.calls() == {"a": 1, "b": 2}
        await both.nothing_is_left()


async def test_who_waits_for_one_alone_that_is_drained_is_told_at_once(start):
    async with pool(start, {"slots": 1}) as only:
        held = Held()
        only["a"].always(held)
        running = asyncio.create_task(only.say("running"))
        await until(lambda: held.asked == ["running"])
        waiting = asyncio.create_task(only.say("waiting", user="bob"))
        await until(lambda: len(only.line) == 1)
        only.gateway.context.registry.replace(replace(only.upstream("a").config, state="draining"))
        answer = await waiting
        assert (answer.status_code, code_of(answer)) == (503, "upstream_unavailable")
        held.release_all()
        assert said(await running) == "running"
        await only.nothing_is_left()


async def test_one_that_does_not_serve_the_path_is_no_candidate(start):
    async with pool(start, {"kind": ANTHROPIC, "open": True}, {}, models=["tiny:latest"]) as both:
        both["a"].route("GET /v1/models", json_response({"data": [{"id": "claude-1"}, {"id": "tiny:latest"}]}))
        await both.gateway.context.catalog.refresh()
        for number in range(3):
            answer = await both.gateway.client.post(COMPLETIONS, json={"model": "tiny", "prompt": f"number {number}"})
            assert answer.status_code == 200, answer.text
        refused = await both.gateway.client.post(COMPLETIONS, json={"model": "claude-1", "prompt": "x"})
        assert (refused.status_code, code_of(refused)) == (400, "unsupported_by_upstream")
        assert [len(both[name].calls(f"POST {COMPLETIONS}")) for name in "ab"] == [0, 3]


@pytest.mark.parametrize("budget", ["budget_per_day", "budget_per_month"])
async def test_one_over_its_budget_gets_nothing(start, budget):
    async with pool(start, {budget: 100_000_000}, {"priority": 1}) as both:
        await price(both, "tiny:latest", "10")  # 70,000,000 pico-dollars each
        assert [await both.served_by(f"number {number}") for number in range(4)] == ["a", "a", "b", "b"]
        refused = await both.say(model="tiny@a")
        assert (refused.status_code, code_of(refused)) == (503, "upstream_unavailable")
        await both.nothing_is_left()


async def test_each_upstream_gets_the_name_as_it_spells_it(start, up):
    async with (
        ScriptedUpstream() as other,
        start(
            upstreams=[
                UpstreamConfig("vllm", OPENAI_COMPATIBLE, up.url + "/v1", priority=1, paid=False),
                UpstreamConfig("tgi", OPENAI_COMPATIBLE, other.url + "/v1", models=("QWEN/Qwen2.5-0.5B",), paid=False),
            ]
        ) as gateway,
    ):
        up.route("GET /v1/models", json_response(openai_models("Qwen/Qwen2.5-0.5B")))
        await gateway.context.catalog.refresh()
        other.answer(response(b"busy", status=503))
        answer = await gateway.chat(model="qwen/qwen2.5-0.5B")
        assert answer.status_code == 200, answer.text
        sent = [each.calls(CHAT)[0].json["model"] for each in (other, up)]
        assert sent == ["QWEN/Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B"]
        (record,) = await gateway.records()
        assert (record.model, record.requested_model) == ("qwen/qwen2.5-0.5b", "qwen/qwen2.5-0.5B")


@pytest.mark.parametrize("gap", ["", " "])
async def test_the_canonical_name_comes_back(start, up, gap):
    config = UpstreamConfig("vllm", OPENAI_COMPATIBLE, up.url + "/v1", models=("Qwen/Q",), paid=False)
    separators = (",", ":" + gap)
    told = chat_answer('"model":"Qwen/Q"') | {"model": "Qwen/Q"}
    long = chat_answer("x" * 600_000) | {"model": "Qwen/Q"}
    chunks = [chunk | {"model": "Qwen/Q"} for chunk in chat_chunks(["a", "b", "c", "d"])]
    events = [b"data: " + json.dumps(chunk, separators=separators).encode() + b"\n\n" for chunk in chunks]
    up.route("GET /v1/models", json_response(openai_models("Qwen/Q")))
    async with start(upstreams=[config]) as gateway:
        for body in (told, long):
            up.answer(response(json.dumps(body, separators=separators).encode()))
            answer = (await gateway.chat(model="qwen/Q")).json()
            texts = [each["choices"][0]["message"]["content"] for each in (answer, body)]
            assert (answer["model"], texts[0]) == ("qwen/q", texts[1])
        up.answer(streamed(*events, b"data: [DONE]\n\n"))
        answer = await gateway.chat(model="qwen/Q", stream=True)
        lines = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
        assert {line["model"] for line in lines} == {"qwen/q"}
        up.answer(json_response(chat_answer() | {"model": "Qwen/Q-2026"}))
        assert (await gateway.chat(model="qwen/Q")).json()["model"] == "Qwen/Q-2026", "another one is told as it is"


async def test_a_model_of_an_upstream_that_has_just_come_is_found_by_its_name(start, up):
    async with ScriptedUpstream() as new, start(upstreams=[UpstreamConfig("old", OLLAMA, up.url)]) as gateway:
        new.answer(json_response(chat_answer("new")))
        gateway.context.registry.add(UpstreamConfig("new", OLLAMA, new.url))
        answer = await gateway.chat(model="tiny@new")
        assert (answer.status_code, said(answer)) == (200, "new")
        assert (await gateway.chat(model="tiny@old")).status_code == 200
