"""Output, as a response: whole, event by event, and both alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from openai import omit
from openai._models import construct_type_unchecked, validate_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent

from tests.responses_shapes import data_of
from tests.wire.translate.responses.asking import FUNCTION, REQUEST_ID, asking
from tollkeeper.rules.errors import AnswerTooLong, UpstreamFailure
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.translate.conversation import Text, Thinking, ToolCall
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
from tollkeeper.wire.translate.responses import write_output
from tollkeeper.wire.translate.responses.thoughts import unseal
from tollkeeper.wire.translate.responses.write_output import ResponsesWriter, write_response
from tollkeeper.wire.usage import NO_REPORT, UsageReport

REPORT = UsageReport(21, 3)
CAPTURED = Path(__file__).parents[2] / "responses"
INSIDE = [FUNCTION | {"name": "g"}, {"type": "custom", "name": "c"}]
TOOLS = [
    FUNCTION,
    {"type": "namespace", "name": "n", "description": "d", "tools": INSIDE},
    {"type": "custom", "name": "p"},
]
SEALED = ["reasoning.encrypted_content"]
OURS = REQUEST_ID.removeprefix("req_")


def streamed(*events: OutputEvent, request: ResponsesRequest | None = None) -> list[dict[str, Any]]:
    """The data of each event of the stream, the last one too."""
    writer = ResponsesWriter(request or asking(), REQUEST_ID)
    text = b"".join(writer.write(event, NO_REPORT) for event in (Begun("M"), *events))
    return data_of(text + writer.end(REPORT))


def whole(*parts: OutputPart, finish: Any = "stop", request: ResponsesRequest | None = None) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        write_response(request or asking(), REQUEST_ID, Output("M", parts, Finished(finish)), REPORT)
    )
    return made


def judged(events: Sequence[dict[str, Any]]) -> None:
    """What the SDK's own reader of streams demands of them."""
    state: ResponseStreamState[Any] = ResponseStreamState(text_format=omit, input_tools=[])
    for event in events:
        validate_type(type_=ResponseStreamEvent, value=event)  # type: ignore[arg-type]
        state.handle_event(construct_type_unchecked(type_=ResponseStreamEvent, value=event))  # type: ignore[arg-type]
    validate_type(type_=Response, value=events[-1]["response"])


def kinds(events: Sequence[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def pieces_of(events: Sequence[dict[str, Any]]) -> dict[tuple[int, str], str]:
    """All deltas of a kind for an item, put together."""
    found: dict[tuple[int, str], str] = {}
    for event in events:
        if event["type"].endswith(".delta"):
            key = event["output_index"], event["type"].removeprefix("response.").removesuffix(".delta")
            found[key] = found.get(key, "") + event["delta"]
    return found


def ends_of(response: dict[str, Any]) -> dict[tuple[int, str], str]:
    """The same of the whole."""
    found: dict[tuple[int, str], str] = {}
    for place, item in enumerate(response["output"]):
        if item["type"] == "message":
            for part in item["content"]:
                kind = part["type"]
                key = place, kind
                found[key] = found.get(key, "") + part["refusal" if kind == "refusal" else "text"]
        elif item["type"] == "reasoning":
            for part in item["summary"]:
                found[place, "reasoning_summary_text"] = part["text"]
        elif item["type"] == "function_call":
            found[place, "function_call_arguments"] = item["arguments"]
        elif item["input"]:
            found[place, "custom_tool_call_input"] = item["input"]
    return found


# What streams and wholes look like


def test_a_text() -> None:
    events = streamed(TextDelta("Hello"), TextDelta(","), Finished("stop"))
    assert kinds(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    last = events[-1]["response"]
    assert last == whole(Text("Hello,"))
    assert (last["status"], last["model"], last["usage"]["total_tokens"]) == ("completed", "M", 24)
    assert events[0]["response"] == last | {"status": "in_progress", "output": [], "usage": None}
    judged(events)


def test_it_agrees_with_what_a_real_ollama_sends_but_for_ids_times_and_written_tokens() -> None:
    """Ollama 0.24.0, which says `completed` of what a cap ended, too."""
    captured = data_of((CAPTURED / "ollama_0_24_stream.txt").read_bytes())
    ours = streamed(
        TextDelta("Hello"),
        TextDelta(","),
        TextDelta(" this"),
        Finished("stop"),
        request=asking(max_output_tokens=3, stream=True),
    )
    for event in ours:
        if event.get("response", {}).get("usage"):
            assert event["response"]["usage"]["input_tokens_details"].pop("cache_write_tokens") == 0
    assert list(map(without_names, ours)) == list(map(without_names, captured))
    captured_whole = json.loads((CAPTURED / "ollama_0_24_whole.json").read_bytes())
    (made,) = [whole(Text("Hello, this is a"), request=asking(max_output_tokens=5))]
    made["usage"] = captured_whole["usage"]
    assert without_names(made) == without_names(captured_whole)


def without_names(value: Any) -> Any:
    """A value without ids, times, and the name of the model."""
    if isinstance(value, list):
        return [without_names(each) for each in value]
    if isinstance(value, dict):
        out = ("id", "item_id", "created_at", "completed_at", "model")
        return {name: without_names(each) for name, each in value.items() if name not in out}
    return value


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_what_did_not_come_to_its_end_is_incomplete(finish: Any, reason: str) -> None:
    events = streamed(TextDelta("Hel"), Finished(finish))
    last = events[-1]
    assert last["type"] == "response.incomplete"
    assert (last["response"]["status"], last["response"]["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert last["response"]["output"][0]["status"] == "incomplete"
    assert last["response"] == whole(Text("Hel"), finish=finish)


@pytest.mark.parametrize("finish", ["stop", "stop_sequence", "tool_calls", "refusal", "pause"])
def test_all_else_is_complete(finish: Any) -> None:
    assert streamed(Finished(finish))[-1]["response"] == whole(finish=finish)
    assert whole(finish=finish)["status"] == "completed"


def test_a_refusal_is_a_part_of_its_own() -> None:
    events = streamed(TextDelta("I "), TextDelta("cannot.", refusal=True), Finished("refusal"))
    assert [kind for kind in kinds(events) if "refusal" in kind] == ["refusal.delta", "refusal.done"]
    assert [part["type"] for part in events[-1]["response"]["output"][0]["content"]] == ["output_text", "refusal"]
    assert [event["content_index"] for event in events if "content_index" in event] == [0] * 4 + [1] * 4
    judged(events)


def test_thoughts_are_summaries() -> None:
    events = streamed(ThinkingDelta("h"), ThinkingDelta("m"), TextDelta("a"), Finished("stop"))
    assert kinds(events)[2:9] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    reasoning, message = events[-1]["response"]["output"]
    assert reasoning == {
        "id": f"rs_{OURS}_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "hm"}],
    }
    assert message["id"] == f"msg_{OURS}_1"
    judged(events)


def test_what_its_maker_signed_is_sealed_for_who_asks() -> None:
    thoughts = [ThinkingDelta("a"), ThinkingDelta(signature="s"), ThinkingDelta("b"), ThinkingDelta(redacted="r")]
    *items, _ = streamed(*thoughts, TextDelta("x"), Finished("stop"), request=asking(include=SEALED))[-1]["response"][
        "output"
    ]
    assert [item["summary"] for item in items] == [
        [{"type": "summary_text", "text": "a"}],
        [{"type": "summary_text", "text": "b"}],
        [],
    ]
    assert [item["encrypted_content"] and unseal(item["encrypted_content"]) for item in items] == [
        Thinking("a", "s"),
        None,
        Thinking("", None, "r"),
    ]
    plain = streamed(*thoughts, TextDelta("x"), Finished("stop"))[-1]["response"]["output"]
    assert [item["type"] for item in plain] == ["reasoning", "reasoning", "message"]
    assert "encrypted_content" not in plain[0]


def test_calls_get_their_namespaces_back() -> None:
    request = asking(tools=TOOLS)
    events = streamed(
        TextDelta("Let me see."),
        CallBegun(0, "c1", "f"),
        CallDelta(0, '{"a"'),
        CallDelta(0, ":1}"),
        CallBegun(1, "", "n__g"),
        CallBegun(2, "c3", "n__unknown"),
        CallDelta(2, "{}"),
        Finished("tool_calls"),
        request=request,
    )
    calls = events[-1]["response"]["output"][1:]
    assert [(call["name"], call.get("namespace"), call["arguments"]) for call in calls] == [
        ("f", None, '{"a":1}'),
        ("g", "n", "{}"),
        ("n__unknown", None, "{}"),
    ]
    assert calls[1]["call_id"] == f"call_{OURS}_1"
    deltas = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
    assert deltas == ['{"a"', ":1}", "{}", "{}"]
    judged(events)


def test_pieces_of_several_calls_in_turns_find_their_own() -> None:
    events = streamed(
        CallBegun(0, "a", "f"),
        CallBegun(1, "b", "f"),
        CallDelta(0, "1"),
        CallDelta(1, "2"),
        CallDelta(0, "3"),
        CallDelta(7, "lost"),
        Finished("tool_calls"),
    )
    assert [call["arguments"] for call in events[-1]["response"]["output"]] == ["13", "2"]
    judged(events)


@pytest.mark.parametrize("name", ["p", "n__c"])
def test_a_custom_tool_is_called_as_one(name: str) -> None:
    events = streamed(
        CallBegun(0, "c1", name),
        CallDelta(0, '{"input":"*** Begin'),
        CallDelta(0, ' Patch\\n"}'),
        Finished("tool_calls"),
        request=asking(tools=TOOLS),
    )
    assert kinds(events)[2:6] == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    (call,) = events[-1]["response"]["output"]
    assert (call["type"], call["input"], call["id"]) == ("custom_tool_call", "*** Begin Patch\n", f"ctc_{OURS}_0")
    assert call.get("namespace") == ("n" if name == "n__c" else None)
    judged(events)


def test_nothing_waits_for_what_follows() -> None:
    writer = ResponsesWriter(asking(), REQUEST_ID)
    for event in (Begun("M"), TextDelta("a"), TextDelta("b"), CallBegun(0, "c", "f"), CallDelta(0, "{}")):
        assert b".delta" in writer.write(event, NO_REPORT) or isinstance(event, Begun | CallBegun)


def test_a_stream_may_begin_without_a_name() -> None:
    writer = ResponsesWriter(asking(), REQUEST_ID)
    events = data_of(writer.write(TextDelta("a"), NO_REPORT) + writer.write(Finished("stop"), NO_REPORT))
    assert events[0]["response"]["model"] == "tiny"


# Ends


@pytest.mark.parametrize(
    "seen", [(), (Begun("M"),), (Begun("M"), TextDelta("a")), (Begun("M"), CallBegun(0, "c", "f"))]
)
def test_a_failure_is_the_last_event(seen: Sequence[OutputEvent]) -> None:
    writer = ResponsesWriter(asking(), REQUEST_ID)
    text = b"".join(writer.write(event, NO_REPORT) for event in seen)
    events = data_of(text + writer.error(UpstreamFailure("Gone.")))
    assert events[0]["type"] == "response.created"
    failed = events[-1]
    assert failed["type"] == "response.failed"
    assert failed["response"] == events[0]["response"] | {"status": "failed", "error": failed["response"]["error"]}
    assert failed["response"]["error"]["message"] == "Gone."


def test_a_failure_after_the_end_was_made_counts_on() -> None:
    writer = ResponsesWriter(asking(), REQUEST_ID)
    text = b"".join(writer.write(event, NO_REPORT) for event in (Begun("M"), TextDelta("a")))
    writer.end(NO_REPORT)
    data_of(text + writer.error(UpstreamFailure("Gone.")))


def test_a_stream_that_is_too_long_to_be_kept_fails_and_a_whole_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_output, "MOST_KEPT", 10)
    with pytest.raises(AnswerTooLong):
        streamed(TextDelta("a" * 6), ThinkingDelta("b" * 3), CallBegun(0, "c", "f"), CallDelta(0, "{ }"))
    assert whole(Text("a" * 20))["output"][0]["content"][0]["text"] == "a" * 20


# Streams and wholes

names = st.sampled_from(["f", "n__g", "n__c", "p", "unknown"])
texts = st.text(min_size=1, max_size=6)
PARTS = st.lists(
    st.builds(Text, texts, st.none(), st.booleans())
    | st.builds(Thinking, texts, st.sampled_from([None, "sig"]))
    | st.builds(ToolCall, st.sampled_from(["c1", ""]), names, st.sampled_from(["", "{}", '{"input":"ü\\n"}', "odd"])),
    max_size=6,
)


@given(PARTS, st.sampled_from(["stop", "length", "tool_calls"]), st.integers(1, 5), st.booleans())
def test_the_pieces_of_a_stream_are_the_whole(parts: list[Any], finish: Any, size: int, sealed: bool) -> None:
    request = asking(tools=TOOLS, **({"include": SEALED} if sealed else {}))
    events: list[OutputEvent] = []
    place = 0
    # The SDK takes two calls of one id for one.
    parts = [
        replace(part, id=f"c{n}") if isinstance(part, ToolCall) and part.id else part for n, part in enumerate(parts)
    ]
    for part in parts:
        if isinstance(part, ToolCall):
            events.append(CallBegun(place, part.id, part.name))
            events += [CallDelta(place, piece) for piece in cut(part.arguments, size)]
            place += 1
        elif isinstance(part, Text):
            events += [TextDelta(piece, part.refusal) for piece in cut(part.text, size)]
        else:
            events += [ThinkingDelta(piece) for piece in cut(part.text, size)]
            events += [ThinkingDelta(signature=part.signature)] if part.signature else []
    sent = streamed(*events, Finished(finish), request=request)
    last = sent[-1]["response"]
    assert last == whole(*parts, finish=finish, request=request)
    assert pieces_of(sent) == ends_of(last)
    done = [event["item"] for event in sent if event["type"] == "response.output_item.done"]
    assert sorted(done, key=lambda item: int(item["id"].rpartition("_")[2])) == last["output"]
    if last["status"] == "completed":
        judged(sent)


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def test_items_count_towards_the_bound() -> None:
    """An upstream may begin calls without end."""
    writer = ResponsesWriter(asking(), REQUEST_ID)
    with pytest.raises(AnswerTooLong):
        [writer.write(CallBegun(place, "c", "f"), NO_REPORT) for place in range(20_001)]
