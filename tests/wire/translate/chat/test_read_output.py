"""The output in chat responses: the pieces of a stream put together are the whole, whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.translate.chat.answers import ANSWERS, Answer, chunk, folded
from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.translate.chat.read_output import ChatOutputReader, read_output
from tollkeeper.wire.translate.output import (
    Begun,
    CallBegun,
    CallDelta,
    Finished,
    Output,
    OutputEvent,
    TextDelta,
    ThinkingDelta,
)

EACH = pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)


def read(*events: bytes) -> list[OutputEvent]:
    reader = ChatOutputReader()
    return [found for event in events for found in reader.read(event)]


@EACH
def test_a_whole_response(answer: Answer) -> None:
    assert read_output(answer.whole()) == answer.output


@EACH
def test_a_stream_is_the_whole(answer: Answer) -> None:
    assert folded(read(*answer.events())) == answer.output


def test_each_event_gives_its_output_at_once() -> None:
    reader = ChatOutputReader()
    delta = {
        "reasoning": "hm",
        "content": "a",
        "tool_calls": [{"index": 3, "id": "c", "function": {"name": "f", "arguments": "{"}}],
    }
    assert list(reader.read(chunk(choices=[{"delta": delta}]))) == [
        Begun("M"),
        ThinkingDelta("hm"),
        TextDelta("a"),
        CallBegun(0, "c", "f"),
        CallDelta(0, "{"),
    ]
    assert list(reader.read(b": comment\n\n")) == []
    assert list(reader.read(chunk(choices=[], usage={}))) == []
    assert list(reader.read(chunk(choices=[{"delta": {}, "finish_reason": "stop"}]))) == [Finished("tool_calls")]
    assert list(reader.read(chunk(choices=[{"delta": {"content": "late"}}]))) == []


def test_fields_come_in_any_order_and_any_shape() -> None:
    backwards = (
        b'data: {"usage":null,"choices":[{"finish_reason":"stop","delta":{"content":"a","role":5}}],"model":"M"}\n\n'
    )
    assert read(backwards) == [Begun("M"), TextDelta("a"), Finished("stop")]
    odd = (
        b'{"model":7,"choices":[{"index":"0","delta":{"content":"\\ud83d","refusal":5,"tool_calls":[{"index":"x"},5]},'
        b'"logprobs":NaN}]}'
    )
    assert read(b"data: %b\n\n" % odd) == [Begun(""), TextDelta("\ufffd")]
    assert read(b'data: {"choices":[null]}\n\n') == [Begun("")]
    assert read(b'data: {"choices":[{"delta":{"content":"\xff","tool_calls":7}}]}\n\n') == [
        Begun(""),
        TextDelta("\ufffd"),
    ]
    assert read(b'data: {"choices":5}\n\n') == []


@pytest.mark.parametrize("data", [b"{", b"nonsense", b"[" * 100_000, b'{"choices":[{"delta":{"content":'])
def test_what_is_no_json_is_a_failure(data: bytes) -> None:
    with pytest.raises(UpstreamFailure):
        read(b"data: %b\n\n" % data)
    with pytest.raises(UpstreamFailure):
        read_output(data)


def test_a_response_without_choices_is_empty() -> None:
    assert read_output(b'{"choices":[]}') == Output("", (), Finished("stop"))


def _delta(fields: dict[str, Any]) -> bytes:
    return chunk(choices=[{"index": 0, "delta": fields}])


def test_the_calls_of_a_response_are_bounded() -> None:
    calls = [{"index": n, "id": f"c{n}", "function": {"name": "f", "arguments": "{}"}} for n in range(1001)]
    assert len(read(_delta({"tool_calls": calls[:-1]}))) == 2001
    with pytest.raises(UpstreamFailure, match="over 1000 tools"):
        read(_delta({"tool_calls": calls}))


def test_a_long_event_of_another_shape_is_not_read_field_by_field() -> None:
    assert TextDelta("x" * 1000) in read(_delta({"content": [{"type": "text", "text": "x" * 1000}]}))
    with pytest.raises(UpstreamFailure):
        read(_delta({"content": [{"type": "text", "text": "x" * 200_000}]}))
