"""The stock `anthropic` SDK through the whole gateway, before an upstream that answers as Anthropic does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic, beta_async_tool

from tests.gateway.conftest import Gateway, cheap_passwords, running
from tests.gateway.messages_shapes import CLAUDE, be_anthropic, begin, end, error, event, message, usage, words
from tests.gateway.test_limits import limit
from tests.gateway.test_messages import PATH, config, price
from tests.scripted import ScriptedUpstream, json_response, streamed

__all__ = ["cheap_passwords"]

HI: Any = {"model": CLAUDE, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "weather_of", "input": {"city": "Paris"}}
TOOL: Any = {"name": "weather_of", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream({}) as upstream:
        be_anthropic(upstream)
        yield upstream


@pytest.fixture
async def gateway(tmp_path: Path, up: ScriptedUpstream) -> AsyncIterator[Gateway]:
    async with running(tmp_path, up.url, upstreams=[config(up)]) as started:
        await started.context.catalog.refresh()
        await price(started)
        yield started


@pytest.fixture(params=["api_key", "auth_token", "path"])
async def client(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[AsyncAnthropic]:
    """Signed in each way that it knows: `x-api-key`, a bearer, and a key in the address."""
    key = gateway.secrets["alice"]
    ways: dict[str, Any] = {
        "api_key": {"api_key": key, "base_url": gateway.url},
        "auth_token": {"auth_token": key, "base_url": gateway.url},
        "path": {"api_key": "placeholder", "base_url": f"{gateway.url}/k/{key}"},
    }
    async with AsyncAnthropic(max_retries=0, **ways[request.param]) as made:
        yield made


async def test_create(client: AsyncAnthropic, gateway: Gateway):
    raw = await client.messages.with_raw_response.create(**HI)
    answer = await raw.parse()
    record = await gateway.record()
    assert (answer.content[0].type, answer.stop_reason, answer.usage.output_tokens) == ("text", "end_turn", 12)
    assert answer.id == "msg_" + record.request_id.removeprefix("req_")
    assert raw.headers["request-id"] == record.request_id
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (25, 12)


async def test_stream(client: AsyncAnthropic, gateway: Gateway):
    async with client.messages.stream(**HI) as stream:
        texts = [text async for text in stream.text_stream]
        final = await stream.get_final_message()
    assert (texts, final.content[0].model_dump()["text"], final.stop_reason) == (["Hel", "lo!"], "Hello!", "end_turn")
    record = await gateway.record()
    assert (final.usage.input_tokens, final.usage.output_tokens) == (25, 12)
    assert (record.stream, record.status, record.usage.completion_tokens) == (True, "completed", 12)


async def test_count_tokens(client: AsyncAnthropic, gateway: Gateway):
    counted = await client.messages.count_tokens(model=CLAUDE, messages=HI["messages"], system="Be brief.")
    assert counted.input_tokens == 77
    assert await gateway.records() == []


async def test_a_tool_is_called_and_its_result_sent(client: AsyncAnthropic, gateway: Gateway, up: ScriptedUpstream):
    await limit(gateway, cost_usd_per_day="1")
    up.answer(
        json_response(message() | {"content": [CALL], "stop_reason": "tool_use"}), json_response(message("Sunny."))
    )

    @beta_async_tool
    async def weather_of(city: str) -> str:
        """The weather of a city.

        Args:
            city: its name
        """
        return f"18 degrees in {city}"

    final = await client.beta.messages.tool_runner(**HI, tools=[weather_of]).until_done()
    assert final.content[0].model_dump()["text"] == "Sunny."
    *_, last = up.calls(PATH)[-1].json["messages"]
    [result] = last["content"]
    assert (result["tool_use_id"], result["content"]) == ("toolu_1", "18 degrees in Paris")
    assert [record.finish_reason for record in await gateway.records()] == ["end_turn", "tool_use"]


async def test_a_call_is_streamed(client: AsyncAnthropic, up: ScriptedUpstream):
    pieces = ['{"ci', 'ty":"Pa', 'ris"}']
    deltas = [
        event("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": piece})
        for piece in pieces
    ]
    start = event("content_block_start", index=0, content_block=CALL | {"input": {}})
    up.answer(streamed(begin(), start, *deltas, *end(reason="tool_use")))
    async with client.messages.stream(**HI, tools=[TOOL]) as stream:
        final = await stream.get_final_message()
    [call] = final.content
    assert (call.type, call.model_dump()["input"], final.stop_reason) == ("tool_use", {"city": "Paris"}, "tool_use")


async def test_its_errors_are_those_that_it_knows(client: AsyncAnthropic, gateway: Gateway, up: ScriptedUpstream):
    with pytest.raises(anthropic.NotFoundError) as missing:
        await client.messages.create(**HI | {"model": "nothing"})
    assert missing.value.request_id is not None
    up.answer(error(529, "overloaded_error", "Overloaded"))
    with pytest.raises(anthropic.InternalServerError) as overloaded:
        await client.messages.create(**HI)
    assert (overloaded.value.status_code, overloaded.value.type) == (503, "overloaded_error")
    up.answer(streamed(begin(usage()), *words("Hel"), event("error", error={"type": "api_error", "message": "broke"})))
    with pytest.raises(anthropic.APIStatusError) as broken:
        async with client.messages.stream(**HI) as stream:
            await stream.get_final_message()
    assert broken.value.type == "api_error"
    await limit(gateway, requests_per_minute=1)
    with pytest.raises(anthropic.RateLimitError) as limited:
        await client.messages.create(**HI)
    assert limited.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"


async def test_a_wrong_key_says_so(gateway: Gateway):
    async with AsyncAnthropic(api_key="sk-mallory", base_url=gateway.url, max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError, match="Incorrect API key provided"):
            await client.messages.create(**HI)
