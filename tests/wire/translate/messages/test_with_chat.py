"""Chat and Messages, one by way of the other: what OpenAI's clients ask of Anthropic, and Anthropic's of all others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.translate.messages.requests import CLAUDE_CODE, request_of
from tests.wire.translate.messages.streams import events_of, message_of
from tests.wire.translate.messages.test_captures import REQUEST, STREAM, WHOLE, agree
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI, OPENROUTER, Kind
from tollkeeper.wire.anthropic.request import MESSAGES, read_request
from tollkeeper.wire.openai.request import CHAT
from tollkeeper.wire.openai.request import read_request as read_chat
from tollkeeper.wire.sse import SseSplitter
from tollkeeper.wire.translate.adapter import translated
from tollkeeper.wire.translate.chat.format import CHAT_CLIENT, CHAT_UPSTREAM
from tollkeeper.wire.translate.conversation import Conversation, ImagePart, Text, ToolCall, ToolResult
from tollkeeper.wire.translate.messages.format import MESSAGES_CLIENT, MESSAGES_UPSTREAM

TO_CHAT = translated(MESSAGES_CLIENT, CHAT_UPSTREAM)
TO_MESSAGES = translated(CHAT_CLIENT, MESSAGES_UPSTREAM)
WORDS = st.text(min_size=1, max_size=8)
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def user_says(parts):
    return {"role": "user", "content": parts}


PARTS = st.lists(WORDS.map(lambda text: {"type": "text", "text": text}) | st.just(IMAGE), min_size=1)
SAID = WORDS.map(user_says) | PARTS.map(user_says)
SYSTEM = st.builds(lambda role, text: {"role": role, "content": text}, st.sampled_from(["system", "developer"]), WORDS)


@st.composite
def turns_of_the_model(draw):
    """What the model said, and the results of its calls."""
    calls = draw(st.lists(st.dictionaries(WORDS, st.integers() | WORDS, max_size=2), max_size=2))
    text = draw(WORDS) if not calls else draw(st.none() | st.just("") | WORDS)
    message = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"call_{place}", "type": "function", "function": {"name": "f", "arguments": json.dumps(arguments)}}
            for place, arguments in enumerate(calls)
        ]
    results = [{"role": "tool", "tool_call_id": f"call_{place}", "content": draw(WORDS)} for place in range(len(calls))]
    return [message, *results]


@st.composite
def chats(draw):
    messages = [*draw(st.lists(SYSTEM, max_size=2)), draw(SAID)]
    for turn in draw(st.lists(turns_of_the_model(), max_size=3)):
        messages += turn
        messages += draw(st.lists(SAID, min_size=1, max_size=2))
        messages += draw(st.lists(SYSTEM, max_size=1))
    return messages


def chat(messages, **fields):
    body = {"model": "claude-opus-4-6", "messages": messages} | fields
    return read_chat(json.dumps(body).encode(), CHAT)


def rewritten(adapter, request, *, kind: Kind, model="claude-opus-4-6", cap=None):
    adapter.check_supported(request, kind)
    urls = [image.url for image in request.images]
    body: bytes = adapter.rewrite(
        request, model=model, opaque_user=lambda: "u_1", image_urls=urls, output_cap=cap, kind=kind, price=None
    )
    return body


def said_in(conversation: Conversation) -> list[tuple[object, ...]]:
    """Who says what, in order: texts, images, calls and results."""
    said: list[tuple[object, ...]] = []
    for turn in conversation.turns:
        for part in turn.parts:
            if isinstance(part, Text):
                said.append((turn.role, part.text))
            elif isinstance(part, ImagePart):
                said.append((turn.role, part.url))
            elif isinstance(part, ToolCall):
                said.append(("call", part.id, part.name, json.loads(part.arguments)))
            elif isinstance(part, ToolResult):
                said.append(("result", part.call_id, tuple(each for each in part.content)))
    return said


@given(chats())
def test_a_chat_by_way_of_messages_is_the_same_chat(messages):
    request = chat(messages)
    asked = CHAT_CLIENT.read_request(request, [image.url for image in request.images], None)
    between = read_request(rewritten(TO_MESSAGES, request, kind=ANTHROPIC), MESSAGES)
    back = read_chat(rewritten(TO_CHAT, between, kind=OPENROUTER), CHAT)
    read = CHAT_CLIENT.read_request(back, [image.url for image in back.images], None)
    assert said_in(read) == said_in(asked)


def test_a_chat_for_anthropic_byte_for_byte():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}
    messages = [
        {"role": "developer", "content": "be kind"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "r"},
    ]  # fmt: skip
    request = chat(
        messages, tools=[tool], stop="END", max_completion_tokens=50, user="ann", temperature=0.3, stream=True
    )
    assert rewritten(TO_MESSAGES, request, kind=ANTHROPIC) == (
        b'{"model":"claude-opus-4-6","max_tokens":50,"system":"be kind","messages":[{"role":"user","content":"hi"},'
        b'{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"f","input":{"a": 1}}]},'
        b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"r"}]}],'
        b'"tools":[{"name":"f","input_schema":{"type": "object"}}],"stop_sequences":["END"],"temperature":0.3,'
        b'"stream":true,"metadata":{"user_id":"u_1"}}'
    )


@pytest.mark.parametrize("kind", [OLLAMA, OPENAI, OPENROUTER])
def test_claude_codes_first_request_as_a_chat(kind):
    body = json.loads(rewritten(TO_CHAT, request_of(**CLAUDE_CODE), kind=kind, model="gpt"))
    assert [each["role"] for each in body["messages"]] == ["system", "user", "system"]
    assert body["tools"][0]["function"]["name"] == "Bash"
    assert body["tools"][0]["function"]["parameters"] == CLAUDE_CODE["tools"][0]["input_schema"]
    assert 32000 in (body.get("max_tokens"), body.get("max_completion_tokens"))
    assert body["stream_options"] == {"include_usage": True}
    assert not {"context_management", "output_config", "thinking", "metadata", "system"} & body.keys()


# The real Ollama's answers in tests/wire/translate/messages/test_captures.py, as it puts them in a chat.
_CHUNK = (
    '{"id":"chatcmpl-327","object":"chat.completion.chunk","created":1795181970,"model":"tiny",'
    '"system_fingerprint":"fp_ollama","choices":['
)
CHAT_WHOLE = (
    b'{"id":"chatcmpl-901","object":"chat.completion","created":1795181970,"model":"tiny","system_fingerprint":'
    b'"fp_ollama","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, this is a"},'
    b'"finish_reason":"length"}],"usage":{"prompt_tokens":21,"completion_tokens":5,"total_tokens":26}}'
)
CHAT_STREAM = (
    "".join(
        f'data: {_CHUNK}{{"index":0,"delta":{{"role":"assistant","content":"{text}"}},"finish_reason":{reason}}}]}}\n\n'
        for text, reason in (("Hello", "null"), (",", "null"), (" this", "null"), ("", '"length"'))
    )
    + f'data: {_CHUNK}],"usage":{{"prompt_tokens":21,"completion_tokens":3,"total_tokens":24}}}}\n\n'
    + "data: [DONE]\n\n"
).encode()


def relayed(adapter, request, stream: bytes) -> bytes:
    reader = adapter.open_stream(request, "req_01")
    passed = b"".join(map(reader.read, SseSplitter(1 << 20).feed(stream)))
    assert reader.complete
    return b"".join((passed, reader.end))


def test_what_a_real_ollama_says_in_a_chat_is_what_it_says_in_messages():
    request = read_request(REQUEST, MESSAGES)
    whole = TO_CHAT.read_response(request, CHAT_WHOLE, "req_01")
    assert whole.convert is not None
    agree(json.loads(whole.convert(CHAT_WHOLE)), json.loads(WHOLE))
    ours, theirs = events_of(relayed(TO_CHAT, request, CHAT_STREAM)), events_of(STREAM)
    for each in (ours[0], theirs[0]):
        del each["message"]["usage"]["input_tokens"]  # each its own estimate
    agree(ours, theirs)


def test_a_real_call_of_a_tool():
    call = (
        '{"id":"call_42fddce5","index":0,"type":"function","function":'
        '{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}}'
    )
    stream = (
        f'data: {_CHUNK}{{"index":0,"delta":{{"role":"assistant","content":"","tool_calls":[{call}]}},'
        '"finish_reason":null}]}\n\n'
        f'data: {_CHUNK}{{"index":0,"delta":{{"role":"assistant","content":""}},"finish_reason":"tool_calls"}}]}}\n\n'
        f'data: {_CHUNK}],"usage":{{"prompt_tokens":107,"completion_tokens":30,"total_tokens":137}}}}\n\n'
        "data: [DONE]\n\n"
    )
    message = message_of(relayed(TO_CHAT, request_of(), stream.encode()))
    assert message["content"] == [
        {
            "type": "tool_use",
            "id": "call_42fddce5",
            "name": "get_weather",
            "input": {"city": "Paris"},
            "caller": {"type": "direct"},
        }
    ]
    assert (message["stop_reason"], message["usage"]["input_tokens"]) == ("tool_use", 107)


def test_what_anthropic_answers_is_a_chat():
    request = chat([{"role": "user", "content": "hi"}], stream=True, stream_options={"include_usage": True})
    chunks = [each.removeprefix(b"data: ") for each in SseSplitter(1 << 20).feed(relayed(TO_MESSAGES, request, STREAM))]
    assert chunks.pop() == b"[DONE]\n\n"
    read = [json.loads(each) for each in chunks]
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in read if each["choices"]) == "Hello, this"
    assert [each["choices"][0]["finish_reason"] for each in read if each["choices"]][-1] == "length"
    assert (read[-1]["usage"]["prompt_tokens"], read[-1]["usage"]["completion_tokens"]) == (21, 3)
    whole = TO_MESSAGES.read_response(chat([{"role": "user", "content": "hi"}]), WHOLE, "req_01")
    assert whole.convert is not None
    answer = json.loads(whole.convert(WHOLE))
    assert answer["choices"][0]["message"]["content"] == "Hello, this is a"
