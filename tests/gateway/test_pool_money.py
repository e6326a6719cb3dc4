"""Money with several upstreams: prices, budgets, and who may use what costs money."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.gateway.conftest import ADMIN, TEST
from tests.gateway.test_limits import held, limit, nothing_is_held
from tests.scripted import Gate, ScriptedUpstream, chat_answer, json_response
from tests.services.upstreams.http.helpers import until
from tests.shapes import head
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENROUTER
from tollkeeper.services.requests.dispatched import TURNED_AWAY
from tollkeeper.services.upstreams.config import UpstreamConfig

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
CHAT = "POST /v1/chat/completions"
NAME = "openai/gpt-5.2"


@pytest.fixture
async def second():
    async with ScriptedUpstream({}) as upstream:
        upstream.route("GET /v1/models", lists("m"))
        yield upstream


def lists(*names):
    return json_response({"data": [{"id": name} for name in names]})


async def price(gateway, model, input_usd, output_usd, **fields):
    body = {"model": model, "input_usd_per_mtok": input_usd, "output_usd_per_mtok": output_usd} | fields
    answer = await gateway.client.put("/admin/prices", json=body, headers=AS_ADMIN)
    assert answer.status_code == 200, answer.text


async def listed(gateway):
    return [model["id"] for model in (await gateway.client.get("/v1/models")).json()["data"]]


def error_of(answer):
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("param")


@pytest.fixture
async def openrouter(start, up):
    up.route("GET /v1/models", lists(NAME))
    reported = chat_answer(usage=(5, 2))
    reported["usage"]["cost"] = 0.0000001
    up.always(json_response(reported))
    async with start(upstreams=[UpstreamConfig("router", OPENROUTER, up.url, open=True)]) as gateway:
        yield gateway


class TestOpenRouter:
    async def test_it_is_given_the_price_as_the_highest_and_its_report_is_the_cost(self, openrouter, up):
        await price(openrouter, NAME, "1.75", "0.000001")
        answer = await openrouter.chat(model=NAME)
        assert (answer.status_code, answer.headers["x-cost-usd"]) == (200, "0.0000001")
        assert up.requests[-1].json["provider"] == {"max_price": {"prompt": "1.75", "completion": "0.000001"}}
        assert (await openrouter.record()).cost_pico == 100_000

    async def test_a_model_costs_what_its_list_says_and_follows_it(self, openrouter, up):
        for prompt, bound in (("0.00000175", "1.75"), ("0.000002", "2")):
            pricing = {"prompt": prompt, "completion": "0.000014", "image": "0"}
            up.route("GET /v1/models", json_response({"data": [{"id": "lab/new", "pricing": pricing}]}))
            await openrouter.context.catalog.refresh()
            assert (await openrouter.chat(model="lab/new")).status_code == 200
            assert up.requests[-1].json["provider"] == {"max_price": {"prompt": bound, "completion": "14"}}
        (shown,) = (await openrouter.client.get("/v1/models")).json()["data"]
        assert (shown["pricing"]["input_usd_per_mtok"], shown["pricing"]["seeded"]) == ("2", True)

    async def test_a_field_with_a_price_of_its_own_keeps_what_else_it_says(self, openrouter, up):
        wanted = {"order": ["x"], "max_price": {"prompt": 99}}
        assert error_of(await openrouter.chat(model=NAME, provider=wanted)) == (400, None, "provider")
        await price(openrouter, NAME, "2", "3", tier="provider")
        assert (await openrouter.chat(model=NAME, provider=wanted)).status_code == 200
        bound = {"prompt": "2", "completion": "3"}
        assert up.requests[-1].json["provider"] == {"order": ["x"], "max_price": bound}

    @pytest.mark.parametrize("suffix", [":online", ":nitro", ":floor", ":exacto"])
    async def test_a_suffix_that_changes_the_price_needs_a_price_of_the_whole_name(self, openrouter, up, suffix):
        await price(openrouter, NAME, "1", "2")
        await price(openrouter, "openai/*", "1", "2")
        assert error_of(await openrouter.chat(model=NAME.upper() + suffix)) == (400, None, "model")
        assert not up.calls(CHAT)
        await price(openrouter, NAME + suffix, "3", "4")
        assert await listed(openrouter) == [NAME, NAME + suffix]
        assert (await openrouter.chat(model=NAME + suffix)).status_code == 200
        sent = up.requests[-1].json
        assert (sent["model"], sent["provider"]["max_price"]["prompt"]) == (NAME + suffix, "3")
        assert (await openrouter.record()).model == NAME + suffix

    async def test_a_price_at_another_upstream_is_none(self, openrouter, up):
        await price(openrouter, "*", "1", "2")
        await price(openrouter, NAME + ":nitro", "3", "4", upstream="another")
        assert error_of(await openrouter.chat(model=NAME + ":nitro")) == (400, None, "model")
        assert not up.calls(CHAT)

    async def test_a_variant_with_an_entry_of_its_own_is_a_model_like_others(self, openrouter, up):
        up.route("GET /v1/models", lists(NAME, NAME + ":free"))
        await openrouter.context.catalog.refresh()
        await price(openrouter, "openai/*", "0", "0")
        assert (await openrouter.chat(model=NAME + ":free")).status_code == 200
        assert up.requests[-1].json["provider"] == {"max_price": {"prompt": "0", "completion": "0"}}
        assert error_of(await openrouter.chat(model="nothing:nitro")) == (404, "model_not_found", "model")


def two(up, second, **of_first):
    """Two paid upstreams that have `m`, of which the first is tried first."""
    up.route("GET /v1/models", lists("m"))
    for upstream, text in ((up, "first"), (second, "second")):
        upstream.always(json_response(chat_answer(text, usage=(1000, 1))))
    return [
        UpstreamConfig("first", OPENAI, up.url, open=True, **of_first),
        UpstreamConfig("second", OPENAI, second.url, open=True, priority=1),
    ]


async def served_by(gateway):
    answer = await gateway.chat(model="m")
    assert answer.status_code == 200, answer.text
    return answer.json()["choices"][0]["message"]["content"]


class TestBudgets:
    """A request costs 1001 × 1 micro-dollar."""

    @pytest.mark.parametrize("span", ["budget_per_day", "budget_per_month"])
    async def test_an_upstream_over_its_budget_gets_no_requests_also_after_a_restart(self, start, up, second, span):
        upstreams = two(up, second, **{span: 1002 * 10**6})
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "m", "1", "1")
            assert [await served_by(gateway) for _ in range(3)] == ["first", "first", "second"]
        async with start(upstreams=upstreams, users=["carl"]) as gateway:
            gateway.client.headers["authorization"] = f"Bearer {gateway.secrets['carl']}"
            assert await served_by(gateway) == "second"

    async def test_one_that_is_set_on_a_running_gateway_counts_what_was_spent_before(self, start, up, second):
        upstreams = two(up, second)
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "m", "1", "1")
            assert await served_by(gateway) == "first"
            gateway.context.registry.replace(replace(upstreams[0], budget_per_day=1002 * 10**6))
            await gateway.context.catalog.refresh()
            assert [await served_by(gateway) for _ in range(2)] == ["first", "second"]
            gateway.context.registry.replace(replace(upstreams[0], budget_per_day=2002 * 10**6))
            await gateway.context.catalog.refresh()
            assert await served_by(gateway) == "second"

    async def test_those_in_line_get_nothing_of_one_whose_budget_the_request_before_them_has_spent(
        self, start, up, second
    ):
        upstreams = two(up, second, slots=1, budget_per_day=1)
        gate = Gate([json_response(chat_answer("first", usage=(1000, 1)))])
        up.always(gate)
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "m", "1", "1")
            first = asyncio.create_task(served_by(gateway))
            await until(lambda: bool(up.calls(CHAT)))
            gateway.context.registry.replace(replace(upstreams[1], state="disabled"))
            await gateway.context.catalog.refresh()
            waiting = [asyncio.create_task(gateway.chat(model="m")) for _ in range(2)]
            await until(lambda: len(gateway.context.selection.line) == 2)
            gate.open(3)
            assert await first == "first"
            assert [(await each).status_code for each in waiting] == [503, 503]
            assert len(up.calls(CHAT)) == len(await gateway.records()) == 1
            await nothing_is_held(gateway)

    async def test_where_every_upstream_is_over_it_the_request_is_refused(self, start, up):
        up.route("GET /v1/models", lists("m"))
        async with start(upstreams=[UpstreamConfig("only", OPENAI, up.url, open=True, budget_per_day=0)]) as gateway:
            await price(gateway, "m", "1", "1")
            assert error_of(await gateway.chat(model="m"))[:2] == (503, "upstream_unavailable")
            assert await gateway.records() == []
            await nothing_is_held(gateway)


class TestFailover:
    """The first of two with different prices fails, and the second serves."""

    async def test_the_hold_is_bounded_by_the_dearest_and_the_cost_is_that_of_who_served(self, start, up, second):
        upstreams = two(up, second)
        gate = Gate([json_response(chat_answer("second", usage=(10, 1)))])
        up.always(json_response({"error": {"message": "broken"}}, 500))
        second.always(gate)
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "m", "10", "20", upstream="First")
            await price(gateway, "m", "1", "2", upstream="second")
            await limit(gateway, cost_usd_total="1", models={"m": {"tokens_total": 10_000}})
            asking = asyncio.create_task(gateway.chat(model="m", max_tokens=100))
            await until(lambda: bool(second.calls(CHAT)))
            bound_tokens, bound_cost = next(iter(gateway.context.requests.active)).grant.bound
            assert bound_cost == (bound_tokens - 100) * 10 * 10**6 + 100 * 20 * 10**6
            gate.open()
            answer = await asking
            assert (answer.status_code, answer.headers["x-cost-usd"]) == (200, "0.000012")
            record = await gateway.record()
            assert (record.upstream, record.attempts, record.cost_pico) == ("second", 2, 12 * 10**6)
            assert gateway.context.prices.version(record.price_id).upstream == "second"
            [[spent]] = await gateway.context.admission.counters.status(
                [(("user", "alice"), {"cost_usd_total": 1})], gateway.context.now()
            )
            assert (spent.used, spent.reserved) == (12 * 10**6, 0)
            await nothing_is_held(gateway)

    async def test_a_client_that_leaves_while_it_waits_for_the_second_is_not_charged(self, start, up, second):
        upstreams = two(up, second)
        upstreams[1] = replace(upstreams[1], slots=1)
        gate = Gate([json_response(chat_answer("second", usage=(10, 1)))])
        up.always(json_response({"error": {"message": "busy"}}, 429))
        second.always(gate)
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "m", "1000", "1000")
            line = gateway.context.selection.line
            first = asyncio.create_task(gateway.chat(model="m"))
            await until(lambda: bool(second.calls(CHAT)))
            gateway.context.registry.replace(replace(upstreams[0], weight=2))  # which ends its rest
            leaving = asyncio.create_task(gateway.chat(model="m"))
            await until(lambda: len(line) == 1)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            await until(lambda: len(line) == 0)
            gate.open()
            assert (await first).status_code == 200
            _, left = sorted(await gateway.records(), key=lambda record: record.status, reverse=True)
            assert (left.status, left.upstream, left.attempts) == ("cancelled", "first", 1)
            assert (left.usage.total_tokens, left.cost_pico) == (0, 0)
            await nothing_is_held(gateway)

    async def test_a_client_that_leaves_while_an_error_arrives_is_not_charged(self, start, up, second):
        async def refuses_slowly(conn, _):
            await conn.send(head(429, "Content-Length: 100"))
            refused.set()
            await conn.hang()

        refused, upstreams = asyncio.Event(), two(up, second)
        up.always(refuses_slowly)
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "m", "1000", "1000")
            leaving = asyncio.create_task(gateway.chat(model="m", stream=True))
            await refused.wait()
            [run] = gateway.context.requests.active
            await until(lambda: run.partial is TURNED_AWAY)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            record = await gateway.record()
            assert (record.status, record.usage.total_tokens, record.cost_pico) == ("cancelled", 0, 0)
            await nothing_is_held(gateway)

    async def test_limits_of_the_model_that_did_not_serve_get_theirs_back(self, start, up, second):
        upstreams = two(up, second)
        up.route("GET /v1/models", lists("dear"))
        up.always(json_response({"error": {"message": "busy"}}, 503))
        second.route("GET /v1/models", lists("cheap"))
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "dear", "10", "10")
            await price(gateway, "cheap", "1", "1")
            await gateway.context.aliases.replace({"fast": ["dear", "cheap"]}, TEST)
            each = {"requests_per_day": 1, "cost_usd_per_day": "1"}
            await limit(gateway, models={"dear": each, "cheap": each})
            assert (await gateway.chat(model="fast")).status_code == 200
            record = await gateway.record()
            assert (record.requested_model, record.model, record.cost_pico) == ("fast", "cheap", 1001 * 10**6)
            assert held(gateway) == 0
            counts = await gateway.context.admission.counters.status(
                [
                    (("user", "alice", model), {"requests_per_day": 1, "cost_usd_per_day": 1})
                    for model in ("dear", "cheap")
                ],
                gateway.context.now(),
            )
            assert [[status.used for status in of_model] for of_model in counts] == [[0, 0], [1, 1001 * 10**6]]
            assert error_of(await gateway.chat(model="cheap"))[:2] == (429, "insufficient_quota")


class TestClosed:
    """A paid upstream that is not open serves those whom an admin trusts with money."""

    @pytest.fixture
    async def closed(self, start, up, second):
        second.route("GET /v1/models", lists("paid", "tiny:latest"))
        upstreams = [UpstreamConfig("paid", OPENAI, second.url), UpstreamConfig("own", OLLAMA, up.url)]
        async with start(upstreams=upstreams) as gateway:
            await price(gateway, "paid", "1", "1")
            await price(gateway, "tiny:latest", "5", "5", upstream="paid")
            yield gateway

    async def test_who_may_not_use_it_does_not_see_its_models(self, closed):
        assert await listed(closed) == ["eye:latest", "tiny:latest"]
        assert error_of(await closed.client.get("/v1/models/paid")) == (403, "model_not_allowed", "model")
        assert (await closed.client.get("/v1/models/tiny")).json()["pricing"] is None

    @pytest.mark.parametrize(
        ("limits", "seen"),
        [
            ({"cost_usd_per_month": "1"}, ["eye:latest", "paid", "tiny:latest"]),
            ({"allowed_models": ["paid"]}, ["paid"]),
            ({"tokens_per_day": 5}, ["eye:latest", "tiny:latest"]),
        ],
    )
    async def test_a_limit_on_cost_or_the_name_shows_them(self, closed, limits, seen):
        await limit(closed, **limits)
        assert await listed(closed) == seen
        if "cost_usd_per_month" in limits:
            shown = (await closed.client.get("/v1/models/tiny")).json()["pricing"]
            assert shown["input_usd_per_mtok"] == "5"


async def test_a_model_of_someone_else_s_machines_is_not_allowed_whatever_its_name(gateway, up):
    remote = {"model": "Borrowed:latest", "remote_host": "https://elsewhere.example"}
    up.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}, remote]}))
    await gateway.context.catalog.refresh()
    for name in ("borrowed", "library/BORROWED:latest"):
        assert error_of(await gateway.chat(model=name)) == (403, "model_not_allowed", "model")
    assert error_of(await gateway.chat(model="other"))[:2] == (404, "model_not_found")
    assert await listed(gateway) == ["tiny:latest"]
    up.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}]}))
    await gateway.context.catalog.refresh()
    assert error_of(await gateway.chat(model="borrowed"))[:2] == (404, "model_not_found")
