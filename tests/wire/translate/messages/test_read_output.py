"""What upstreams that speak Messages answer, whole and event by event."""

import json
from typing import Any

import pytest

from tests.wire.translate.messages.streams import event, output_of
from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
from tollkeeper.wire.translate.messages.read_output import MessagesOutputReader, read_output
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    Output,
    TextDelta,
    ThinkingDelta,
)

CONTENT = [
    {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
    {"type": "redacted_thinking", "data": "EmwK"},
    {"type": "text", "text": "Hé\n", "citations": None},
    {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
    {"type": "thinking", "thinking": "", "signature": "EqQC"},
]
PARTS = (
    Thinking("hm", "EqQB"),
    Thinking("", redacted="EmwK"),
    Text("Hé\n"),
    ToolCall("toolu_1", "f", '{"a":1}'),
    ToolCall("toolu_2", "g", "{}"),
    Thinking("", "EqQC"),
)
WHOLE = Output("claude", PARTS, Finished("tool_calls"))


def whole(**fields):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": CONTENT}
    message |= {"stop_reason": "tool_use", "stop_sequence": None, "usage": {"input_tokens": 1}} | fields
    return json.dumps(message, separators=(",", ":")).encode()


def delta(index, **fields):
    return event("content_block_delta", index=index, delta=fields)


def start(index, **block):
    return event("content_block_start", index=index, content_block=block)


def stop(index):
    return event("content_block_stop", index=index)


STREAM = [
    event("message_start", message={"id": "msg_1", "model": "claude", "content": [], "usage": {"input_tokens": 1}}),
    event("ping"),
    start(0, type="thinking", thinking="", signature=""),
    delta(0, type="thinking_delta", thinking="h"),
    delta(0, type="thinking_delta", thinking="m"),
    delta(0, type="signature_delta", signature="EqQB"),
    stop(0),
    start(1, type="redacted_thinking", data="EmwK"),
    stop(1),
    start(2, type="text", text=""),
    delta(2, type="text_delta", text="Hé"),
    delta(2, type="citations_delta", citation={"type": "char_location"}),
    delta(2, type="text_delta", text="\n"),
    stop(2),
    start(3, type="tool_use", id="toolu_1", name="f", input={}),
    delta(3, type="input_json_delta", partial_json=""),
    delta(3, type="input_json_delta", partial_json='{"a":'),
    delta(3, type="input_json_delta", partial_json="1}"),
    stop(3),
    start(4, type="server_tool_use", id="srvtoolu_1", name="web_search", input={}),
    delta(4, type="input_json_delta", partial_json='{"query":"x"}'),
    stop(4),
    start(5, type="web_search_tool_result", tool_use_id="srvtoolu_1", content=[]),
    stop(5),
    start(6, type="tool_use", id="toolu_2", name="g", input={}),
    delta(6, type="input_json_delta", partial_json="{}"),
    stop(6),
    start(7, type="thinking", thinking="", signature=""),
    delta(7, type="signature_delta", signature="EqQC"),
    stop(7),
    event("message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 9}),
    event("message_stop"),
]


def read(*sent):
    reader = MessagesOutputReader()
    return [each for one in sent for each in reader.read(one)]


def test_a_whole_response():
    assert read_output(whole()) == WHOLE


def test_a_stream_makes_the_whole():
    assert output_of(read(*STREAM)) == WHOLE


def test_events_one_by_one():
    assert read(*STREAM[:5]) == [Begun("claude"), ThinkingDelta("h"), ThinkingDelta("m")]
    assert read(*STREAM[14:18]) == [
        CallBegun(0, "toolu_1", "f"),
        CallDelta(0, '{"a":'),
        CallDelta(0, "1}"),
    ]
    assert read(*STREAM[24:26])[0] == CallBegun(0, "toolu_2", "g")


def test_what_comes_with_the_beginning_of_a_block_counts():
    assert read(start(0, type="text", text="Hi")) == [TextDelta("Hi")]
    assert read(start(0, type="thinking", thinking="hm", signature="EqQB")) == [ThinkingDelta("hm", "EqQB")]
    call = start(0, type="tool_use", id="t", name="f", input={"a": 1})
    assert read(call, stop(0)) == [CallBegun(0, "t", "f"), CallDelta(0, '{"a": 1}')]
    nothing: Any
    for nothing in ({}, None):
        assert read(start(0, type="tool_use", id="t", name="f", input=nothing), stop(0)) == [CallBegun(0, "t", "f")]
    more = delta(0, type="input_json_delta", partial_json='{"a":1}')
    assert read(call, more, stop(0)) == [CallBegun(0, "t", "f"), CallDelta(0, '{"a":1}')]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("compaction", "stop"),
    ],
)
def test_why_it_ended(reason, finish):
    expected = Finished(finish, "END" if finish == "stop_sequence" else None)
    assert read_output(whole(stop_reason=reason, stop_sequence="END")).finish == expected
    assert read(event("message_delta", delta={"stop_reason": reason, "stop_sequence": "END"})) == [expected]


def test_half_a_surrogate_pair_is_one_odd_character():
    assert read(b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"a\\ud83d"}}\n\n') == [
        TextDelta("a\ufffd")
    ]
    body = b'{"model":"m","content":[{"type":"text","text":"a\\ud83d"}],"stop_reason":"end_turn"}'
    assert read_output(body).parts == (Text("a\ufffd"),)


@pytest.mark.parametrize(
    "sent",
    [
        b": comment\n\n",
        b'data: {"type":"content_block_delta","delta":5}\n\n',
        b'data: {"type":"content_block_delta","index":[],"delta":{"type":"input_json_delta","partial_json":"x"}}\n\n',
        b'data: {"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"x"}}\n\n',
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":5}}\n\n',
        b'data: {"type":"content_block_start"}\n\n',
        b'data: {"type":"content_block_stop","index":3}\n\n',
        b'data: {"type":"message_delta","delta":{"stop_reason":null}}\n\n',
        b"data: []\n\n",
    ],
)
def test_an_odd_event_has_no_output(sent):
    assert read(sent) == []


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", b'{"content":5}', b'{"content":[5]}', b'{"content":[],"content":[]}']
)
def test_what_is_no_answer_fails(body):
    with pytest.raises(UpstreamUnavailable):
        read_output(body)


def test_odd_blocks_have_no_output():
    odd = [{"type": "tool_use", "input": 5}, {"type": "text", "text": 5}, {"text": "x"}, {"type": "thinking"}]
    assert read_output(whole(content=odd, model=None)).parts == (ToolCall("", "", "{}"),)


def test_a_long_one_is_read_alike():
    words = "é\n" * 200_000
    assert read_output(whole(content=[{"type": "text", "text": words}])).parts == (Text(words),)
