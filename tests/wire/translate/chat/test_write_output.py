"""Output as chat responses, byte for byte; and a stream's pieces put together are the whole."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.wire.translate.chat.answers import ANSWERS, Answer
from tests.wire.translate.chat.asking import asking
from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.translate.chat.read_output import ChatOutputReader, read_output
from tollkeeper.wire.translate.chat.write_output import ChatWriter, write_response
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    FinishReason,
    Output,
    OutputEvent,
    TextDelta,
    ThinkingDelta,
)
from tollkeeper.wire.usage import NO_REPORT, UsageReport

ID = "req_01935a6b2c3d0011223344556677"
REPORT = UsageReport(7, 5, cached_tokens=3, reasoning_tokens=2)
USAGE = (
    b'{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":3},'
    b'"completion_tokens_details":{"reasoning_tokens":2}}'
)
HEAD = (
    b'data: {"id":"chatcmpl-%b","object":"chat.completion.chunk","created":1732388793,"model":"M","choices":['
    % ID[4:].encode()
)
LEGACY: dict[str, Any] = {"functions": [{"name": "f"}]}
WANTS_USAGE: dict[str, Any] = {"stream_options": {"include_usage": True}}


def written(*events: OutputEvent, report: UsageReport = REPORT, **fields: Any) -> list[bytes]:
    """The events of a stream, and its end."""
    writer = ChatWriter(asking(stream=True, **fields), ID)
    pieces = [writer.write(event, NO_REPORT) for event in (Begun("M"), *events)]
    return [piece for piece in [*pieces, writer.end(report)] if piece]


def test_the_role_is_on_the_first_event_only() -> None:
    assert written(TextDelta("a"), TextDelta('é"\n'), Finished("length")) == [
        HEAD + b'{"index":0,"delta":{"role":"assistant","content":"a"},"logprobs":null,"finish_reason":null}]}\n\n',
        HEAD + '{"index":0,"delta":{"content":"é\\"\\n"},"logprobs":null,"finish_reason":null}]}\n\n'.encode(),
        HEAD + b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]}\n\n',
        b"data: [DONE]\n\n",
    ]
    assert written(Finished("stop"))[0] == (
        HEAD + b'{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":"stop"}]}\n\n'
    )


def test_usage_comes_where_it_was_asked_for_and_is_known() -> None:
    assert written(TextDelta("a"), Finished("stop"), **WANTS_USAGE) == [
        HEAD + b'{"index":0,"delta":{"role":"assistant","content":"a"},"logprobs":null,"finish_reason":null}],'
        b'"usage":null}\n\n',
        HEAD + b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}\n\n',
        HEAD + b'],"usage":' + USAGE + b"}\n\ndata: [DONE]\n\n",
    ]
    assert written(Finished("stop"), report=NO_REPORT, **WANTS_USAGE)[-1] == b"data: [DONE]\n\n"
    kept = written(report=UsageReport(None, 5, cache_write_tokens=4), **WANTS_USAGE)[-1]
    assert b'"prompt_tokens":0' in kept
    assert b'"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":4}' in kept


def test_thoughts_calls_and_refusals() -> None:
    deltas = [
        json.loads(event.removeprefix(b"data: "))["choices"][0]["delta"]
        for event in written(
            ThinkingDelta("hm"), ThinkingDelta(signature="s"), CallBegun(0, "c1", "f"), CallDelta(0, '{"a"'),
            CallBegun(1, "", "g"), TextDelta("no", refusal=True),
        )[:-1]
    ]  # fmt: skip
    assert deltas == [
        {"role": "assistant", "content": None, "reasoning_content": "hm"},
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {
            "tool_calls": [
                {"index": 1, "id": f"call_{ID[4:]}_1", "type": "function", "function": {"name": "g", "arguments": ""}}
            ]
        },
        {"refusal": "no"},
    ]
    assert len(f"call_{ID[4:]}_1") <= 40


def test_who_offers_functions_is_answered_with_one() -> None:
    events: list[OutputEvent] = [
        CallBegun(0, "c", "f"),
        CallDelta(0, "{}"),
        CallBegun(1, "d", "g"),
        CallDelta(1, "{}"),
        Finished("tool_calls"),
    ]
    choices = [json.loads(event[6:])["choices"][0] for event in written(*events, **LEGACY)[:-1]]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        {},
    ]
    assert choices[-1]["finish_reason"] == "function_call"


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop", "stop"),
        ("stop_sequence", "stop"),
        ("pause", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("refusal", "content_filter"),
    ],
)
def test_finish_reasons(reason: FinishReason, expected: str) -> None:
    assert b'"finish_reason":"%b"}]}' % expected.encode() in written(TextDelta("a"), Finished(reason))[1]
    whole = write_response(asking(), ID, Output("", (Text("a"),), Finished(reason)), REPORT)
    assert json.loads(whole)["choices"][0]["finish_reason"] == expected


def test_a_refusal_in_words_of_its_own_ends_as_a_text() -> None:
    [_, end, _] = written(TextDelta("no", refusal=True), Finished("refusal"))
    assert b'"finish_reason":"stop"' in end


def test_a_stream_that_fails_ends_with_the_error() -> None:
    writer = ChatWriter(asking(stream=True), ID)
    assert writer.error(UpstreamFailure("Broken.")).startswith(b'data: {"error":{"message":"Broken."')


def test_a_whole_response_has_every_field() -> None:
    output = Output("M", (Text('é"'),), Finished("stop"))
    assert write_response(asking(), ID, output, REPORT) == (
        b'{"id":"chatcmpl-%b","object":"chat.completion","created":1732388793,"model":"M","choices":[{"index":0,'
        b'"message":{"role":"assistant","content":"\xc3\xa9\\"","refusal":null,"annotations":[]},"logprobs":null,'
        b'"finish_reason":"stop"}],"usage":%b}' % (ID[4:].encode(), USAGE)
    )
    silent = Output("", (Thinking("h"), Thinking("m"), ToolCall("", "f", "{}")), Finished("tool_calls"))
    body = json.loads(write_response(asking(), ID, silent, NO_REPORT))
    assert (body["model"], "usage" in body) == ("m", False)
    assert body["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "annotations": [],
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": f"call_{ID[4:]}_0", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        ],
    }
    legacy = json.loads(write_response(asking(**LEGACY), ID, silent, NO_REPORT))["choices"][0]
    assert legacy["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert legacy["finish_reason"] == "function_call"


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("fields", [{}, LEGACY], ids=["tools", "functions"])
def test_a_stream_is_the_whole(answer: Answer, fields: dict[str, Any]) -> None:
    [choice] = json.loads(write_response(asking(**fields), ID, read_output(answer.whole()), REPORT))["choices"]
    reader = ChatOutputReader()
    pieces = written(*(found for event in answer.events() for found in reader.read(event)), **fields)
    message: dict[str, Any] = {}
    reason = None
    for piece in pieces[:-1]:
        [part] = msgspec.json.decode(piece.removeprefix(b"data: "))["choices"]
        reason = part["finish_reason"] or reason
        grow(message, part["delta"])
    for call in message.get("tool_calls", []):
        del call["index"]
    # What a stream does not say is null.
    expected = {name: value for name, value in choice["message"].items() if value not in (None, [])}
    assert {name: value for name, value in message.items() if value is not None} == expected
    assert reason == choice["finish_reason"]


def grow(message: dict[str, Any], delta: dict[str, Any]) -> None:
    """Put a delta to a message, as OpenAI's clients do."""
    for name, value in delta.items():
        if isinstance(value, dict):
            grow(message.setdefault(name, {}), value)
        elif name == "tool_calls":
            calls = message.setdefault(name, [])
            for call in value:
                if call["index"] == len(calls):
                    calls.append({})
                grow(calls[call["index"]], call)
        elif isinstance(value, str) and name not in ("id", "type"):
            message[name] = (message.get(name) or "") + value
        else:
            message[name] = value
