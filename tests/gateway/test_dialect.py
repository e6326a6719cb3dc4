"""A dialect is nothing but its record: a second one is relayed, limited, metered and told of errors like the first."""

import asyncio
import json

import pytest

from tests.gateway.test_limits import limit
from tests.gateway.toy_dialect import TOY
from tests.scripted import json_response, response
from tests.shapes import chunked, head
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.wire.dialects import DIALECTS
from tollkeeper.wire.usage import UsageReport

WORDS = (b'{"word":"a"}\n', b'{"word":"b"}\n')
BYE = b'{"bye":"enough","in":7,"out":2}\n'
LINES_HEAD = head(200, "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked")
WHOLE = {"words": "AB", "in": 11, "out": 3}


def speaking_it(up):
    return UpstreamConfig("default", OLLAMA, up.url, speaks=("/toy/say",))


@pytest.fixture
async def toy(start, up):
    async with start(dialects=(*DIALECTS, TOY), upstreams=[speaking_it(up)]) as gateway:
        yield gateway


def lines(*events, end=True):
    return LINES_HEAD + b"".join(chunked(event, end=False) for event in events) + (b"0\r\n\r\n" if end else b"")


async def say(gateway, **fields):
    return await gateway.client.post("/toy/say", json={"want": "tiny", "say": "hi"} | fields)


async def test_a_stream_is_relayed_and_recorded(toy, up):
    up.answer(lines(*WORDS, BYE))
    answer = await say(toy)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert answer.content == b"".join(WORDS) + BYE
    assert answer.headers["toy-took"].isdigit()
    assert "openai-processing-ms" not in answer.headers
    assert json.loads(up.requests[-1].body) == {"want": "tiny:latest", "say": "hi"}
    record = await toy.record()
    assert (record.endpoint, record.stream, record.status) == ("/toy/say", True, "completed")
    assert (record.requested_model, record.model, record.finish_reason) == ("tiny", "tiny:latest", "enough")
    assert (record.usage.prompt_tokens, record.usage.completion_tokens, record.usage.estimated) == (7, 2, False)


async def test_each_event_leaves_when_it_arrives_and_the_end_once_it_is_durable(toy, up):
    arrived = [asyncio.Event() for _ in WORDS]

    async def script(conn, request):
        await conn.send(LINES_HEAD)
        for word, seen in zip(WORDS, arrived, strict=True):
            await conn.send_chunk(word)
            await seen.wait()
        await conn.send_chunk(BYE)
        await conn.end_chunks()

    up.answer(script)
    async with toy.client.stream("POST", "/toy/say", json={"want": "tiny"}) as answer:
        arriving = answer.aiter_bytes()
        for word, seen in zip(WORDS, arrived, strict=True):
            assert await anext(arriving) == word
            seen.set()
        assert await anext(arriving) == BYE
        assert not toy.context.requests.active, "the end came before the record"


async def test_a_whole_response_is_read_converted_and_recorded(toy, up):
    up.answer(json_response(WHOLE))
    answer = await say(toy, live=False)
    record = await toy.record()
    assert answer.json() == {"OF": record.request_id.upper(), "WORDS": "ab", "IN": 11, "OUT": 3}
    assert (record.stream, record.finish_reason) == (False, "said")
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (11, 3)


async def test_a_large_response_is_read_in_steps(toy, up):
    up.answer(json_response(WHOLE | {"words": "X" * 300_000}))
    answer = await say(toy, live=False)
    assert answer.json()["WORDS"] == "x" * 300_000
    assert (await toy.record()).finish_reason == "said in steps"


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((), "broke off"),
        ((b'{"oops":1,"why":"secret"}\n',), "stumbled"),
        ((b"x" * 2_000_000,), "too large"),
    ],
)
async def test_a_stream_that_fails_ends_with_an_error_event_of_its_own(start, up, events, why):
    up.answer(lines(*WORDS, *events))
    async with start(dialects=(*DIALECTS, TOY), upstreams=[speaking_it(up)], max_event_bytes=1_000_000) as toy:
        answer = await say(toy)
        assert answer.content.startswith(b"".join(WORDS))
        error = json.loads(answer.content.removeprefix(b"".join(WORDS)))
        assert set(error) == {"oops", "why", "of"}
        assert error["of"] == answer.headers["toy-id"]
        assert why in error["why"]
        assert answer.content.endswith(b"}\n")
        record = await toy.record()
        assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("failed", 2, True)


@pytest.mark.parametrize(
    ("fields", "status", "oops"),
    [
        ({"want": "nothing"}, 404, "model_not_found"),
        ({"live": False}, 502, "upstream_unavailable"),
    ],
)
async def test_errors_are_told_in_its_shape(toy, up, fields, status, oops):
    up.answer(json_response({}))
    answer = await say(toy, **fields)
    assert (answer.status_code, answer.json()["oops"]) == (status, oops)
    assert set(answer.json()) == {"oops", "why", "of"}
    assert answer.json()["of"] == answer.headers["x-request-id"] == answer.headers["toy-id"]


async def test_what_is_wrong_with_a_request_is_told_in_its_shape(toy, up):
    for sent, status, why in (
        (toy.client.post("/toy/say", json={}), 400, "'want' is missing."),
        (toy.client.get("/toy/say"), 405, "This path takes POST only."),
    ):
        answer = await sent
        assert (answer.status_code, answer.json()["why"]) == (status, why)
    headers = {"authorization": "Bearer sk-wrong"}
    answer = await toy.client.post("/toy/say", json={"want": "tiny"}, headers=headers)
    assert (answer.status_code, answer.json()["oops"]) == (401, "invalid_api_key")
    assert not up.calls("POST /toy/say")


async def test_an_error_of_the_upstream_is_read_and_told_in_its_shape(toy, up):
    up.answer(json_response({"oops": 1, "why": "no such voice"}, 400))
    answer = await say(toy)
    assert (answer.status_code, answer.json()["oops"], answer.json()["why"]) == (400, None, "no such voice")
    assert (await toy.record()).status == "failed"


async def test_a_stream_of_another_media_type_is_none(toy, up):
    up.answer(response(b"".join(WORDS) + BYE, content_type="text/event-stream"))
    answer = await say(toy)
    assert (answer.status_code, answer.json()["oops"]) == (502, "upstream_unavailable")


async def test_limits_hold_and_are_told_by_its_own_headers(toy, up):
    await limit(toy, requests_per_minute=2, max_tokens_per_request=5)
    up.answer(lines(*WORDS, BYE), lines(*WORDS, BYE))
    assert (await say(toy, most=9)).headers["toy-left-requests"] == "1"
    assert up.requests[-1].json["most"] == 5, "clipped to the limit, in its own field"
    await say(toy, most=3)
    assert up.requests[-1].json["most"] == 3
    refused = await say(toy)
    assert (refused.status_code, refused.json()["oops"]) == (429, "rate_limit_exceeded")
    assert refused.headers["toy-left-requests"] == "0"
    assert abs(int(refused.headers["toy-at-requests"]) - toy.context.now()) < 60_000
    assert not [name for name in refused.headers if name.startswith("x-ratelimit")]
    assert refused.headers["retry-after"].isdigit()


async def test_a_budget_refuses_what_it_cannot_bound(toy, up):
    await limit(toy, tokens_total=100_000)
    answer = await say(toy, fetch="https://a.example/")
    assert answer.status_code == 400
    assert answer.json()["why"].startswith("'fetch' may bring input whose size is not known")
    up.answer(lines(*WORDS, BYE))
    assert (await say(toy)).status_code == 200


async def test_it_lists_models_in_its_own_way(toy):
    assert (await toy.client.get("/toy/voices")).json() == ["eye:latest", "tiny:latest"]
    assert (await toy.client.get("/toy/voices/tiny")).json() == "tiny:latest"
    assert (await toy.client.get("/toy/voices/nothing")).json()["oops"] == "model_not_found"
    listed = (await toy.client.get("/v1/models")).json()["data"]
    assert [model["id"] for model in listed] == ["eye:latest", "tiny:latest"]


async def test_dialects_stand_beside_each_other(toy, up):
    chat = await toy.chat()
    assert chat.headers["openai-processing-ms"].isdigit()
    assert (await toy.chat(model="nothing")).json()["error"]["param"] == "model"
    assert (await toy.client.get("/nowhere")).json()["error"]["code"] == "not_found"
    up.answer(lines(*WORDS, BYE))
    await say(toy)
    assert {record.endpoint for record in await toy.records()} == {"/v1/chat/completions", "/toy/say"}
    assert UsageReport(7, 2).complete(0, 0) in {record.usage for record in await toy.records()}


async def test_an_unknown_path_of_its_api_is_told_in_its_shape(toy):
    key = f"/k/{toy.secrets['alice']}"
    for path in ("/toy", "/toy/sing", "/toy/sing/", f"{key}/toy/sing"):
        answer = await toy.client.get(path)
        assert (answer.status_code, answer.json()["oops"]) == (404, "not_found"), path
        assert answer.json()["of"] == answer.headers["toy-id"]
    assert (await toy.client.get("/toys")).json()["error"]["code"] == "not_found"


async def test_what_fails_before_its_handler_is_told_in_its_shape(toy):
    for path in ("/toy/say", "/toy/sing"):
        answer = await toy.client.post(path, content=b"x", headers={"content-encoding": "zip"})
        assert (answer.status_code, answer.json()["oops"]) == (415, "unsupported_content_encoding")
        answer = await toy.client.post(path, headers={"sec-fetch-site": "cross-site"})
        assert (answer.status_code, answer.json()["oops"]) == (403, "forbidden")
