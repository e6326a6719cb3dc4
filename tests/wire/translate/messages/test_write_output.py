"""Answers in the Messages dialect: a stream's pieces make the whole, byte for byte where it matters."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.translate.messages.requests import request_of
from tests.wire.translate.messages.streams import event, events_of, message_of
from tollkeeper.rules.errors import AnswerTooLong, ServerOverloaded
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
from tollkeeper.wire.translate.messages import write_output
from tollkeeper.wire.translate.messages.write_output import MessagesWriter, write_response
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    Output,
    OutputEvent,
    OutputPart,
    TextDelta,
    ThinkingDelta,
)
from tollkeeper.wire.usage import NO_REPORT, UsageReport

THINKS = {"thinking": {"type": "adaptive"}}
REPORT = UsageReport(100, 7, cached_tokens=20, reasoning_tokens=3, cache_write_tokens=30, cache_write_1h_tokens=10)


def said(text):
    return {"type": "text", "text": text, "citations": None}


def called(call_id, name, arguments):
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments, "caller": {"type": "direct"}}


def stream(*events, report=REPORT, **fields):
    writer = MessagesWriter(request_of(**fields), "req_01ab")
    return b"".join(writer.write(each, NO_REPORT) for each in events) + writer.end(report)


def whole(*parts, finish=Finished("stop"), report=REPORT, **fields):  # noqa: B008
    output = Output("m", parts, finish)
    return json.loads(write_response(request_of(**fields), "req_01ab", output, report))


def test_a_stream_byte_for_byte():
    sent = stream(Begun("gpt"), TextDelta("He"), TextDelta('"l'), TextDelta(""), Finished("length"))
    assert sent == (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_01ab","type":"message",'
        b'"role":"assistant","model":"gpt","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,'
        b'"container":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,'
        b'"cache_creation":null,"output_tokens":0,"output_tokens_details":null,"server_tool_use":null,'
        b'"service_tier":null,"inference_geo":null}}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":'
        b'{"type":"text","text":"","citations":null}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
        b'{"type":"text_delta","text":"He"}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":'
        b'{"type":"text_delta","text":"\\"l"}}\n\n'
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"max_tokens",'
        b'"stop_sequence":null,"stop_details":null,"container":null},"usage":{"input_tokens":50,"cache_creation_input_tokens":30,'
        b'"cache_read_input_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":20,'
        b'"ephemeral_1h_input_tokens":10},"output_tokens":7,"output_tokens_details":{"thinking_tokens":3},'
        b'"server_tool_use":null,"service_tier":null,"inference_geo":null}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )


def test_a_whole_response():
    parts = (Thinking("hm"), Text("x"), Text(""), ToolCall("call_1", "f", '{"b": 1.0}'), ToolCall("", "g", ""))
    assert whole(*parts, finish=Finished("tool_calls"), **THINKS) == {
        "id": "msg_01ab",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": ""},
            said("x"),
            called("call_1", "f", {"b": 1.0}),
            called("toolu_01ab01", "g", {}),
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": {
            "input_tokens": 50,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 20,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 3},
            "server_tool_use": None,
            "service_tier": None,
            "inference_geo": None,
        },
    }
    assert whole()["content"] == []


def test_thoughts_are_shown_to_who_turns_them_on():
    assert [each["type"] for each in whole(Thinking("hm"), Text("x"))["content"]] == ["text"]
    events = (Begun(), ThinkingDelta("h"), ThinkingDelta("m"), TextDelta("x"), Finished("stop"))
    assert message_of(stream(*events))["content"] == [said("x")]
    assert message_of(stream(*events, **THINKS))["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        said("x"),
    ]


def test_signed_thoughts_are_blocks_of_their_own():
    events = (
        ThinkingDelta("a"),
        ThinkingDelta(signature="s1"),
        ThinkingDelta("b", "s2"),
        ThinkingDelta(redacted="d%d"),
        ThinkingDelta(signature="s3"),
        Finished("stop"),
    )
    parts = (Thinking("a", "s1"), Thinking("b", "s2"), Thinking("", redacted="d%d"), Thinking("", "s3"))
    content = message_of(stream(*events, **THINKS))["content"]
    assert content == whole(*parts, **THINKS)["content"]
    assert [each.get("signature", each.get("data")) for each in content] == ["s1", "s2", "d%d", "s3"]


def test_a_call_goes_on_though_the_next_one_has_begun():
    mixed = (
        CallBegun(0, "a%d", "f"),
        CallDelta(0, '{"z":{}'),
        CallDelta(0, ',"x":{}'),
        CallBegun(1, "b", "g"),
        CallDelta(1, '{"y":'),
        CallDelta(0, ',"y":"}"'),
        CallDelta(1, "2}"),
        CallDelta(0, "}"),
        TextDelta("t"),
        CallDelta(0, " "),
        Finished("tool_calls"),
    )
    assert message_of(stream(*mixed))["content"] == [
        called("a%d", "f", {"z": {}, "x": {}, "y": "}"}),
        called("b", "g", {"y": 2}),
        said("t"),
    ]


def test_a_whole_call_is_written_before_the_next_begins():
    writer = MessagesWriter(request_of(), "req_01ab")
    for each in (Begun(), CallBegun(0, "a", "f"), CallDelta(0, '{"x":1}')):
        writer.write(each, NO_REPORT)
    kinds = [each["type"] for each in events_of(writer.write(CallBegun(1, "b", "g"), NO_REPORT))]
    assert kinds == ["content_block_stop", "content_block_start"]


def test_calls_that_never_end_follow_one_another_too():
    broken = [CallBegun(place, f"c{place}", "f") for place in range(3)]
    parts = [CallDelta(place, '{"x') for place in (2, 1, 0)]
    sent = events_of(stream(*broken, *parts, Finished("length")))
    assert [each["index"] for each in sent if each["type"] == "content_block_start"] == [0, 1, 2]
    assert [each["index"] for each in sent if each["type"] == "content_block_delta"] == [0, 1, 2]


@pytest.mark.parametrize("pieces", [["oops"], ["  ", "[1", "]"], ['"{', '}"'], [" null "], ["", ""], [" ", '{"a":1}']])
def test_arguments_that_are_no_object_are_the_value_in_one(pieces):
    deltas = [CallDelta(0, piece) for piece in pieces]
    streamed = message_of(stream(CallBegun(0, "c", "f"), *deltas, TextDelta("x"), Finished("stop")))
    text = "".join(pieces).lstrip()
    assert streamed["content"] == whole(ToolCall("c", "f", text), Text("x"))["content"]


@pytest.mark.parametrize(
    ("reason", "written"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("refusal", "refusal"),
        ("stop_sequence", "stop_sequence"),
        ("pause", "pause_turn"),
    ],
)
def test_why_it_ended(reason, written):
    sequence = "END" if reason == "stop_sequence" else None
    finish = Finished(reason, sequence)
    streamed = message_of(stream(TextDelta("x"), finish))
    for message in (streamed, whole(Text("x"), finish=finish)):
        assert (message["stop_reason"], message["stop_sequence"]) == (written, sequence)


def test_a_call_is_the_reason_even_where_the_upstream_gives_another():
    assert whole(ToolCall("c", "f", "{}"))["stop_reason"] == "tool_use"
    assert message_of(stream(CallBegun(0, "c", "f"), Finished("stop")))["stop_reason"] == "tool_use"
    assert whole(ToolCall("c", "f", "{}"), finish=Finished("length"))["stop_reason"] == "max_tokens"


def test_usage_that_is_unknown_is_estimated():
    usage = whole(Text("x" * 400), report=NO_REPORT)["usage"]
    assert usage["input_tokens"] == 20
    assert 100 < usage["output_tokens"] < 120
    assert message_of(stream(TextDelta("a"), TextDelta("b"), report=NO_REPORT))["usage"]["output_tokens"] == 2
    call = (CallBegun(0, "c", "f"), CallDelta(0, "{"), CallDelta(0, "}"))
    assert message_of(stream(*call, report=NO_REPORT))["usage"]["output_tokens"] == 3
    thoughts = (ThinkingDelta("a"), ThinkingDelta("b"))
    assert message_of(stream(*thoughts, report=NO_REPORT, **THINKS))["usage"]["output_tokens"] == 2


def test_a_stream_that_says_nothing_is_a_message_too():
    assert message_of(stream())["stop_reason"] == "end_turn"


def test_it_begins_once_and_an_upstream_without_a_name_has_that_of_the_request():
    sent = events_of(stream(TextDelta("x"), Begun("late"), Finished("stop")))
    assert [each["type"] for each in sent].count("message_start") == 1
    assert sent[0]["message"]["model"] == "m"


def test_an_error_is_the_last_event():
    writer = MessagesWriter(request_of(), "req_01ab")
    [error] = events_of(writer.error(ServerOverloaded("Busy.")))
    assert (error["type"], error["error"]["type"], error["error"]["message"]) == ("error", "overloaded_error", "Busy.")


TEXTS = st.text(min_size=1, max_size=8)
CALLS = st.builds(
    lambda name, value: (name, json.dumps(value)),
    st.from_regex(r"[a-z]{1,4}", fullmatch=True),
    st.one_of(st.dictionaries(TEXTS, st.integers() | TEXTS, max_size=3), st.none(), st.lists(st.integers()), TEXTS),
)
ANSWERS = st.lists(
    st.one_of(
        TEXTS.map(Text),
        st.builds(Thinking, TEXTS, TEXTS),
        st.builds(Thinking, st.just(""), st.none(), TEXTS),
        CALLS.map(lambda call: ToolCall("c1", *call)),
    ),
    max_size=6,
)


@given(ANSWERS, st.data())
def test_a_streams_pieces_make_the_whole(parts, data):
    events: list[OutputEvent] = [Begun("m")]
    kept: list[OutputPart] = []
    calls = 0
    for part in parts:
        if isinstance(part, Text) and kept and isinstance(kept[-1], Text):
            continue  # adjacent texts are one
        kept.append(part)
        if isinstance(part, ToolCall):
            events.append(CallBegun(calls, part.id, part.name))
            events += [CallDelta(calls, piece) for piece in cut(part.arguments, data)]
            calls += 1
        elif isinstance(part, Text):
            events += [TextDelta(piece) for piece in cut(part.text, data)]
        else:
            events.append(ThinkingDelta(part.text, part.signature, part.redacted))
    events.append(Finished("stop"))
    assert message_of(stream(*events, **THINKS)) == whole(*kept, **THINKS)


def cut(text, data):
    if text == "null":
        return [text]
    at = data.draw(st.integers(0, len(text)))
    return [text[:at], text[at:]]


def test_the_shape_of_an_event_is_that_of_the_api():
    assert event("ping").startswith(b"event: ping\ndata: {")


def test_what_waits_for_a_call_is_bounded():
    for more in (CallDelta(0, "x" * 1_000_000), TextDelta("y" * 1_000_000), CallDelta(1, "z" * 1_000_000)):
        writer = MessagesWriter(request_of(), "req_01ab")
        for each in (Begun("m"), CallBegun(0, "c", "f"), CallDelta(0, '{"a":"')):
            writer.write(each, NO_REPORT)
        with pytest.raises(AnswerTooLong):
            [writer.write(more, NO_REPORT) for _ in range(17)]


def test_long_arguments_are_not_checked_again_and_again(monkeypatch):
    checked = []
    monkeypatch.setattr(write_output, "is_object", lambda text: checked.append(len(text)))
    writer = MessagesWriter(request_of(), "req_01ab")
    for each in (Begun("m"), CallBegun(0, "c", "f"), CallDelta(0, '{"a":"' + "x" * 500_000)):
        writer.write(each, NO_REPORT)
    for _ in range(100):
        writer.write(CallDelta(0, "}"), NO_REPORT)
        writer.write(TextDelta("beside"), NO_REPORT)
    assert 0 < sum(checked) <= write_output.MOST_CHECKED
