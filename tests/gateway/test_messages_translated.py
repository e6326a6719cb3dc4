"""Messages before upstreams that know only chats, and chats before Anthropic, through the whole gateway: what the
client gets, what the upstream is sent, and what the record says."""

from __future__ import annotations

import json

import pytest

from tests.gateway.messages_shapes import CLAUDE, be_anthropic, events_of, message, stream, usage
from tests.gateway.test_limits import limit
from tests.gateway.test_messages import before, config
from tests.scripted import ScriptedUpstream, json_response, streamed
from tests.shapes import CREATED, chat_answer, sse
from tests.wire.translate.messages.requests import CLAUDE_CODE, assistant, user
from tests.wire.translate.messages.streams import message_of
from tollkeeper.rules.usage import Usage

CHAT = "POST /v1/chat/completions"


def chunk(**fields):
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": "tiny"} | fields


def delta(reason=None, **fields):
    return chunk(choices=[{"index": 0, "delta": fields, "finish_reason": reason}])


def a_call(*, usage_known: bool = True) -> bytes:
    """A chat's stream with a call of a tool."""
    call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "Bash", "arguments": '{"command":'}}
    more = {"index": 0, "function": {"arguments": '"ls"}'}}
    used = {"prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520}
    events = [
        delta(role="assistant", content="I look."),
        delta(tool_calls=[call]),
        delta(tool_calls=[more]),
        delta("tool_calls"),
    ]
    return streamed(*sse(*events, *([chunk(choices=[], usage=used)] if usage_known else [])))


async def test_claude_codes_first_request_before_an_ollama_that_knows_only_chats(gateway, up: ScriptedUpstream):
    up.answer(a_call())
    answer = await gateway.client.post("/v1/messages?beta=true", json=CLAUDE_CODE | {"model": "tiny"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    read = message_of(answer.content)
    assert read["content"] == [
        {"type": "text", "text": "I look.", "citations": None},
        {
            "type": "tool_use",
            "id": "call_1",
            "name": "Bash",
            "input": {"command": "ls"},
            "caller": {"type": "direct"},
        },
    ]
    assert (read["stop_reason"], read["model"]) == ("tool_use", "tiny")
    assert (read["usage"]["input_tokens"], read["usage"]["output_tokens"]) == (500, 20)
    record = await gateway.record()
    assert record.usage == Usage(500, 0, 0, 20)
    assert (record.endpoint, record.status, record.stream) == ("/v1/messages", "completed", True)
    assert read["id"] == "msg_" + record.request_id.removeprefix("req_")
    [call] = up.calls(CHAT)
    assert [each["role"] for each in call.json["messages"]] == ["system", "user", "system"]
    assert call.json["max_tokens"] == 32000
    assert CLAUDE_CODE["metadata"]["user_id"] not in call.body.decode()


async def test_the_result_of_the_call_and_a_whole_answer(gateway, up: ScriptedUpstream):
    up.answer(json_response(chat_answer("Done.", usage=(40, 2))))
    call = {"type": "tool_use", "id": "call_1", "name": "Bash", "input": {"command": "ls"}}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "a b", "is_error": False}
    messages = [{"role": "user", "content": "List"}, assistant(call), user(result)]
    answer = await gateway.client.post("/v1/messages", json={"model": "tiny", "max_tokens": 9, "messages": messages})
    assert answer.status_code == 200, answer.text
    assert answer.json()["content"] == [{"type": "text", "text": "Done.", "citations": None}]
    assert (answer.json()["stop_reason"], answer.json()["usage"]["input_tokens"]) == ("end_turn", 40)
    said = up.calls(CHAT)[-1].json["messages"]
    assert [each["role"] for each in said] == ["user", "assistant", "tool"]
    assert json.loads(said[1]["tool_calls"][0]["function"]["arguments"]) == {"command": "ls"}
    assert (await gateway.record()).usage == Usage(40, 0, 0, 2)


async def test_what_cannot_be_carried_is_refused_by_name_and_asks_nobody(gateway, up: ScriptedUpstream):
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    for fields, param in (({"tools": tools}, "tools[0].type"), ({"container": "c_1"}, "container")):
        body = {"model": "tiny", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]} | fields
        answer = await gateway.client.post("/v1/messages", json=body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
        assert answer.json()["error"]["param"] == param
    assert not up.calls(CHAT)


async def test_a_stream_that_breaks_ends_with_an_error_of_the_dialect(gateway, up: ScriptedUpstream):
    up.answer(streamed(*sse(delta(role="assistant", content="Hel"), {"error": {"message": "broken"}}, done=False)))
    body = CLAUDE_CODE | {"model": "tiny"}
    answer = await gateway.client.post("/v1/messages", json=body)
    last = events_of(answer.text)[-1]
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    record = await gateway.record()
    assert (record.status, last["request_id"]) == ("failed", record.request_id)


@pytest.mark.parametrize("streams", [False, True])
async def test_a_chat_before_anthropic_is_metered_and_paid_by_class(start, up: ScriptedUpstream, streams):
    be_anthropic(up)
    used = usage(1000, 40, read=5000, written_5m=300, written_1h=200)
    async with before(start, config(up)) as gateway:
        up.answer(stream(used) if streams else json_response(message(used=used)))
        more = {"stream": True, "stream_options": {"include_usage": True}} if streams else {}
        answer = await gateway.chat(model=CLAUDE, temperature=0, user="ann", **more)
        assert answer.status_code == 200, answer.text
        record = await gateway.record()
        assert record.usage == Usage(6500, 5000, 500, 40, 0, cache_write_1h_tokens=200)
        assert (record.endpoint, record.upstream, record.status) == ("/v1/chat/completions", "anthropic", "completed")
        assert record.cost_pico > 0
        if streams:
            chunks = [json.loads(each[6:]) for each in answer.text.strip().split("\n\n")[:-1]]
            said = "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks if each["choices"])
            assert (said, chunks[-1]["usage"]["prompt_tokens"]) == ("Hello!", 6500)
        else:
            assert answer.json()["choices"][0]["message"]["content"] == "Hello!"
        sent = up.calls("POST /v1/messages")[-1].json
        assert sent["messages"] == [{"role": "user", "content": "hi"}]
        assert sent["max_tokens"] == 4096
        assert sent["metadata"]["user_id"] != "ann"
        assert "temperature" not in sent


async def test_a_budget_counts_what_a_translation_adds(start, up):
    """A tool of a few bytes is several times as long in a chat: a budget that has room for the request alone could be
    exceeded."""
    tools = [{"name": f"t{place}"} for place in range(100)]
    body = {"model": "tiny", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "tools": tools}
    async with start() as gateway:
        await limit(gateway, tokens_total=len(json.dumps(body)) + 2000)
        answer = await gateway.client.post("/v1/messages", json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["code"] == "limit_too_small", answer.text
        await limit(gateway, tokens_total=20_000)
        up.answer(json_response(chat_answer("Done.", usage=(9000, 2))))
        assert (await gateway.client.post("/v1/messages", json=body)).status_code == 200
        assert len(up.calls(CHAT)[-1].body) > 9000
