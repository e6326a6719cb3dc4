"""The Responses dialect through the whole gateway, as upstreams speak it themselves."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from tests.gateway.test_bad_input import check
from tests.gateway.test_limits import BEARER, limit, nothing_is_held
from tests.responses_shapes import data_of, message, response_object, responses_stream, responses_usage, typed
from tests.scripted import json_response, streamed
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked, ollama_error
from tests.wire.responses.test_unbounded import AGENT
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENAI_COMPATIBLE
from tollkeeper.rules.usage import Usage
from tollkeeper.services.upstreams.config import UpstreamConfig

MODEL = "gpt-test"
PRICE = {"model": MODEL, "input_usd_per_mtok": "2", "output_usd_per_mtok": "8", "cached_input_usd_per_mtok": "0.5"}
LISTED = json_response({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 1, "owned_by": "x"}]})


@asynccontextmanager
async def before(start, up, kind=OPENAI, speaks=(), **settings):
    """A gateway before one upstream that speaks Responses, whose model has a price."""
    up.route("GET /v1/models", LISTED)
    config = UpstreamConfig("one", kind, up.url, open=True, speaks=speaks)
    async with start(upstreams=[config], **settings) as gateway:
        await gateway.context.catalog.refresh()
        assert (await gateway.client.put("/admin/prices", json=PRICE, headers=BEARER)).status_code == 200
        yield gateway


@pytest.fixture
async def one(start, up):
    async with before(start, up) as gateway:
        yield gateway


def respond(gateway, path="/v1/responses", **fields):
    return gateway.client.post(path, json={"model": MODEL, "input": "hi"} | fields)


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
async def test_a_whole_response_is_metered(one, up, path):
    usage = responses_usage(1200, 340, cached=1024, reasoning=300)
    up.answer(json_response(response_object(MODEL, usage=usage)))
    answer = await respond(one, path, user="ann", max_output_tokens=9)
    record = await one.record()
    assert answer.status_code == 200
    assert answer.json() == response_object(MODEL, usage=usage) | {"id": record.request_id.replace("req_", "resp_")}
    assert (record.endpoint, record.status, record.finish_reason) == ("/v1/responses", "completed", "completed")
    assert record.usage == Usage(1200, 1024, 0, 340, 300)
    assert record.cost_pico == (1200 - 1024) * 2_000_000 + 1024 * 500_000 + 340 * 8_000_000
    sent = up.requests[-1]
    assert sent.target == "/v1/responses"
    assert sent.json["user"] != "ann"
    assert (sent.json["store"], sent.json["max_output_tokens"]) == (False, 9)
    assert answer.headers["x-cost-usd"]


@pytest.mark.parametrize("end", ["completed", "incomplete"])
async def test_a_stream_is_metered_and_its_last_event_waits_for_the_record(one, up, end):
    events = responses_stream(model=MODEL, end=end, incomplete_details={"reason": "max_output_tokens"})
    up.answer(streamed(*events))
    async with one.client.stream("POST", "/v1/responses", json={"model": MODEL, "input": "hi", "stream": True}) as got:
        text = b""
        async for piece in got.aiter_bytes():
            text += piece
            if b"event: response." + end.encode() in text:
                assert not one.context.requests.active, "the end came before the record"
    record = await one.record()
    ours = record.request_id.replace("req_", "resp_").encode()
    assert text == b"".join(events).replace(b"resp_up", ours)
    data_of(text)
    assert (record.status, record.stream, record.usage) == ("completed", True, Usage(7, 0, 0, 3, 0))
    assert record.finish_reason == ("completed" if end == "completed" else "max_output_tokens")


async def test_each_event_leaves_when_it_arrives(one, up):
    events = responses_stream(model=MODEL)
    gates = [asyncio.Event() for _ in events]

    async def script(conn, request):
        await conn.send(STREAM_HEAD)
        for event, gate in zip(events, gates, strict=True):
            await conn.send_chunk(event)
            await gate.wait()
        await conn.end_chunks()

    up.answer(script)
    async with one.client.stream("POST", "/v1/responses", json={"model": MODEL, "stream": True}) as got:
        arriving = got.aiter_bytes()
        for event, gate in zip(events, gates, strict=True):
            assert (await anext(arriving))[:40] == event[:40]
            gate.set()


async def test_a_second_spelling_of_the_model_is_replaced_everywhere(start, up):
    up.route("GET /v1/models", json_response({"data": [{"id": "Org/Tiny"}]}))
    config = UpstreamConfig("one", OPENAI_COMPATIBLE, up.url, open=True, speaks=("/v1/responses",))
    async with start(upstreams=[config]) as gateway:
        for events in (responses_stream(model="Org/Tiny"), responses_stream(model="Org/Tiny")[:3]):
            up.answer(streamed(*events))
            answer = await respond(gateway, model="org/tiny", stream=True)
            told = [event["response"]["model"] for event in data_of(answer.content) if "response" in event]
            assert told == ["org/tiny"] * 3
            assert up.requests[-1].json["model"] == "Org/Tiny"


# Faults


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ((), "broke off"),
        ((typed("error", 6, code="server_error", message="/srv/a.gguf", param=None),), "failed"),
        ((responses_stream(end="failed", error={"code": "server_error", "message": "/srv/a.gguf"})[-1],), "failed"),
        ((b"data: {\n\n",), "not JSON"),
    ],
)
async def test_a_stream_that_fails_ends_with_the_response_failed(one, up, last, words):
    up.answer(streamed(*responses_stream(model=MODEL)[:6], *last))
    answer = await respond(one, stream=True)
    *_, failed = data_of(answer.content)
    record = await one.record()
    assert failed["type"] == "response.failed"
    assert (failed["response"]["status"], failed["response"]["model"]) == ("failed", MODEL)
    assert failed["response"]["id"] == record.request_id.replace("req_", "resp_")
    assert words in failed["response"]["error"]["message"]
    assert "gguf" not in answer.text
    assert (record.status, record.usage.completion_tokens) in (("failed", 2), ("failed", 3))


async def test_a_stream_that_fails_after_comments_only_ends_with_an_error(start, up):
    gate = asyncio.Event()

    async def script(conn, request):
        await conn.send(STREAM_HEAD + chunked(b": wait\n\n", end=False))
        await gate.wait()
        conn.reset()

    up.answer(script)
    async with before(start, up) as gateway:
        async with gateway.client.stream("POST", "/v1/responses", json={"model": MODEL, "stream": True}) as got:
            arriving = got.aiter_bytes()
            assert await anext(arriving) == b": wait\n\n"
            gate.set()
            rest = b"".join([piece async for piece in arriving])
        *_, last = data_of(rest)
        assert last["type"] == "response.failed"
        assert last["response"]["error"]["code"] == "upstream_unavailable"


async def test_a_failed_response_is_a_failure(one, up):
    failed = response_object(
        MODEL, status="failed", error={"code": "server_error", "message": "/srv/a.gguf"}, output=[]
    )
    up.answer(json_response(failed))
    answer = await respond(one)
    assert "gguf" not in check(answer, 502, "upstream_error", kind="server_error")
    assert (await one.record()).status == "failed"


async def test_the_upstreams_own_refusal_is_told(one, up):
    up.answer(ollama_error(400, "Unknown parameter: 'x'."))
    assert check(await respond(one, x=1), 400, None) == "Unknown parameter: 'x'."


@pytest.mark.parametrize(
    "fields", [{"store": True}, {"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"background": True}]
)
async def test_stored_state_is_refused_before_anything_is_asked(one, up, fields):
    answer = await respond(one, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == next(iter(fields))
    assert not up.calls("POST /v1/responses")


async def test_a_client_that_leaves_cancels_the_upstream_and_pays_for_what_came(one, up):
    async def script(conn, request):
        await conn.send(STREAM_HEAD)
        for event in responses_stream(model=MODEL)[:6]:
            await conn.send_chunk(event)
        await conn.disconnected.wait()

    up.answer(script)
    async with one.client.stream("POST", "/v1/responses", json={"model": MODEL, "stream": True}) as got:
        text = b""
        async for piece in got.aiter_bytes():
            text += piece
            if b'"delta":","' in text:
                break
    await until(lambda: not one.context.requests.active)
    record = await one.record()
    assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("cancelled", 2, True)


# Limits


async def test_a_limit_clips_the_output(one, up):
    await limit(one, max_tokens_per_request=5)
    for asked, sent in (({}, 5), ({"max_output_tokens": 9}, 5), ({"max_output_tokens": 3}, 3)):
        up.answer(json_response(response_object(MODEL)))
        assert (await respond(one, **asked)).status_code == 200
        assert up.requests[-1].json["max_output_tokens"] == sent


async def test_a_pace_is_told_and_refused_as_everywhere(one, up):
    await limit(one, requests_per_minute=1)
    up.answer(json_response(response_object(MODEL)))
    assert (await respond(one)).headers["x-ratelimit-remaining-requests"] == "0"
    check(await respond(one), 429, "rate_limit_exceeded", kind="requests")
    await nothing_is_held(one)


@pytest.mark.parametrize("limits", [{"cost_usd_per_month": 10}, {"tokens_per_day": 1_000_000}])
async def test_with_a_budget_all_that_an_agent_sends_goes_out(one, up, limits):
    await limit(one, **limits)
    up.answer(streamed(*responses_stream(model=MODEL)))
    asked = {name: value for name, value in AGENT.items() if name != "input"}
    items = [item for item in AGENT["input"] if "image" not in json.dumps(item)]
    answer = await respond(one, **asked, input=items)
    assert answer.status_code == 200, answer.text
    sent = up.requests[-1].json
    assert (sent["tools"], sent["input"], sent["client_metadata"]) == (
        asked["tools"][:-1], items, asked["client_metadata"],
    )  # fmt: skip


async def test_a_search_that_agents_offer_in_every_request_is_not_charged_to_the_account(one, up):
    """No figure of a response says how often the model has searched."""
    up.answer(json_response(response_object(MODEL)))
    assert (await respond(one, tools=AGENT["tools"])).status_code == 200
    own = [tool for tool in AGENT["tools"] if tool["type"] != "web_search"]
    assert up.requests[-1].json["tools"] == own != AGENT["tools"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "tool_search"}]}, "tools[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://a"}]}]},
         "input[0].content[0].file_url"),
        ({"max_tokens": 100_000}, "max_tokens"),
    ],
)  # fmt: skip
async def test_a_budget_refuses_what_it_cannot_bound(one, up, fields, param):
    await limit(one, tokens_total=100_000)
    answer = await respond(one, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert not up.calls("POST /v1/responses")
    await limit(one, tokens_total=None)
    up.answer(json_response(response_object(MODEL)))
    assert (await respond(one, **fields)).status_code == 200


async def test_a_tool_that_is_charged_beside_tokens_needs_a_price_that_names_it(one, up):
    search = {"tools": [{"type": "web_search_preview"}]}
    refused = await respond(one, **search)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tools[0].type")
    assert "the tier 'web_search'" in refused.json()["error"]["message"]
    assert not up.calls("POST /v1/responses")
    put = await one.client.put("/admin/prices", json=PRICE | {"tier": "web_search"}, headers=BEARER)
    assert put.status_code == 200
    up.answer(json_response(response_object(MODEL)))
    assert (await respond(one, **search)).status_code == 200


async def test_an_image_is_fetched_and_checked(one):
    broken = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    answer = await respond(one, input=[{"role": "user", "content": [broken]}])
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input[0].content[0].image_url"


# Which upstreams


async def test_an_ollama_speaks_it_from_a_version_on(start, up):
    async with start(upstreams=[UpstreamConfig("one", OLLAMA, up.url)]) as gateway:
        await gateway.context.catalog.refresh()
        (deployment,) = (await gateway.context.resolver.model("tiny")).deployments
        deployment.upstream.version = (0, 13, 3)
        up.answer(json_response(response_object()))
        answer = await respond(gateway, model="tiny", tools=AGENT["tools"])
        assert answer.status_code == 200, answer.text
        assert up.requests[-1].target == "/v1/responses"
        answer = await respond(gateway, model="tiny", tools=[{"type": "web_search"}])
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tools[0].type")


async def test_half_a_million_bytes_of_one_response_pass(one, up):
    text = "word " * 100_000
    up.answer(json_response(response_object(MODEL, output=[message(text)])))
    assert (await respond(one)).json()["output"] == [message(text)]
    up.answer(streamed(*responses_stream([text], model=MODEL)))
    assert data_of((await respond(one, stream=True)).content)[-1]["response"]["output"][0]["content"][0]["text"] == text
    assert len(await one.records()) == 2
