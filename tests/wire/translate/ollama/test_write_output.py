"""Output, as a response in Ollama's own API."""

import json

import pytest

from tests.wire.ollama.test_request import SAY, body
from tollkeeper.rules.errors import AnswerTooLong, ServerOverloaded, UpstreamFailure
from tollkeeper.wire.ollama.request import CHAT, GENERATE, read_request
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
from tollkeeper.wire.translate.ollama.write_output import OllamaWriter, write_response
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    Output,
    TextDelta,
    ThinkingDelta,
)
from tollkeeper.wire.usage import NO_REPORT, UsageReport

ID = "req_01a227a354c56efd35a7fb2d4885"
MADE = "2026-11-29T14:09:05.221Z"
REPORT = UsageReport(7, 3)


def request(endpoint=CHAT):
    return read_request(body(messages=SAY, prompt="hi"), endpoint)


def written(*events, endpoint=CHAT, report=REPORT):
    writer = OllamaWriter(request(endpoint), ID)
    text = b"".join([writer.write(event, NO_REPORT) for event in events]) + writer.end(report)
    assert text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def line(done=False, **message):
    return {"model": "gpt", "created_at": MADE, "message": {"role": "assistant", **message}, "done": done}


END = line(True, content="") | {"done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}


def test_words_and_thoughts_are_lines():
    assert written(
        Begun("gpt"),
        ThinkingDelta("hm"),
        ThinkingDelta(signature="s"),
        TextDelta("a\n"),
        TextDelta(""),
        TextDelta("ü", refusal=True),
        Finished("stop"),
    ) == [
        line(content="", thinking="hm"),
        line(content="a\n"),
        line(content="ü"),
        END,
    ]


def test_those_of_a_prompt_too():
    head = {"model": "gpt", "created_at": MADE}
    assert written(Begun("gpt"), ThinkingDelta("hm"), TextDelta("a"), Finished("length"), endpoint=GENERATE) == [
        {**head, "response": "", "thinking": "hm", "done": False},
        {**head, "response": "a", "done": False},
        {**head, "response": "", "done_reason": "length", "done": True, "prompt_eval_count": 7, "eval_count": 3},
    ]


def test_calls_are_told_whole_with_objects_in_order():
    *lines, end = written(
        Begun("gpt"),
        TextDelta("so"),
        CallBegun(0, "x1", "f"),
        CallDelta(0, '{"a"'),
        CallBegun(1, "", "g"),
        CallDelta(0, ": 1.50}"),
        CallDelta(1, ""),
        Finished("tool_calls"),
    )
    calls = [
        {"id": "x1", "function": {"name": "f", "arguments": {"a": 1.5}}},
        {"id": "call_01a227a354c56efd35a7fb2d4885_1", "function": {"name": "g", "arguments": {}}},
    ]
    assert lines == [line(content="so"), line(content="", tool_calls=calls)]
    assert end == END


def test_arguments_over_several_lines_are_one():
    (called, _) = written(
        Begun("gpt"), CallBegun(0, "x", "f"), CallDelta(0, '{\n  "a": "b c",\r\n "d":1.50}'), Finished("stop")
    )
    assert called["message"]["tool_calls"][0]["function"]["arguments"] == {"a": "b c", "d": 1.5}


@pytest.mark.parametrize("arguments", ['{"a', "[]", "7", '"text"'])
def test_arguments_that_are_no_object_are_a_failure_unless_the_output_was_cut_off(arguments):
    events = (Begun("gpt"), CallBegun(0, "x", "f"), CallDelta(0, arguments))
    with pytest.raises(UpstreamFailure, match="'f' with arguments that are no JSON object"):
        written(*events, Finished("tool_calls"))
    (end,) = written(*events, Finished("length"))
    assert end["done_reason"] == "length"
    output = Output("gpt", (ToolCall("x", "f", arguments),), Finished("tool_calls"))
    with pytest.raises(UpstreamFailure):
        write_response(request(), ID, output, REPORT)


def test_arguments_without_end_are_not_gathered():
    writer = OllamaWriter(request(), ID)
    writer.write(CallBegun(0, "x", "f"), NO_REPORT)
    writer.write(CallDelta(0, "x" * 7_000_000), NO_REPORT)
    with pytest.raises(AnswerTooLong):
        writer.write(CallDelta(0, "x" * 2_000_000), NO_REPORT)


def test_what_is_not_known_is_not_told():
    (end,) = written(Begun(), Finished("stop"), report=UsageReport(None, 3))
    assert end["model"] == "tiny", "as it was asked for"
    assert (end["eval_count"], "prompt_eval_count" in end) == (3, False)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "stop"),
        ("stop_sequence", "stop"),
        ("pause", "stop"),
        ("refusal", "stop"),
        ("content_filter", "content_filter"),
    ],
)
def test_why_it_ended(reason, told):
    assert written(Finished(reason))[-1]["done_reason"] == told


def test_an_error_is_the_last_line():
    assert OllamaWriter(request(), ID).error(ServerOverloaded("Full.")) == b'{"error":"Full."}\n'


@pytest.mark.parametrize("endpoint", [CHAT, GENERATE])
@pytest.mark.parametrize("size", [3, 200_000])
def test_a_whole_response_is_its_lines_put_together(endpoint, size):
    said, thought, calls = "w" * size, "t" * size, (ToolCall("x1", "f", '{"a": 1}'), ToolCall("", "g", ""))
    parts = (Thinking(thought), Text(said[:1]), Text(said[1:]), *(calls if endpoint is CHAT else ()))
    whole = json.loads(write_response(request(endpoint), ID, Output("gpt", parts, Finished("tool_calls")), REPORT))
    lines = written(
        Begun("gpt"),
        ThinkingDelta(thought),
        TextDelta(said),
        CallBegun(0, "x1", "f"),
        CallDelta(0, '{"a": 1}'),
        CallBegun(1, "", "g"),
        Finished("tool_calls"),
        endpoint=endpoint,
    )
    assert (
        whole.items() >= {key: value for key, value in lines[-1].items() if key not in ("message", "response")}.items()
    )
    pieces = [each["message"] if endpoint is CHAT else each for each in lines]
    mine = whole["message"] if endpoint is CHAT else whole
    name = "content" if endpoint is CHAT else "response"
    assert mine[name] == "".join(piece[name] for piece in pieces) == said
    assert mine["thinking"] == thought
    assert mine.get("tool_calls", []) == [each for piece in pieces for each in piece.get("tool_calls", [])]
    assert ("tool_calls" in mine) is (endpoint is CHAT)


def test_one_without_thoughts_and_calls_has_none():
    whole = json.loads(write_response(request(), ID, Output("gpt", (Text("a"),), Finished("stop")), REPORT))
    assert whole == END | {"message": {"role": "assistant", "content": "a"}}


def test_calls_count_towards_the_bound():
    """An upstream may begin calls without end."""
    writer = OllamaWriter(request(), ID)
    with pytest.raises(AnswerTooLong):
        [
            writer.write(event, NO_REPORT)
            for place in range(20_001)
            for event in (CallBegun(place, "c", "f"), CallDelta(place, "{}"))
        ]
