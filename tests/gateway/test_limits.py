"""Limits through the whole gateway: what is let out, what is refused and how, and that nothing stays held."""

import asyncio
import json

import pytest

from tests.gateway.conftest import ADMIN, ask, running
from tests.gateway.test_bad_input import check
from tests.scripted import chat_answer, json_response
from tollkeeper.rules.kinds import KINDS, OPENAI
from tollkeeper.rules.times import format_wait
from tollkeeper.services.upstreams.config import UpstreamConfig

BEARER = {"authorization": f"Bearer {ADMIN}"}


async def limit(gateway, user="alice", **limits):
    answer = await gateway.client.put(f"/admin/users/{user}/limits", json=limits, headers=BEARER)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def usage(gateway):
    return (await gateway.client.get("/me")).json()["usage"]


def held(gateway):
    return gateway.context.admission.counters.held()


async def nothing_is_held(gateway):
    await gateway.records()
    assert held(gateway) == 0


@pytest.fixture(autouse=True)
def answers(up):
    up.always(json_response(chat_answer(usage=(5, 2))))


async def test_without_limits_nothing_changes_and_nothing_is_said(gateway, up):
    answer = await gateway.chat()
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
    assert "max_tokens" not in up.requests[-1].json
    assert await usage(gateway) == {}


@pytest.mark.parametrize("name", ["requests_per_minute", "requests_per_hour"])
async def test_a_pace_of_requests(gateway, up, name):
    await limit(gateway, **{name: 2})
    first = await gateway.chat()
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-reset-requests"]
    assert (await gateway.chat()).status_code == 200
    refused = await gateway.chat()
    assert name in check(refused, 429, "rate_limit_exceeded", kind="requests")
    if name == "requests_per_minute":
        wait = int(refused.headers["retry-after-ms"])
        assert f"Try again in {format_wait(wait)}." in refused.json()["error"]["message"]
        assert wait <= 61_000
        assert "x-should-retry" not in refused.headers
    else:
        assert refused.headers["x-should-retry"] == "false"
    assert len(up.calls("POST /v1/chat/completions")) == 2
    assert len(await gateway.records()) == 2
    await nothing_is_held(gateway)


@pytest.mark.parametrize("name", ["requests_per_day", "requests_per_month", "requests_total"])
async def test_a_budget_of_requests(gateway, name):
    await limit(gateway, **{name: 1})
    assert (await gateway.chat()).status_code == 200
    refused = await gateway.chat()
    assert name in check(refused, 429, "insufficient_quota", kind="insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"
    assert ("x-ratelimit-reset-requests" in refused.headers) == (name != "requests_total")


async def test_the_status_of_a_budget_may_be_403(start):
    async with start(quota_status=403) as gateway:
        await limit(gateway, requests_total=0)
        check(await gateway.chat(), 403, "insufficient_quota", kind="insufficient_quota")
        await limit(gateway, requests_total=None, requests_per_minute=0)
        refused = await gateway.chat()
        check(refused, 429, "rate_limit_exceeded", kind="requests")
        assert refused.headers["x-should-retry"] == "false"
        assert "retry-after" not in refused.headers


async def test_a_limit_counts_what_was_used_before_it_was_set(gateway):
    for _ in range(3):
        await gateway.chat()
    await gateway.records()
    await limit(gateway, requests_per_day=4, tokens_per_month=1000, requests_per_minute=100, requests_total=100)
    shown = await usage(gateway)
    assert {name: reading["used"] for name, reading in shown.items()} == {
        "requests_per_day": 3,
        "tokens_per_month": 21,
        "requests_per_minute": 3,
        "requests_total": 3,
    }
    assert (await gateway.chat()).status_code == 200
    assert (await gateway.chat()).status_code == 429


async def test_counters_are_as_they_were_after_a_restart(start):
    async with start() as gateway:
        await limit(gateway, requests_total=3, tokens_per_day=10_000)
        await gateway.chat()
        await gateway.chat()
        before = await usage(gateway)
    async with start(users=()) as gateway:
        answer = await gateway.client.get("/admin/users/alice/limits", headers=BEARER)
        after = answer.json()["usage"]
        assert after["requests_total"]["used"] == before["requests_total"]["used"] == 2
        assert after["tokens_per_day"]["used"] == before["tokens_per_day"]["used"] == 14


async def test_a_budget_of_tokens_lowers_the_cap(gateway, up):
    await limit(gateway, tokens_per_day=1000)
    assert (await gateway.chat()).status_code == 200
    sent = up.requests[-1].json["max_tokens"]
    assert 800 < sent < 1000
    shown = (await usage(gateway))["tokens_per_day"]
    assert (shown["limit"], shown["used"], shown["reserved"], shown["remaining"]) == (1000, 7, 0, 993)
    assert shown["resets_at"].endswith("Z")
    await gateway.chat(max_tokens=5)
    assert up.requests[-1].json["max_tokens"] == 5


async def test_a_request_that_could_never_fit_says_both_numbers(gateway, up):
    await limit(gateway, tokens_total=50)
    refused = await gateway.chat()
    message = check(refused, 400, "limit_too_small")
    assert "50" in message
    told = refused.json()["error"]["limit"]
    assert f"may need {told['needed']}, " in message
    assert told == told | {"name": "tokens_total", "reason": "never", "limit": 50, "remaining": 50}
    assert not up.calls("POST /v1/chat/completions")


async def test_a_pace_of_tokens_refuses_and_never_clips(gateway, up):
    await limit(gateway, tokens_per_minute=300)
    check(await gateway.chat(max_tokens=500), 400, "limit_too_small")
    answer = await gateway.chat(max_tokens=150)
    assert answer.status_code == 200
    assert up.requests[-1].json["max_tokens"] == 150
    assert answer.headers["x-ratelimit-limit-tokens"] == "300"
    up.always(json_response(chat_answer(usage=(100, 100))))
    assert (await gateway.chat(max_tokens=150)).status_code == 200
    refused = await gateway.chat(max_tokens=150)
    check(refused, 429, "rate_limit_exceeded", kind="tokens")
    assert "retry-after" in refused.headers


async def test_a_cap_per_request(gateway, up):
    await limit(gateway, max_tokens_per_request=7)
    for fields, sent in (({}, 7), ({"max_tokens": 99}, 7), ({"max_tokens": 3}, 3), ({"max_completion_tokens": 50}, 7)):
        assert (await gateway.chat(**fields)).status_code == 200
        assert up.requests[-1].json["max_tokens"] == sent


async def test_cost_is_never_exceeded(gateway, up):
    price = {"model": "tiny:latest", "input_usd_per_mtok": "1", "output_usd_per_mtok": "10"}
    assert (await gateway.client.put("/admin/prices", json=price, headers=BEARER)).status_code == 200
    await limit(gateway, cost_usd_total="0.002")
    assert (await gateway.chat()).status_code == 200
    assert 100 < up.requests[-1].json["max_tokens"] < 200  # what 0.002 dollars buy, less the input
    up.always(json_response(chat_answer(usage=(5, 185))))
    assert (await gateway.chat()).status_code == 200
    refused = await gateway.chat()
    assert "cost_usd_total" in check(refused, 429, "insufficient_quota", kind="insufficient_quota")
    told = json.loads(refused.content, parse_float=str, parse_int=str)["error"]["limit"]
    assert told["needed"] in refused.json()["error"]["message"]
    needed, left = told.pop("needed"), told.pop("remaining")
    assert told == {"name": "cost_usd_total", "owner": "user", "model": None, "reason": "exhausted", "limit": "0.002"}
    assert float(needed) > float(left) > 0
    shown = (await usage(gateway))["cost_usd_total"]
    assert float(shown["used"]) <= 0.002
    spent = (await gateway.client.get("/v1/usage/summary")).json()["total"]["cost_usd"]
    assert float(spent) == float(shown["used"])


async def test_concurrency(gateway, up):
    asked = asyncio.Semaphore(0)
    go = asyncio.Event()

    async def script(conn, request):
        asked.release()
        await go.wait()
        await conn.send(json_response(chat_answer()))

    up.always(script)
    await limit(gateway, max_concurrent_requests=2)
    running = [asyncio.create_task(gateway.chat()) for _ in range(2)]
    for _ in running:
        await asked.acquire()
    refused = await gateway.chat()
    assert "max_concurrent_requests" in check(refused, 429, "rate_limit_exceeded", kind="requests")
    assert refused.headers["retry-after"] == "1"
    go.set()
    assert [answer.status_code for answer in await asyncio.gather(*running)] == [200, 200]
    assert (await gateway.chat()).status_code == 200
    await nothing_is_held(gateway)


async def test_a_budget_held_by_running_requests_is_a_matter_of_pace(gateway, up):
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(conn, request):
        asked.set()
        await go.wait()
        await conn.send(json_response(chat_answer(usage=(5, 2))))

    up.answer(script)
    await limit(gateway, tokens_per_day=1000)
    first = asyncio.create_task(gateway.chat())
    await asked.wait()
    refused = await gateway.chat()
    check(refused, 429, "rate_limit_exceeded", kind="tokens")
    assert refused.headers["retry-after"] == "1"
    go.set()
    assert (await first).status_code == 200
    assert (await gateway.chat()).status_code == 200


async def test_by_model_and_by_key(gateway):
    await limit(gateway, models={"tiny": {"requests_total": 1}})
    assert (await gateway.chat()).status_code == 200
    assert "tiny:latest" in check(await gateway.chat(), 429, "insufficient_quota", kind="insufficient_quota")
    assert (await gateway.chat(model="eye")).status_code == 200
    made = (
        await gateway.client.post("/admin/users/alice/keys", json={"limits": {"requests_total": 1}}, headers=BEARER)
    ).json()
    own = {"authorization": f"Bearer {made['api_key']}"}
    answers = [await gateway.client.post("/v1/chat/completions", json=ask(model="eye"), headers=own) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert "of this key" in answers[1].json()["error"]["message"]
    assert (await gateway.chat(model="eye")).status_code == 200


async def test_what_is_left_of_one_models_limits_is_told(gateway):
    await limit(gateway, requests_total=9, models={"tiny": {"requests_total": 5}, "eye:latest": {"tokens_total": 100}})
    assert (await gateway.chat()).status_code == 200
    await gateway.records()
    told = await usage(gateway)
    assert told["requests_total"] == {"limit": 9, "used": 1, "reserved": 0, "remaining": 8, "resets_at": None}
    assert told["models"] == {
        "tiny": {"requests_total": {"limit": 5, "used": 1, "reserved": 0, "remaining": 4, "resets_at": None}},
        "eye:latest": {"tokens_total": {"limit": 100, "used": 0, "reserved": 0, "remaining": 100, "resets_at": None}},
    }
    shown = (await gateway.client.get("/admin/users/alice/limits", headers=BEARER)).json()
    assert shown["usage"] == told


async def test_allowed_models(gateway):
    await limit(gateway, allowed_models=["tiny"])
    assert (await gateway.chat()).status_code == 200
    check(await gateway.chat(model="eye"), 403, "model_not_allowed", "model", kind="permission_error")
    assert [model["id"] for model in (await gateway.client.get("/v1/models")).json()["data"]] == ["tiny:latest"]
    check(await gateway.client.get("/v1/models/eye"), 403, "model_not_allowed", "model", kind="permission_error")
    await limit(gateway, allowed_models=[])
    check(await gateway.chat(), 403, "model_not_allowed", "model", kind="permission_error")


async def test_what_never_went_out_gives_all_back(start, up):
    async with start() as gateway:
        await limit(gateway, requests_total=1, tokens_total=50_000)
        await gateway.chat(model="nope")
        answer = await gateway.client.post(
            "/v1/chat/completions",
            json=ask(model="eye", messages=[{"content": [{"image_url": {"url": "data:image/png;base64,AAAA"}}]}]),
        )
        check(answer, 400, "invalid_image", "messages[0].content[0].image_url")
        await up.stop_listening()
        for conn in up.connections:
            conn.close()
        for conn in up.connections:
            await conn.wait_closed()
        assert (await gateway.chat()).status_code == 503
        shown = await usage(gateway)
        assert {(reading["used"], reading["reserved"]) for reading in shown.values()} == {(0, 0)}


async def test_a_refund_gives_room_again(gateway, up):
    price = {"model": "tiny:latest", "input_usd_per_mtok": "1000", "output_usd_per_mtok": "0"}
    await gateway.client.put("/admin/prices", json=price, headers=BEARER)
    up.always(json_response(chat_answer(usage=(150, 2))))
    await limit(gateway, cost_usd_total="0.3")
    assert [(await gateway.chat()).status_code for _ in range(3)] == [200, 200, 429]
    refund = {"user_id": "alice", "cost_usd": "-0.15", "reason": "a bad answer"}
    made = await gateway.client.post("/admin/adjustments", json=refund, headers=BEARER)
    assert made.status_code == 201, made.text
    assert (await gateway.chat()).status_code == 200
    total = (await gateway.client.get("/v1/usage/summary")).json()["total"]
    assert (total["cost_usd"], total["requests"]) == ("0.3", 3)


async def test_a_limit_counts_what_runs_when_it_is_set(gateway, up):
    asked, go = asyncio.Semaphore(0), asyncio.Event()

    async def script(conn, request):
        asked.release()
        await go.wait()
        await conn.send(json_response(chat_answer(usage=(5, 2))))

    up.always(script)
    await limit(gateway, tokens_per_minute=1_000_000)
    running = [asyncio.create_task(gateway.chat(max_tokens=50)) for _ in range(3)]
    for _ in running:
        await asked.acquire()
    await limit(gateway, requests_total=3, tokens_total=10_000)
    shown = await usage(gateway)
    assert shown["requests_total"]["used"] == 3
    assert shown["tokens_total"]["reserved"] > 3 * 50
    assert (await gateway.chat()).status_code == 429
    go.set()
    await asyncio.gather(*running)
    shown = await usage(gateway)
    assert (shown["requests_total"]["used"], shown["tokens_total"]["used"]) == (3, 21)
    await nothing_is_held(gateway)


async def test_a_past_that_could_not_be_read_is_read_the_next_time(gateway, monkeypatch):
    for _ in range(3):
        await gateway.chat()
    await gateway.records()

    async def broken(self, now, **which):
        raise OSError("no disk")

    with monkeypatch.context() as patch:
        patch.setattr(type(gateway.store.reports), "history", broken)
        answer = await gateway.client.put("/admin/users/alice/limits", json={"requests_total": 3}, headers=BEARER)
        assert answer.status_code == 500
    assert (await gateway.chat()).status_code == 200, "it is not in force"
    await limit(gateway, requests_total=4)
    assert (await usage(gateway))["requests_total"]["used"] == 4
    assert (await gateway.chat()).status_code == 429


@pytest.mark.parametrize("how", ["failing", "slow"])
async def test_a_limit_is_refused_while_the_ledger_cannot_tell_the_past(gateway, monkeypatch, how):
    await gateway.chat()
    with monkeypatch.context() as patch:
        if how == "failing":
            patch.setattr(type(gateway.store.ledger), "failing", property(lambda _: "no disk"))
        else:
            patch.setattr("tollkeeper.services.limits.backfill.COMMIT_PATIENCE", 0.05)
            patch.setattr(type(gateway.store.ledger), "mark", lambda _: asyncio.get_running_loop().create_future())
        answer = await gateway.client.put("/admin/users/alice/limits", json={"requests_total": 1}, headers=BEARER)
        check(answer, 503, "ledger_unavailable", kind="server_error")
    assert await usage(gateway) == {}
    await limit(gateway, requests_total=1)
    assert (await gateway.chat()).status_code == 429


async def test_limits_are_those_of_the_moment_a_request_is_whole(gateway, up):
    text = json.dumps(ask()).encode()
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head("/v1/chat/completions", f"Content-Length: {len(text)}") + text[:10])
        await asyncio.sleep(0.05)
        await limit(gateway, requests_total=0)
        writer.write(text[10:])
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 429 ")
    assert not up.calls("POST /v1/chat/completions")


async def test_two_spellings_of_a_model_are_one(gateway):
    await limit(gateway, models={"tiny": {"requests_total": 1}, "tiny:latest": {"tokens_total": 100_000}})
    assert [(await gateway.chat()).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("kind", ["openai", "openrouter"])
async def test_a_providers_model_goes_out_only_with_a_price(tmp_path, up, kind):
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "tiny"}]}))
    async with running(tmp_path, up.url, upstreams=[UpstreamConfig("paid", KINDS[kind], up.url, open=True)]) as gateway:
        await limit(gateway, requests_total=1, tokens_total=1000)
        assert (await gateway.client.get("/v1/models/tiny")).json()["pricing"] is None
        refused = await gateway.chat()
        check(refused, 403, "model_not_priced", "model", kind="permission_error")
        assert "retry-after" not in refused.headers
        assert not up.calls("POST /v1/chat/completions")
        assert await gateway.records() == []
        assert {(reading["used"], reading["reserved"]) for reading in (await usage(gateway)).values()} == {(0, 0)}
        price = {"model": "tiny", "input_usd_per_mtok": "1", "output_usd_per_mtok": "10"}
        assert (await gateway.client.put("/admin/prices", json=price, headers=BEARER)).status_code == 200
        answer = await gateway.chat()
        assert (answer.status_code, answer.headers["x-cost-usd"]) == (200, "0.000025")


@pytest.mark.parametrize("kind", ["ollama", "openai-compatible"])
async def test_a_model_of_ones_own_needs_no_price(tmp_path, up, kind):
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "tiny"}]}))
    async with running(tmp_path, up.url, upstreams=[UpstreamConfig("own", KINDS[kind], up.url, open=True)]) as gateway:
        answer = await gateway.chat()
        assert (answer.status_code, answer.headers["x-cost-usd"]) == (200, "0")


@pytest.mark.parametrize("kind", ["ollama", "openai", "openrouter", "openai-compatible"])
@pytest.mark.parametrize("paid", [False, True])
async def test_an_upstream_that_says_whether_it_is_paid_says_whether_a_price_is_needed(tmp_path, up, kind, paid):
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "tiny"}]}))
    said = UpstreamConfig("said", KINDS[kind], up.url, paid=paid, open=True)
    async with running(tmp_path, up.url, upstreams=[said]) as gateway:
        answer = await gateway.chat()
        if paid:
            check(answer, 403, "model_not_priced", "model", kind="permission_error")
        else:
            assert (answer.status_code, answer.headers["x-cost-usd"]) == (200, "0")


async def test_models_that_a_provider_is_known_to_charge_for_have_their_price_from_the_start(tmp_path, up):
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": "gpt-4o-mini"}]}))
    async with running(tmp_path, up.url, upstreams=[UpstreamConfig("paid", OPENAI, up.url, open=True)]) as gateway:
        answer = await gateway.chat(model="gpt-4o-mini")
        assert answer.status_code == 200
        assert float(answer.headers["x-cost-usd"]) > 0
