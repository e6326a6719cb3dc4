"""Streams of the Messages API for the tests of this folder, and outputs put together from events."""

import json
from collections.abc import Iterable
from typing import Any

from tollkeeper.wire.sse import SseSplitter, event_data
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


def event(kind, **fields) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | fields)}\n\n".encode()


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, whose names are those of their types."""
    read = []
    for each in SseSplitter(1 << 20).feed(stream):
        data = json.loads(event_data(each) or b"")
        assert each.startswith(b"event: %b\n" % data["type"].encode())
        read.append(data)
    return read


def message_of(stream: bytes) -> dict[str, Any]:
    """The message that a stream's events make, as SDKs put it together; the order of events is checked."""
    first, *rest = events_of(stream)
    assert first["type"] == "message_start"
    message: dict[str, Any] = first["message"]
    opened, inputs = None, ""
    assert (message["content"], message["stop_reason"]) == ([], None)
    for each in rest[:-2]:
        if each["type"] == "content_block_start":
            assert (opened, each["index"]) == (None, len(message["content"]))
            opened, inputs = each["index"], ""
            message["content"].append(each["content_block"])
            continue
        assert each["index"] == opened
        block = message["content"][opened]
        if each["type"] == "content_block_stop":
            if block["type"] == "tool_use" and inputs:
                block["input"] = json.loads(inputs)
            opened = None
            continue
        kind, value = (each["delta"][name] for name in each["delta"])
        if kind == "input_json_delta":
            inputs += value
        else:
            name = kind.removesuffix("_delta")
            block[name] += value
    assert opened is None
    delta, stop = rest[-2:]
    assert (delta["type"], stop) == ("message_delta", {"type": "message_stop"})
    message["usage"] |= delta["usage"]
    message |= delta["delta"]
    return message


def output_of(events: Iterable[OutputEvent]) -> Output:
    """The output that events make: adjacent texts are one, and so is a thought up to its signature."""
    model, parts, finish = "", list[OutputPart](), Finished("stop")
    calls: dict[int, int] = {}
    for each in events:
        last = parts[-1] if parts else None
        if isinstance(each, Begun):
            model = each.model
        elif isinstance(each, TextDelta):
            before = ""
            if isinstance(last, Text):
                before = last.text
                parts.pop()
            parts.append(Text(before + each.text))
        elif isinstance(each, ThinkingDelta):
            before = ""
            if isinstance(last, Thinking) and last.signature is None and last.redacted is None and not each.redacted:
                before = last.text
                parts.pop()
            parts.append(Thinking(before + each.text, each.signature, each.redacted))
        elif isinstance(each, CallBegun):
            calls[each.place] = len(parts)
            parts.append(ToolCall(each.id, each.name, ""))
        elif isinstance(each, CallDelta):
            call = parts[calls[each.place]]
            assert isinstance(call, ToolCall)
            parts[calls[each.place]] = ToolCall(call.id, call.name, call.arguments + each.arguments)
        else:
            finish = each
    return Output(model, tuple(parts), finish)
