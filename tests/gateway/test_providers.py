"""OpenAI and OpenRouter, as they document their responses: what the client gets of each, what the record says, what the
provider sees of the client, and who sees the provider's secret: nobody."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.gateway.conftest import ADMIN, TEST, ask
from tests.gateway.provider_shapes import (
    PROCESSING,
    openai_chat,
    openai_chunks,
    openai_error,
    openai_models,
    openai_usage,
    openrouter_chat,
    openrouter_chunks,
    openrouter_error,
    openrouter_error_chunk,
    openrouter_models,
    openrouter_usage,
)
from tests.scripted import Gate, ScriptedUpstream, json_response, response, sse, streamed
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked, head
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENROUTER, Kind
from tollkeeper.rules.usage import Usage
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
SECRET = "sk-provider-0123456789abcdef"
ONE, TWO = "gpt-test", "maker/model-1"
PATHS: dict[Kind, str] = {OPENAI: "/v1", OPENROUTER: "/api/v1"}
MODELS: dict[Kind, str] = {OPENAI: ONE, OPENROUTER: TWO}
LISTS: dict[Kind, dict[str, Any]] = {
    OPENAI: openai_models(ONE),
    OPENROUTER: openrouter_models((TWO, ["text"]), ("maker/eye", ["text", "image"])),
}
PRICE = {"input_usd_per_mtok": "2", "output_usd_per_mtok": "8", "cached_input_usd_per_mtok": "0.5"}
CLIENTS_OWN = {"x-secret-of-client": "mine", "openai-organization": "org-mine", "cookie": "a=b", "referer": "http://me"}


def config(kind: Kind, at: ScriptedUpstream) -> UpstreamConfig:
    at.route(f"GET {PATHS[kind]}/models", json_response(LISTS[kind]))
    return UpstreamConfig(kind.name, kind, at.url + PATHS[kind], secret=Secret(SECRET), open=True)


@asynccontextmanager
async def provider(start, up, kind: Kind):
    """A gateway before one provider, whose models have a price."""
    async with start(upstreams=[config(kind, up)], event_timeout=0.3, first_byte_timeout=5) as gateway:
        await priced(gateway)
        yield gateway


async def priced(gateway) -> None:
    await gateway.context.catalog.refresh()
    for model in (ONE, TWO):
        put = await gateway.client.put("/admin/prices", json={"model": model, **PRICE}, headers=AS_ADMIN)
        assert put.status_code == 200, put.text


async def chat(gateway, kind: Kind, **fields: Any):
    body = ask(model=MODELS[kind], **fields)
    return await gateway.client.post("/v1/chat/completions", json=body, headers=CLIENTS_OWN)


def check_seen(up, kind: Kind, secret_of_client: str) -> Any:
    """The provider has seen its own sign-in, and nothing of the client's. Returns the body of the last request."""
    calls = up.calls(f"POST {PATHS[kind]}/chat/completions")
    for call in calls:
        assert call.header("authorization") == f"Bearer {SECRET}".encode()
        names = {name.lower() for name, _ in call.headers}
        assert names <= {
            b"host",
            b"authorization",
            b"content-type",
            b"content-length",
            b"accept-encoding",
            b"user-agent",
        }
        assert secret_of_client.encode() not in b"".join(value for _, value in call.headers) + call.body
    return calls[-1].json


def check_hidden(answer, caplog) -> None:
    assert SECRET[:12] not in answer.text + str(answer.headers) + caplog.text


@pytest.fixture(autouse=True)
def _logs(caplog):
    caplog.set_level(logging.DEBUG)


# What is served


@pytest.mark.parametrize("stream", [False, True])
async def test_openai_is_paid_by_its_price_with_cached_and_reasoning_tokens(start, up, caplog, stream):
    usage = openai_usage(1200, 340, cached=1024, reasoning=300)
    up.answer(streamed(*sse(*openai_chunks(ONE, usage))) if stream else json_response(openai_chat(ONE, usage)))
    async with provider(start, up, OPENAI) as gateway:
        answer = await chat(gateway, OPENAI, stream=stream)
        record = await gateway.record()
        sent = check_seen(up, OPENAI, gateway.secrets["alice"])
    assert answer.status_code == 200
    assert record.usage == Usage(1200, 1024, 0, 340, 300)
    assert record.cost_pico == (1200 - 1024) * 2_000_000 + 1024 * 500_000 + 340 * 8_000_000
    assert record.price_id is not None
    assert (record.upstream, record.model, record.status, record.attempts) == ("openai", ONE, "completed", 1)
    assert record.finish_reason == "stop"
    assert "provider1" not in answer.text  # the id is the gateway's own
    if stream:
        assert sent["stream_options"]["include_usage"] is True
        assert answer.text.endswith("data: [DONE]\n\n")
        assert '"usage":{' not in answer.text  # which the client did not ask for
    else:
        assert answer.json()["choices"][0]["message"]["content"] == "Hello!"
        assert answer.json()["usage"] == usage
        assert answer.headers["x-cost-usd"] == "0.003584"
    check_hidden(answer, caplog)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("usage", "pico"),
    [
        (openrouter_usage(194, 20, 0.00014), 140_000_000),
        (openrouter_usage(194, 20, 1.4e-7), 140_000),
        (openrouter_usage(194, 20, 0), 0),
        (
            openrouter_usage(194, 20, 0.00001, is_byok=True, cost_details={"upstream_inference_cost": 0.0002}),
            210_000_000,
        ),
    ],
)
async def test_openrouter_is_paid_what_it_reports(start, up, caplog, stream, usage, pico):
    events = [PROCESSING, *sse(*openrouter_chunks(TWO, usage))]
    events.insert(2, PROCESSING)
    up.answer(streamed(*events) if stream else json_response(openrouter_chat(TWO, usage)))
    async with provider(start, up, OPENROUTER) as gateway:
        answer = await chat(gateway, OPENROUTER, stream=stream)
        record = await gateway.record()
        check_seen(up, OPENROUTER, gateway.secrets["alice"])
    assert answer.status_code == 200
    assert record.usage == Usage(194, 64, 0, 20, 7)
    assert (record.cost_pico, record.price_id) == (pico, None)
    assert (record.upstream, record.status, record.attempts) == ("openrouter", "completed", 1)
    assert "gen-1795181970" not in answer.text
    assert "Hello!" in answer.text or ("Hel" in answer.text and "lo!" in answer.text)
    check_hidden(answer, caplog)


async def test_openrouter_without_a_cost_is_paid_by_the_price_and_that_is_an_estimate(start, up):
    usage = openrouter_usage(194, 20, None)
    up.answer(json_response(openrouter_chat(TWO, usage)))
    async with provider(start, up, OPENROUTER) as gateway:
        assert (await chat(gateway, OPENROUTER)).status_code == 200
        record = await gateway.record()
    assert record.usage == Usage(194, 64, 0, 20, 7, estimated=True)
    assert record.cost_pico == 130 * 2_000_000 + 64 * 500_000 + 20 * 8_000_000
    assert record.price_id is not None


async def test_openrouters_list_says_which_models_see_images(start, up):
    async with provider(start, up, OPENROUTER) as gateway:
        listed = (await gateway.client.get("/v1/models")).json()["data"]
        assert [model["id"] for model in listed] == ["maker/eye", TWO]
        found = {each.model: each.sees_images for each in gateway.context.catalog.deployments()}
    assert found == {"maker/eye": True, TWO: False}
    (list_call,) = up.calls("GET /api/v1/models")[:1]
    assert list_call.header("authorization") == f"Bearer {SECRET}".encode()


# What fails before anything of the answer


def page(status: int) -> bytes:
    return response(b"<html><h1>cloudflare</h1></html>", status, content_type="text/html")


async def reset(conn, request):
    conn.reset()


async def reset_after_a_byte(conn, request):
    await conn.send(b"H")
    conn.reset()


async def half_a_body(conn, request):
    await conn.send(head(200, "Content-Type: application/json", "Content-Length: 900") + b'{"id":"chatcmpl-provider1"')
    conn.close()


QUOTA = "You exceeded your current quota."
FAULTS: list[tuple[str, Kind, Any, int, str | None, str | None]] = [
    # provider and fault; script; what the client gets: status, code, retry-after
    ("401", OPENAI, openai_error(401, f"Incorrect API key provided: {SECRET}.", "invalid_request_error",
                                 "invalid_api_key"), 502, "upstream_unavailable", None),
    ("401", OPENROUTER, openrouter_error(401, f"No auth credentials found: {SECRET}"),
     502, "upstream_unavailable", None),
    ("402", OPENROUTER, openrouter_error(402, "Insufficient credits. Add more.", "Retry-After: 9"),
     502, "upstream_unavailable", None),
    ("403", OPENROUTER, openrouter_error(403, "Flagged.", reasons=["violence"], flagged_input="hi",
                                         provider_name="Maker", model_slug=TWO),
     502, "upstream_unavailable", None),
    ("429", OPENAI, openai_error(429, "Rate limit reached.", "requests", "rate_limit_exceeded", "retry-after: 7",
                                 "x-ratelimit-remaining-requests: 0"), 503, "server_overloaded", "7"),
    ("429 used up", OPENAI, openai_error(429, QUOTA, "insufficient_quota", "insufficient_quota"),
     502, "upstream_unavailable", None),
    ("429", OPENROUTER, openrouter_error(429, "Provider returned error", "Retry-After: 17", raw="busy",
                                         provider_name="Maker"), 503, "server_overloaded", "17"),
    ("500", OPENAI, openai_error(500, "The server had an error.", "server_error", None),
     502, "upstream_error", None),
    ("502", OPENROUTER, openrouter_error(502, "Bad response."), 502, "upstream_error", None),
    ("502", OPENAI, page(502), 502, "upstream_error", None),
    ("503", OPENAI, openai_error(503, "The engine is overloaded.", "server_error", None, "retry-after: 3"),
     503, "server_overloaded", "3"),
    ("503", OPENROUTER, openrouter_error(503, "No provider."), 503, "server_overloaded", "1"),
    ("529", OPENROUTER, openrouter_error(529, "Overloaded."), 503, "server_overloaded", "1"),
    ("400", OPENAI, openai_error(400, "Too long.", "invalid_request_error", "context_length_exceeded"),
     400, None, None),
    ("reset", OPENAI, reset, 502, "upstream_unavailable", None),
    ("reset after a byte", OPENROUTER, reset_after_a_byte, 502, "upstream_unavailable", None),
    ("truncated", OPENAI, half_a_body, 502, "upstream_unavailable", None),
    ("html", OPENROUTER, page(200), 502, "upstream_unavailable", None),
    ("error in a 200", OPENROUTER, json_response({"error": {"code": 502, "message": "Provider broke."}}),
     502, "upstream_error", None),
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("kind", "script", "status", "code", "retry_after"),
    [pytest.param(*row[1:], id=f"{row[1].name} {row[0]}") for row in FAULTS],
)
async def test_a_failure_before_the_answer(start, up, caplog, kind, script, status, code, retry_after, stream):
    up.always(script)
    async with provider(start, up, kind) as gateway:
        answer = await chat(gateway, kind, stream=stream)
        record = await gateway.record()
        check_seen(up, kind, gateway.secrets["alice"])
    error = answer.json()["error"]
    if stream and script in [row[2] for row in FAULTS if row[0] == "error in a 200"]:
        code = "upstream_unavailable"  # a stream was asked for
    assert (answer.status_code, error["code"], answer.headers.get("retry-after")) == (status, code, retry_after)
    assert (record.upstream, record.status, record.attempts) == (kind.name, "failed", 1)
    assert (record.cost_pico, record.usage) == (0, Usage())
    assert not [word for word in ("Maker", "cloudflare", "quota") if word in answer.text]
    check_hidden(answer, caplog)


# What fails in the midst of it


def events_of(kind: Kind) -> list[bytes]:
    """A beginning with two words in it."""
    if kind is OPENAI:
        return sse(*openai_chunks(ONE, None)[:3], done=False)
    return [PROCESSING, *sse(*openrouter_chunks(TWO, None)[:2], done=False)]


async def broken_off(conn, request):
    kind = OPENROUTER if request.target.startswith("/api") else OPENAI
    await conn.send(STREAM_HEAD + chunked(b"".join(events_of(kind)), end=False))
    conn.reset()


async def silent(conn, request):
    kind = OPENROUTER if request.target.startswith("/api") else OPENAI
    await conn.send(STREAM_HEAD + chunked(b"".join(events_of(kind)), end=False))
    await conn.hang()


MESSAGE = f"Provider disconnected, {SECRET}"
OPENAI_SAYS = {"error": {"message": MESSAGE, "type": "server_error", "param": None, "code": None}}
ENDS = [
    ("reset", OPENAI, broken_off, "upstream_unavailable"),
    ("reset", OPENROUTER, broken_off, "upstream_unavailable"),
    ("silent", OPENROUTER, silent, "upstream_timeout"),
    ("no end", OPENAI, streamed(*events_of(OPENAI)), "upstream_unavailable"),
    ("error", OPENAI, streamed(*events_of(OPENAI), *sse(OPENAI_SAYS, done=False)), "upstream_error"),
    ("error", OPENROUTER, streamed(*events_of(OPENROUTER), openrouter_error_chunk(TWO, MESSAGE)), "upstream_error"),
]


@pytest.mark.parametrize(
    ("kind", "script", "code"), [pytest.param(*row[1:], id=f"{row[1].name} {row[0]}") for row in ENDS]
)
async def test_a_stream_that_fails_in_the_midst(start, up, caplog, kind, script, code):
    """The client gets what there was, then the error; what it got is billed as an estimate, by the price."""
    up.answer(script)
    async with provider(start, up, kind) as gateway:
        answer = await chat(gateway, kind, stream=True)
        record = await gateway.record()
    assert answer.status_code == 200
    *_, last = answer.text.strip().split("\n\n")
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == code
    assert "Hel" in answer.text
    assert "lo!" in answer.text
    assert "[DONE]" not in answer.text
    assert (record.status, record.attempts, record.upstream) == ("failed", 1, kind.name)
    usage = record.usage
    assert (usage.estimated, usage.completion_tokens) == (True, 2)
    assert record.cost_pico == usage.prompt_tokens * 2_000_000 + 2 * 8_000_000
    assert len(up.calls(f"POST {PATHS[kind]}/chat/completions")) == 1
    check_hidden(answer, caplog)


async def test_an_answer_that_trickles_arrives_whole(start, up):
    usage = openai_usage(9, 3)
    whole = streamed(*sse(*openai_chunks(ONE, usage)))

    async def trickle(conn, request):
        for at in range(0, len(whole), 7):
            await conn.send(whole[at : at + 7])

    up.answer(trickle)
    async with provider(start, up, OPENAI) as gateway:
        answer = await chat(gateway, OPENAI, stream=True, stream_options={"include_usage": True})
        record = await gateway.record()
    events = [json.loads(each[6:]) for each in answer.text.strip().split("\n\n")[:-1]]
    assert "".join(c["delta"].get("content", "") for e in events for c in e["choices"]) == "Hello!"
    assert events[-1]["usage"] == usage
    assert (record.status, record.usage) == ("completed", Usage(9, 0, 0, 3))


# One provider after the other


@pytest.mark.parametrize(
    "first",
    [
        openai_error(429, QUOTA, "insufficient_quota", "insufficient_quota"),
        openai_error(429, "Slow down.", "tokens", "rate_limit_exceeded", "retry-after: 20"),
        openai_error(401, f"Incorrect API key provided: {SECRET}.", "invalid_request_error", "invalid_api_key"),
        openai_error(500, "Oh.", "server_error", None),
    ],
    ids=["used up", "rate limit", "key", "500"],
)
async def test_what_one_provider_turns_away_another_serves_and_only_that_is_paid(start, up, caplog, first):
    up.always(first)
    async with ScriptedUpstream() as other:
        other.always(json_response(openrouter_chat(TWO, openrouter_usage(194, 20, 0.00014))))
        async with start(upstreams=[config(OPENAI, up), config(OPENROUTER, other)]) as gateway:
            await priced(gateway)
            await gateway.context.aliases.replace({"best": (ONE, TWO)}, TEST)
            answer = await gateway.client.post("/v1/chat/completions", json=ask(model="best"), headers=CLIENTS_OWN)
            record = await gateway.record()
            assert check_seen(up, OPENAI, gateway.secrets["alice"])["model"] == ONE
            assert check_seen(other, OPENROUTER, gateway.secrets["alice"])["model"] == TWO
    assert answer.status_code == 200
    assert (record.upstream, record.model, record.requested_model) == ("openrouter", TWO, "best")
    assert (record.attempts, record.cost_pico, record.status) == (2, 140_000_000, "completed")
    check_hidden(answer, caplog)


@asynccontextmanager
async def before_one_slot(start, up, first):
    """A provider that answers `first`, and then an upstream of one's own that is busy, with what ends that."""
    busy = Gate([json_response(openai_chat(ONE, openai_usage(5, 2)))])
    up.always(first)
    async with ScriptedUpstream({ONE: ("completion",)}) as other:
        other.always(busy)
        own = UpstreamConfig("own", OLLAMA, other.url, slots=1, priority=1)
        async with start(upstreams=[config(OPENAI, up), own]) as gateway:
            await priced(gateway)
            running = asyncio.create_task(gateway.client.post("/v1/chat/completions", json=ask(model=f"{ONE}@own")))
            await until(lambda: bool(other.calls("POST /v1/chat/completions")))
            yield gateway, other
            busy.open()
            assert (await running).status_code == 200
            assert len(await gateway.records()) == 2


async def test_a_client_that_leaves_in_line_after_a_provider_has_failed_leaves_the_line(start, up):
    async with before_one_slot(start, up, openai_error(500, "Oh.", "server_error", None)) as (gateway, other):
        line = gateway.context.selection.line
        async with gateway.raw() as (_, writer):
            writer.write(gateway.post(json.dumps(ask(model=ONE)).encode()))
            await until(lambda: len(line) == 1)
        await until(lambda: not len(line))
        assert len(other.calls("POST /v1/chat/completions")) == 1


async def test_nobody_else_is_asked_for_a_client_that_left_during_a_charged_attempt(start, up):
    failing = Gate([openai_error(500, "Oh.", "server_error", None)])
    async with before_one_slot(start, up, failing) as (gateway, other):
        async with gateway.raw() as (_, writer):
            writer.write(gateway.post(json.dumps(ask(model=ONE)).encode()))
            await until(lambda: bool(up.calls("POST /v1/chat/completions")))
        failing.open()
        await until(lambda: len(gateway.context.requests.active) == 1)
        assert not len(gateway.context.selection.line)
        assert len(other.calls("POST /v1/chat/completions")) == 1
