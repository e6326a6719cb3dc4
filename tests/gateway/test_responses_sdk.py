"""The stock `openai` SDK's `responses`, before an upstream of OpenAI's as it is, and before chats, translated."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, InternalServerError
from pydantic import BaseModel

from tests.gateway.test_limits import BEARER
from tests.gateway.test_responses import LISTED, MODEL, PRICE
from tests.responses_shapes import WORDS, message, response_object, responses_stream, typed
from tests.scripted import chat_answer, chat_chunks, json_response, sse, streamed
from tollkeeper.rules.kinds import OPENAI, OPENAI_COMPATIBLE, Kind
from tollkeeper.services.upstreams.config import UpstreamConfig

SAID = "".join(WORDS)
CALLED = {"id": "c1", "type": "function", "index": 0, "function": {"name": "look", "arguments": '{"at":"x"}'}}
FUNCTION_CALL = {
    "id": "fc_up",
    "type": "function_call",
    "status": "completed",
    "call_id": "c1",
    "name": "look",
    "arguments": '{"at":"x"}',
}
LOOK: Any = {
    "type": "function",
    "name": "look",
    "strict": True,
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"]},
}


class Mood(BaseModel):
    mood: str


class Upstream:
    """What one kind of upstream answers."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.own = kind is OPENAI

    def whole(self, text: str) -> bytes:
        own = response_object(MODEL, output=[message(text)])
        return json_response(own if self.own else chat_answer(text, usage=(7, 3), model=MODEL))

    def stream(self, *words: str) -> bytes:
        events = responses_stream(words, model=MODEL)
        return streamed(*(events if self.own else sse(*chat_chunks(words, usage=(7, 3), model=MODEL))))

    def call(self) -> bytes:
        if self.own:
            return json_response(response_object(MODEL, output=[FUNCTION_CALL]))
        answer = chat_answer("", usage=(7, 3), model=MODEL)
        answer["choices"][0] |= {
            "message": {"role": "assistant", "content": None, "tool_calls": [CALLED]},
            "finish_reason": "tool_calls",
        }
        return json_response(answer)


@pytest.fixture(params=[OPENAI, OPENAI_COMPATIBLE], ids=["as it is", "translated"])
def upstream(request: pytest.FixtureRequest) -> Upstream:
    return Upstream(request.param)


@pytest.fixture
async def gateway(start: Callable[..., Any], up: Any, upstream: Upstream) -> Any:
    up.route("GET /v1/models", LISTED)
    async with start(upstreams=[UpstreamConfig("one", upstream.kind, up.url, open=True)]) as running:
        await running.context.catalog.refresh()
        assert (await running.client.put("/admin/prices", json=PRICE, headers=BEARER)).status_code == 200
        yield running


@pytest.fixture
async def client(gateway: Any) -> Any:
    async with AsyncOpenAI(base_url=gateway.url + "/v1", api_key=gateway.secrets["alice"], max_retries=0) as made:
        yield made


async def test_create(client: AsyncOpenAI, gateway: Any, up: Any, upstream: Upstream) -> None:
    up.answer(upstream.whole("Hi."))
    response = await client.responses.create(model=MODEL, input="hi", instructions="Be brief.", max_output_tokens=9)
    record = await gateway.record()
    assert (response.output_text, response.status) == ("Hi.", "completed")
    assert response.id == record.request_id.replace("req_", "resp_")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (7, 3)
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (7, 3)


async def test_create_streamed(client: AsyncOpenAI, gateway: Any, up: Any, upstream: Upstream) -> None:
    up.answer(upstream.stream(*WORDS))
    events = [event async for event in await client.responses.create(model=MODEL, input="hi", stream=True)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == SAID
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == SAID
    assert (await gateway.record()).usage.completion_tokens == 3


async def test_the_helper_for_streams(client: AsyncOpenAI, up: Any, upstream: Upstream) -> None:
    up.answer(upstream.stream(*WORDS))
    async with client.responses.stream(model=MODEL, input="hi") as stream:
        said = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        assert (await stream.get_final_response()).output_text == SAID
    assert tuple(said) == WORDS


async def test_parse(client: AsyncOpenAI, up: Any, upstream: Upstream) -> None:
    up.answer(upstream.whole('{"mood":"happy"}'))
    response = await client.responses.parse(model=MODEL, input="hi", text_format=Mood)
    assert response.output_parsed == Mood(mood="happy")
    sent = up.requests[-1].json
    form = sent["text"]["format"] if upstream.own else sent["response_format"]["json_schema"]
    assert (form["name"], form["strict"], list(form["schema"]["properties"])) == ("Mood", True, ["mood"])


async def test_the_helper_for_streams_parses(client: AsyncOpenAI, up: Any, upstream: Upstream) -> None:
    up.answer(upstream.stream('{"mood":', '"sad"}'))
    async with client.responses.stream(model=MODEL, input="hi", text_format=Mood) as stream:
        assert (await stream.get_final_response()).output_parsed == Mood(mood="sad")


async def test_a_tool_and_its_result(client: AsyncOpenAI, up: Any, upstream: Upstream) -> None:
    up.answer(upstream.call())
    asked: list[Any] = [{"role": "user", "content": "look"}]
    response = await client.responses.create(model=MODEL, input=asked, tools=[LOOK], tool_choice="required")
    (call,) = response.output
    assert call.type == "function_call"
    assert (call.call_id, call.name, call.arguments) == ("c1", "look", '{"at":"x"}')
    result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "a toll"}
    up.answer(upstream.whole("A toll."))
    asked += [call.model_dump(exclude_none=True), result]
    again = await client.responses.create(model=MODEL, input=asked, tools=[LOOK])
    assert again.output_text == "A toll."
    assert "a toll" in json.dumps(up.requests[-1].json)


async def test_errors_are_the_sdks_own(client: AsyncOpenAI, up: Any, upstream: Upstream) -> None:
    with pytest.raises(BadRequestError) as refused:
        await client.responses.create(model=MODEL, input="hi", previous_response_id="resp_1")
    assert refused.value.param == "previous_response_id"
    up.answer(json_response({"error": {"message": "x", "type": "server_error"}}, 500))
    with pytest.raises(InternalServerError):
        await client.responses.create(model=MODEL, input="hi")


async def test_a_stream_that_fails_says_so(client: AsyncOpenAI, up: Any, upstream: Upstream) -> None:
    events = (
        responses_stream(model=MODEL)[:6] if upstream.own else sse(*chat_chunks(WORDS, model=MODEL), done=False)[:2]
    )
    up.answer(streamed(*events, *([typed("error", 6, message="x")] if upstream.own else [])))
    *_, last = [event async for event in await client.responses.create(model=MODEL, input="hi", stream=True)]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.error.message
