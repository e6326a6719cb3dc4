"""The Responses dialect through the whole gateway, before upstreams that speak chat completions or Messages."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.gateway.test_limits import BEARER, limit, nothing_is_held
from tests.responses_shapes import data_of
from tests.scripted import chat_answer, chat_chunks, json_response, sse, streamed
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD
from tests.wire.translate.responses.asking import FUNCTION
from tests.wire.translate.responses.test_format import AGENTS
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI_COMPATIBLE, OPENROUTER
from tollkeeper.services.upstreams.config import UpstreamConfig

MODEL = "tiny:latest"
PRICE = {"model": MODEL, "input_usd_per_mtok": "2", "output_usd_per_mtok": "8"}
KINDS = {kind.name: kind for kind in (OLLAMA, OPENROUTER, OPENAI_COMPATIBLE)}
CALL = {"id": "c1", "type": "function", "index": 0, "function": {"name": "mcp__shell", "arguments": '{"command":"ls"}'}}
FILELESS = [
    item for item in AGENTS["input"] if "input_file" not in json.dumps(item) and "image" not in json.dumps(item)
]


def message_start(**usage: int) -> dict[str, Any]:
    message = {"id": "msg_up", "type": "message", "role": "assistant", "model": MODEL, "content": [], "usage": usage}
    return {"type": "message_start", "message": message}


def messages_stream() -> list[bytes]:
    """A stream of Anthropic's: a signed thought, a text and a call."""
    events: list[dict[str, Any]] = [
        message_start(input_tokens=7, output_tokens=1),
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "id": "toolu_1", "name": "mcp__shell", "input": {}},
        },
        {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'}},
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    return [f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events]


def respond(gateway, **fields):
    return gateway.client.post("/v1/responses", json={"model": MODEL, "input": "hi"} | fields)


@asynccontextmanager
async def before(start, up, kind, **settings):
    up.route("GET /v1/models", json_response({"object": "list", "data": [{"id": MODEL}]}))
    config = UpstreamConfig("one", kind, up.url, open=True)
    async with start(upstreams=[config], **settings) as gateway:
        await gateway.context.catalog.refresh()
        assert (await gateway.client.put("/admin/prices", json=PRICE, headers=BEARER)).status_code == 200
        yield gateway


@pytest.fixture(params=KINDS)
async def chat(request, start, up):
    """A gateway before an upstream that speaks chat completions."""
    async with before(start, up, KINDS[request.param]) as gateway:
        yield gateway


@pytest.fixture
async def messages(start, up):
    async with before(start, up, ANTHROPIC) as gateway:
        yield gateway


async def test_a_whole_response(chat, up):
    up.answer(json_response(chat_answer("Hi.", usage=(7, 2))))
    answer = await respond(chat, instructions="Be brief.", max_output_tokens=9)
    record = await chat.record()
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert made["output"][0]["content"][0]["text"] == "Hi."
    assert (made["id"], made["model"]) == (record.request_id.replace("req_", "resp_"), record.model)
    assert (made["instructions"], made["max_output_tokens"]) == ("Be brief.", 9)
    assert (record.endpoint, record.usage.prompt_tokens, record.usage.completion_tokens) == ("/v1/responses", 7, 2)
    sent = up.requests[-1]
    assert sent.target == "/v1/chat/completions"
    assert sent.json["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]


async def test_a_stream(chat, up):
    up.answer(streamed(*sse(*chat_chunks(["a", "b"], usage=(7, 2)))))
    answer = await respond(chat, stream=True)
    events = data_of(answer.content)
    assert answer.headers["content-type"] == "text/event-stream"
    assert [event["delta"] for event in events if event["type"].endswith(".delta")] == ["a", "b"]
    record = await chat.record()
    assert {event["response"]["model"] for event in events if "response" in event} == {record.model}
    assert events[-1]["type"] == "response.completed"
    assert (record.status, record.finish_reason) == ("completed", "stop")
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (7, 2)


@pytest.mark.parametrize("limits", [{"cost_usd_per_month": 10}, {"tokens_per_day": 1_000_000}])
async def test_an_agent_with_a_budget_calls_a_tool_in_a_namespace(chat, up, limits):
    await limit(chat, **limits)
    delta = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    chunks = [
        chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
        chunk | {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}},
    ]
    up.answer(streamed(*sse(*chunks)))
    answer = await respond(chat, **AGENTS | {"input": FILELESS})
    assert answer.status_code == 200, answer.text
    (call,) = data_of(answer.content)[-1]["response"]["output"]
    assert (call["type"], call["namespace"], call["name"], call["call_id"]) == ("function_call", "mcp", "shell", "c1")
    assert call["arguments"] == '{"command":"ls"}'
    # The next turn, as the agent sends it back.
    result = {"type": "function_call_output", "call_id": "c1", "output": "a.txt"}
    up.answer(json_response(chat_answer("Done.", usage=(7, 2))))
    again = await respond(chat, **AGENTS | {"input": [*FILELESS, call, result], "stream": False})
    assert again.json()["output"][0]["content"][0]["text"] == "Done."
    *_, called, told = up.requests[-1].json["messages"]
    assert called["tool_calls"][0]["function"]["name"] == "mcp__shell"
    assert (told["role"], told["tool_call_id"], told["content"]) == ("tool", "c1", "a.txt")


async def test_limits_clip_the_output(chat, up):
    await limit(chat, max_tokens_per_request=5)
    up.answer(json_response(chat_answer("Hi.", usage=(7, 2))))
    assert (await respond(chat, max_output_tokens=9)).status_code == 200
    assert up.requests[-1].json["max_tokens"] == 5


async def test_a_stream_that_breaks_off_ends_with_the_response_failed(chat, up):
    up.answer(streamed(*sse(*chat_chunks(["a", "b"]), done=False)[:2]))
    *_, failed = data_of((await respond(chat, stream=True)).content)
    assert failed["type"] == "response.failed"
    assert failed["response"]["error"]["code"] == "upstream_unavailable"
    record = await chat.record()
    assert failed["response"]["model"] == record.model
    assert (record.status, record.usage.completion_tokens) == ("failed", 2)


async def test_a_client_that_leaves_pays_for_what_came(chat, up):
    async def script(conn, request):
        await conn.send(STREAM_HEAD)
        for event in sse(*chat_chunks(["a", "b"]))[:2]:
            await conn.send_chunk(event)
        await conn.disconnected.wait()

    up.answer(script)
    async with chat.client.stream("POST", "/v1/responses", json={"model": MODEL, "input": "hi", "stream": True}) as got:
        text = b""
        async for piece in got.aiter_bytes():
            text += piece
            if b'"delta":"b"' in text:
                break
    await until(lambda: not chat.context.requests.active)
    record = await chat.record()
    assert (record.status, record.usage.completion_tokens, record.usage.estimated) == ("cancelled", 2, True)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": [{"type": "computer_call", "call_id": "c"}]}, "input[0].type"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"store": True}, "store"),
    ],
)
async def test_what_cannot_be_carried_is_refused_and_named(chat, up, fields, param):
    answer = await respond(chat, **fields)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not up.calls("POST /v1/chat/completions")
    await nothing_is_held(chat)


# Anthropic


async def test_thoughts_are_carried_by_the_client_to_their_maker(messages, up):
    up.answer(streamed(*messages_stream()))
    asked = AGENTS | {"input": "hi", "model": MODEL}
    answer = await respond(messages, **asked)
    assert answer.status_code == 200, answer.text
    events = data_of(answer.content)
    reasoning, message, call = output = events[-1]["response"]["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert message["content"][0]["text"] == "Hi"
    assert (call["namespace"], call["name"], call["call_id"], call["arguments"]) == (
        "mcp",
        "shell",
        "toolu_1",
        '{"a":1}',
    )
    record = await messages.record()
    assert (record.usage.prompt_tokens, record.usage.completion_tokens, record.finish_reason) == (7, 3, "tool_use")
    up.answer(streamed(*messages_stream()))
    result = {"type": "function_call_output", "call_id": "toolu_1", "output": "ok"}
    await respond(messages, **asked | {"input": [{"role": "user", "content": "hi"}, *output, result]})
    sent = up.requests[-1]
    assert sent.target == "/v1/messages"
    thought, said, called = sent.json["messages"][1]["content"]
    assert thought == {"type": "thinking", "thinking": "hm", "signature": "sig"}
    assert (said["text"], called["name"], called["input"]) == ("Hi", "mcp__shell", {"a": 1})
    assert sent.json["messages"][2]["content"][0]["tool_use_id"] == "toolu_1"


async def test_a_whole_response_of_messages(messages, up):
    content = [{"type": "text", "text": "Hi."}]
    body = message_start(input_tokens=7, output_tokens=2)["message"] | {"content": content, "stop_reason": "max_tokens"}
    up.answer(json_response(body))
    made = (await respond(messages, tools=[FUNCTION], max_output_tokens=2)).json()
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert made["output"][0]["content"][0]["text"] == "Hi."
    assert made["usage"]["total_tokens"] == 9
    assert up.requests[-1].json["max_tokens"] == 2
