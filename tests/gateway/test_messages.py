"""The Messages dialect through the whole gateway, before Anthropic and before an Ollama that speaks it: what the client
gets, what the upstream is sent, and what the record says."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.gateway.conftest import ADMIN
from tests.gateway.messages_shapes import (
    CLAUDE,
    ID,
    PING,
    ask,
    be_anthropic,
    be_ollama,
    begin,
    end,
    error,
    event,
    events_of,
    message,
    models,
    stream,
    usage,
    words,
)
from tests.gateway.test_limits import held, limit, nothing_is_held
from tests.scripted import Gate, ScriptedUpstream, json_response, streamed
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA
from tollkeeper.rules.usage import Usage
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig
from tollkeeper.services.upstreams.probes import Probes

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
SECRET = "sk-ant-provider-0123456789abcdef"
PATH = "POST /v1/messages"
PRICE = {
    "input_usd_per_mtok": "3",
    "output_usd_per_mtok": "15",
    "cached_input_usd_per_mtok": "0.3",
    "cache_write_usd_per_mtok": "3.75",
    "cache_write_1h_usd_per_mtok": "6",
}


def config(at: ScriptedUpstream, name: str = "anthropic", **fields: Any) -> UpstreamConfig:
    return UpstreamConfig(name, ANTHROPIC, at.url, secret=Secret(SECRET), open=True, **fields)


async def price(gateway, **fields: Any) -> None:
    put = await gateway.client.put("/admin/prices", json={"model": CLAUDE, **PRICE} | fields, headers=AS_ADMIN)
    assert put.status_code == 200, put.text


@asynccontextmanager
async def before(start, *configs: UpstreamConfig, **settings: Any):
    async with start(upstreams=configs, event_timeout=0.3, first_byte_timeout=5, **settings) as gateway:
        await gateway.context.catalog.refresh()
        await price(gateway)
        yield gateway


@pytest.fixture
async def gateway(start, up):
    be_anthropic(up)
    async with before(start, config(up)) as running:
        yield running


async def say(gateway, *, headers: dict[str, str] | None = None, query: str = "", **fields: Any):
    return await gateway.client.post(f"/v1/messages{query}", json=ask(**fields), headers=headers)


def check(answer, status: int, kind: str) -> str:
    """An error in Anthropic's shape. Returns its message."""
    body = answer.json()
    assert (answer.status_code, body["type"], body["error"]["type"]) == (status, "error", kind), answer.text
    assert body["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    assert not [name for name in answer.headers if name.startswith(("x-ratelimit", "openai"))]
    told: str = body["error"]["message"]
    return told


class TestAnthropic:
    @pytest.mark.parametrize("streams", [False, True])
    async def test_usage_is_recorded_and_paid_by_class(self, gateway, up, streams):
        used = usage(1000, 40, read=5000, written_5m=300, written_1h=200)
        up.answer(stream(used) if streams else json_response(message(used=used)))
        answer = await say(gateway, stream=streams)
        record = await gateway.record()
        assert answer.status_code == 200
        assert record.usage == Usage(6500, 5000, 500, 40, 0, cache_write_1h_tokens=200)
        assert (
            record.cost_pico == 1000 * 3_000_000 + 5000 * 300_000 + 300 * 3_750_000 + 200 * 6_000_000 + 40 * 15_000_000
        )
        assert (record.endpoint, record.model, record.upstream) == ("/v1/messages", CLAUDE, "anthropic")
        assert (record.status, record.finish_reason, record.stream) == ("completed", "end_turn", streams)
        assert answer.headers["request-id"] == answer.headers["x-request-id"] == record.request_id
        assert ID not in answer.text
        assert "openai-processing-ms" not in answer.headers
        if streams:
            assert answer.headers["content-type"] == "text/event-stream"
            first, *_, last = events_of(answer.text)
            assert first["message"]["id"] == "msg_" + record.request_id.removeprefix("req_")
            assert last == {"type": "message_stop"}
            assert answer.text.count("event: ping") == 1
        else:
            assert answer.json() == message(used=used) | {"id": "msg_" + record.request_id.removeprefix("req_")}
            assert answer.headers["x-cost-usd"] == "0.007425"

    async def test_the_provider_sees_its_own_sign_in_and_the_features_that_may_pass(self, gateway, up):
        betas = "claude-code-20250219,files-api-2025-04-14,interleaved-thinking-2025-05-14,oauth-2025-04-20"
        mine = {"anthropic-beta": betas, "anthropic-version": "2020-01-01", "x-app": "cli", "user-agent": "claude-cli"}
        user = "user_0123_account__session_11111111-2222-3333-4444-555555555555"
        answer = await say(gateway, headers=mine, query="?beta=true", metadata={"user_id": user}, top_k=5)
        assert answer.status_code == 200, answer.text
        [call] = up.calls(PATH)
        assert call.target == "/v1/messages"
        assert call.header("x-api-key") == SECRET.encode()
        assert call.header("anthropic-version") == b"2023-06-01"
        assert call.header("anthropic-beta") == b"claude-code-20250219,interleaved-thinking-2025-05-14"
        assert not {b"authorization", b"x-app"} & {name.lower() for name, _ in call.headers}
        assert call.header("user-agent") != b"claude-cli"
        sent = call.json
        assert user not in call.body.decode()
        assert sent["metadata"]["user_id"]
        assert {name: sent[name] for name in ask()} | {"top_k": 5} == ask(top_k=5)

    @pytest.mark.parametrize("by", ["x-api-key", "authorization", "path"])
    async def test_every_place_of_a_key_and_both_spellings_of_the_path(self, gateway, by):
        key = gateway.secrets["bob"]
        del gateway.client.headers["authorization"]
        headers = {"x-api-key": key} if by == "x-api-key" else {"authorization": f"Bearer {key}"}
        at = f"/k/{key}" if by == "path" else ""
        for path in ("/v1/messages", "/messages", "/v1/messages/"):
            answer = await gateway.client.post(at + path, json=ask(), headers={} if at else headers)
            assert answer.status_code == 200, answer.text
        assert {record.user_id for record in await gateway.records()} == {"bob"}

    async def test_a_request_without_a_cap_is_sent_with_the_default(self, start, up):
        be_anthropic(up)
        async with before(start, config(up), default_max_tokens=777) as gateway:
            for cap in ({}, {"max_tokens": None}):
                body = {name: value for name, value in ask().items() if name != "max_tokens"} | cap
                answer = await gateway.client.post("/v1/messages", json=body)
                assert answer.status_code == 200, answer.text
                assert up.calls(PATH)[-1].json["max_tokens"] == 777
            await limit(gateway, max_tokens_per_request=33)
            await gateway.client.post("/v1/messages", json=body)
            assert up.calls(PATH)[-1].json["max_tokens"] == 33

    async def test_the_cap_is_clipped_and_thinking_with_it(self, gateway, up):
        await limit(gateway, max_tokens_per_request=4000)
        thinking = {"type": "enabled", "budget_tokens": 16_000, "display": "omitted"}
        await say(gateway, max_tokens=32_000, thinking=thinking)
        sent = up.calls(PATH)[-1].json
        assert (sent["max_tokens"], sent["thinking"]) == (4000, thinking | {"budget_tokens": 2000})
        await say(gateway, max_tokens=32_000, thinking=thinking | {"budget_tokens": 3999})
        assert up.calls(PATH)[-1].json["thinking"]["budget_tokens"] == 3999
        await limit(gateway, max_tokens_per_request=1000)
        await say(gateway, max_tokens=32_000, thinking=thinking)
        assert up.calls(PATH)[-1].json["thinking"] == {"type": "disabled"}
        await say(gateway, max_tokens=32_000, thinking={"type": "adaptive"})
        assert up.calls(PATH)[-1].json["thinking"] == {"type": "adaptive"}

    async def test_a_stream_that_the_client_leaves_is_billed_for_what_came(self, gateway, up):
        up.answer(STREAM_HEAD + chunked(begin(usage(1000, 1)) + b"".join(words("a", "b", "c")), end=False))
        async with gateway.client.stream("POST", "/v1/messages", json=ask(stream=True)) as answer:
            seen = b""
            async for piece in answer.aiter_bytes():
                seen += piece
                if b'"c"' in seen:
                    break
        record = await gateway.record()
        assert (record.status, record.usage.prompt_tokens, record.usage.completion_tokens) == ("cancelled", 1000, 3)
        assert record.usage.estimated
        assert record.cost_pico == 1000 * 3_000_000 + 3 * 15_000_000
        [conn] = [conn for conn in up.connections if any(b"messages" in each.target.encode() for each in conn.requests)]
        await conn.disconnected.wait()
        await nothing_is_held(gateway)

    @pytest.mark.parametrize(
        ("tail", "kind", "code"),
        [
            ([], "api_error", "upstream_unavailable"),
            (
                [event("error", error={"type": "overloaded_error", "message": f"busy {SECRET}"})],
                "api_error",
                "upstream_error",
            ),
            ([b"data: {nonsense\n\n"], "api_error", "upstream_error"),
        ],
    )
    async def test_a_stream_that_fails_ends_with_an_error_event(self, gateway, up, tail, kind, code):
        up.answer(streamed(begin(), PING, *words("Hel", "lo!"), *tail))
        answer = await say(gateway, stream=True)
        record = await gateway.record()
        *_, last = events_of(answer.text)
        assert (last["type"], last["error"]["type"], last["error"]["code"]) == ("error", kind, code)
        assert last["request_id"] == record.request_id
        assert "message_stop" not in answer.text
        assert SECRET not in answer.text
        assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("failed", 2, True)

    async def test_a_silent_stream_times_out_in_its_own_event(self, gateway, up):
        async def falls_silent(conn, _):
            await conn.send(STREAM_HEAD + chunked(begin() + b"".join(words("Hel")), end=False))
            await conn.hang()

        up.answer(falls_silent)
        *_, last = events_of((await say(gateway, stream=True)).text)
        assert (last["error"]["type"], last["error"]["code"]) == ("timeout_error", "upstream_timeout")

    @pytest.mark.parametrize("streams", [False, True])
    @pytest.mark.parametrize(
        ("script", "status", "kind", "retry_after"),
        [
            (error(529, "overloaded_error", "Overloaded", "retry-after: 4"), 503, "overloaded_error", "4"),
            (error(529, "overloaded_error", "Overloaded"), 503, "overloaded_error", "1"),
            (error(429, "rate_limit_error", "Too many", "retry-after: 9"), 503, "overloaded_error", "9"),
            (error(401, "authentication_error", f"invalid {SECRET}"), 502, "api_error", None),
            (error(403, "permission_error", "no"), 502, "api_error", None),
            (error(500, "api_error", "Internal server error"), 502, "api_error", None),
            (error(404, "not_found_error", "model: gone"), 404, "not_found_error", None),
            (error(413, "request_too_large", "too large"), 413, "request_too_large", None),
            (error(400, "invalid_request_error", "messages: roles must alternate"), 400, "invalid_request_error", None),
        ],
    )
    async def test_its_failures_are_told_in_its_shape(self, gateway, up, script, status, kind, retry_after, streams):
        up.always(script)
        answer = await say(gateway, stream=streams)
        told = check(answer, status, kind)
        assert answer.headers.get("retry-after") == retry_after
        assert SECRET not in answer.text
        if status == 400:
            assert told == "messages: roles must alternate"
        if status == 502 and kind == "api_error" and b"credentials" in answer.content:
            assert answer.headers["x-should-retry"] == "false"
        record = await gateway.record()
        assert (record.status, record.cost_pico) == ("failed", 0)
        await nothing_is_held(gateway)


class TestLimits:
    async def test_quotas_are_told_in_its_headers(self, gateway, up):
        await limit(gateway, requests_per_minute=2, tokens_per_minute=100_000)
        answer = await say(gateway)
        headers = answer.headers
        assert headers["anthropic-ratelimit-requests-limit"] == "2"
        assert headers["anthropic-ratelimit-requests-remaining"] == "1"
        assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")
        assert headers["anthropic-ratelimit-tokens-limit"] == "100000"
        assert (await say(gateway, stream=True)).headers["anthropic-ratelimit-requests-remaining"] == "0"
        refused = await say(gateway)
        check(refused, 429, "rate_limit_error")
        assert refused.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert int(refused.headers["retry-after"]) > 0
        assert len(up.calls(PATH)) == 2

    async def test_a_budget_that_is_used_up_is_not_tried_again(self, gateway):
        await limit(gateway, requests_per_day=1)
        assert (await say(gateway)).status_code == 200
        refused = await say(gateway)
        assert "requests_per_day" in check(refused, 429, "rate_limit_error")
        assert refused.headers["x-should-retry"] == "false"

    async def test_a_budget_bounds_what_it_admits(self, gateway, up):
        await limit(gateway, tokens_per_day=5000)
        answer = await say(gateway, max_tokens=32_000)
        assert answer.status_code == 200
        assert up.calls(PATH)[-1].json["max_tokens"] < 5000
        [record] = await gateway.records()
        assert record.usage.total_tokens == 37
        assert held(gateway) == 0

    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
            ({"tools": [{"name": "mine"}, {"type": "bash_20250124", "name": "bash"}]}, "tools[1].type"),
            ({"compaction": {"type": "auto"}}, "compaction"),
            (
                {"messages": [{"role": "user", "content": [
                    {"type": "document", "source": {"type": "url", "url": "https://a.example/x.pdf"}}]}]},
                "messages[0].content[0].source.type",
            ),
        ],
    )  # fmt: skip
    async def test_a_budget_refuses_what_it_cannot_bound(self, gateway, up, fields, param):
        await limit(gateway, tokens_per_day=1_000_000)
        answer = await say(gateway, **fields)
        check(answer, 400, "invalid_request_error")
        assert answer.json()["error"]["param"] == param
        assert not up.calls(PATH)

    async def test_what_claude_code_sends_passes_a_budget(self, gateway, up):
        await limit(gateway, cost_usd_per_day="10")
        cached = {"type": "ephemeral", "ttl": "1h"}
        schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}}
        answer = await say(
            gateway,
            query="?beta=true",
            stream=True,
            max_tokens=32_000,
            system=[{"type": "text", "text": "You are an agent.", "cache_control": cached}],
            messages=[
                {"role": "user", "content": [{"type": "text", "text": "do it"}]},
                {"role": "system", "content": "a reminder"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "", "signature": "c2ln"},
                    {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a b", "is_error": False,
                     "cache_control": cached},
                ]},
            ],
            tools=[{"name": "Bash", "description": "Runs it.", "input_schema": schema, "eager_input_streaming": True}],
            thinking={"type": "adaptive"},
            context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            output_config={"effort": "high"},
            metadata={"user_id": "user_x_session_y"},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
        assert events_of(answer.text)[-1] == {"type": "message_stop"}

    async def test_what_an_account_has_stored_is_refused(self, gateway, up):
        for fields, param in (
            ({"container": "container_1"}, "container"),
            ({"mcp_servers": [{"type": "url", "url": "https://a.example"}]}, "mcp_servers"),
            ({"diagnostics": {"previous_message_id": "msg_1"}}, "diagnostics.previous_message_id"),
            (
                {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "file_1"}]}]},
                "messages[0].content[0].file_id",
            ),
        ):
            answer = await say(gateway, **fields)
            check(answer, 400, "invalid_request_error")
            assert answer.json()["error"]["param"] == param
        assert (await say(gateway, diagnostics={"previous_message_id": None}, container=None)).status_code == 200
        assert len(up.calls(PATH)) == 1

    async def test_what_changes_the_price_needs_one_that_says_so(self, gateway, up):
        search: dict[str, Any] = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
        for fields in ({"speed": "fast"}, search, {"fallbacks": [{"model": "other"}]}):
            check(await say(gateway, **fields), 400, "invalid_request_error")
        assert (await say(gateway, speed="standard", service_tier="auto")).status_code == 200
        await price(gateway, tier="web_search")
        assert (await say(gateway, **search)).status_code == 200


class TestErrors:
    async def test_errors_of_the_gateway_have_its_shape(self, gateway, up):
        assert "nothing" in check(await say(gateway, model="nothing"), 404, "not_found_error")
        check(await say(gateway, headers={"authorization": "Bearer sk-wrong"}), 401, "authentication_error")
        check(await gateway.client.post("/v1/messages", content=b"{"), 400, "invalid_request_error")
        check(await gateway.client.get("/v1/messages"), 405, "invalid_request_error")
        check(await gateway.client.get("/v1/messages/batches"), 404, "not_found_error")
        check(await gateway.client.post("/messages/batches"), 404, "not_found_error")
        await limit(gateway, allowed_models=["other"])
        check(await say(gateway), 403, "permission_error")
        assert not up.calls(PATH)

    async def test_a_body_that_is_too_large(self, start, up):
        be_anthropic(up)
        async with before(start, config(up), max_body_bytes=1024) as gateway:
            check(await say(gateway, system="x" * 2000), 413, "request_too_large")

    async def test_a_chat_has_no_upstream_there(self, gateway):
        answer = await gateway.client.post("/v1/embeddings", json={"model": CLAUDE, "input": "hi"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_by_upstream")


class TestPool:
    async def test_another_serves_what_one_cannot(self, start, up):
        be_anthropic(up)
        async with ScriptedUpstream({}) as second:
            be_anthropic(second)
            up.always(error(529, "overloaded_error", "Overloaded"))
            async with before(start, config(up, "one", priority=0), config(second, "two", priority=1)) as gateway:
                for streams in (False, True):
                    assert (await say(gateway, stream=streams)).status_code == 200
                records = await gateway.records()
                assert {(record.upstream, record.status) for record in records} == {("two", "completed")}
                assert {record.attempts for record in records} <= {1, 2}
                assert up.calls(PATH)

    async def test_the_turns_of_a_session_go_to_one_upstream(self, start, up):
        be_anthropic(up)
        async with ScriptedUpstream({}) as second:
            be_anthropic(second)
            async with before(start, config(up, "one"), config(second, "two")) as gateway:
                for turn in range(6):
                    user = {"user_id": json.dumps({"device_id": "d", "session_id": "0123-4567-89ab"})}
                    turns = [{"role": "user", "content": f"turn {turn}"}]
                    assert (await say(gateway, metadata=user, messages=turns)).status_code == 200
                assert len({record.upstream for record in await gateway.records()}) == 1

    async def test_an_admin_adds_it_and_its_list_is_read_to_the_end(self, start, up):
        async def pages(conn, request):
            if request.target == "/v1/models":
                await conn.send(json_response(models("claude-one", "claude-blind", more=True)))
            else:
                assert request.target == "/v1/models?limit=1000&after_id=claude-blind"
                await conn.send(json_response(models("claude-three")))

        async with ScriptedUpstream({}) as provider:
            be_anthropic(provider)
            provider.route("GET /v1/models", pages)
            async with start() as gateway:
                body = {"id": "claude", "kind": "anthropic", "base_url": provider.url, "secret": SECRET, "open": True}
                added = await gateway.client.post("/admin/upstreams", json=body, headers=AS_ADMIN)
                assert added.status_code == 201, added.text
                assert SECRET not in added.text
                await gateway.context.catalog.refresh()
                found = {each.model: each.sees_images for each in gateway.context.catalog.deployments()}
                assert found == {
                    "claude-one": True, "claude-blind": False, "claude-three": True,
                    "eye:latest": None, "tiny:latest": None,
                }  # fmt: skip
                refused = await say(gateway, model="claude-three")
                assert "price" in check(refused, 403, "permission_error")
                await price(gateway, model="claude-three")
                assert (await say(gateway, model="claude-three")).status_code == 200
                assert (await gateway.record()).upstream == "claude"


@asynccontextmanager
async def probed(gateway, version):
    """The probes of the upstreams run, and have found this version."""
    [upstream] = gateway.context.registry
    probing = asyncio.create_task(Probes(gateway.context.registry, time.monotonic, patience=5).run())
    try:
        await until(lambda: upstream.version == version)
        yield
    finally:
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)


class TestOllama:
    @pytest.fixture
    async def ollama(self, start, up):
        be_ollama(up)
        async with start() as gateway, probed(gateway, (0, 24, 0)):
            yield gateway

    @pytest.mark.parametrize("streams", [False, True])
    async def test_it_is_asked_as_it_is_from_0_14_on(self, ollama, up, streams):
        answer = await say(ollama, model="tiny", stream=streams, metadata={"user_id": "me"})
        assert answer.status_code == 200, answer.text
        record = await ollama.record()
        assert record.usage == Usage(21, 0, 0, 3)
        assert (record.endpoint, record.model, record.finish_reason) == ("/v1/messages", "tiny:latest", "max_tokens")
        assert "msg_ollama1" not in answer.text
        sent = up.calls(PATH)[-1].json
        assert (sent["model"], sent["max_tokens"]) == ("tiny:latest", 50)
        assert up.calls(PATH)[-1].header("anthropic-beta") is None

    async def test_a_budget_holds_there(self, ollama, up):
        await limit(ollama, tokens_per_day=400)
        body = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "thinking": {"type": "adaptive"}}
        answer = await ollama.client.post("/v1/messages", json=body | {"new_field": 1})
        assert answer.status_code == 200, answer.text
        assert 16 <= up.calls(PATH)[-1].json["max_tokens"] < 400
        answer = await say(ollama, model="tiny", tools=[{"type": "web_search_20250305", "name": "web_search"}])
        check(answer, 400, "invalid_request_error")
        await nothing_is_held(ollama)

    async def test_an_older_one_is_not_asked(self, start, up):
        be_ollama(up, "0.13.9")
        async with start() as gateway, probed(gateway, (0, 13, 9)):
            await say(gateway, model="tiny")
            assert not up.calls(PATH)

    async def test_tokens_are_estimated_there(self, ollama, up):
        answer = await ollama.client.post("/v1/messages/count_tokens", json={"model": "tiny", "messages": []})
        assert (answer.status_code, answer.headers["x-estimated"]) == (200, "1")


async def test_a_heartbeat_is_a_comment(start, up):
    be_anthropic(up)
    gate = Gate([stream()])
    up.always(gate)
    async with (
        before(start, config(up), sse_comment_after=0.05) as gateway,
        gateway.client.stream("POST", "/v1/messages", json=ask(stream=True)) as answer,
    ):
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith(": ")
        gate.open()
        assert [line async for line in lines][-2:] == ['data: {"type":"message_stop"}', ""]


def test_ollama_speaks_it_from_a_version_on():
    assert ("/v1/messages", (0, 14, 0)) in OLLAMA.speaks_since
    assert end()[-1].startswith(b"event: message_stop")
