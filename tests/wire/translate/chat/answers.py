"""Scripted chat answers: as servers stream them, as they send them whole, and the output in them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

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


class Answer(NamedTuple):
    """`deltas` are those of its events, the last with its finish reason; `message` is that of the whole."""

    deltas: list[dict[str, Any]]
    message: dict[str, Any]
    reason: str
    output: Output

    def events(self) -> list[bytes]:
        choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in self.deltas]
        choices[-1]["finish_reason"] = self.reason
        return [chunk(choices=[choice]) for choice in choices]

    def whole(self) -> bytes:
        choice = {"index": 0, "message": self.message, "finish_reason": self.reason}
        return json.dumps({"id": "x", "object": "chat.completion", "model": "M", "choices": [choice]}).encode()


def chunk(**fields: Any) -> bytes:
    """An event of a stream."""
    return b"data: %b\n\n" % json.dumps({"id": "x", "model": "M"} | fields).encode()


def call(index: int | None, call_id: str | None, name: str | None, arguments: Any) -> dict[str, Any]:
    """One entry of `tool_calls`; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    entry: dict[str, Any] = {"function": {key: value for key, value in function.items() if value is not None}}
    return entry | {key: value for key, value in (("index", index), ("id", call_id)) if value is not None}


def output(*parts: OutputPart, reason: Any = "stop") -> Output:
    return Output("M", parts, Finished(reason))


F, G = ToolCall("c1", "f", '{"a": 1}'), ToolCall("c2", "g", "{}")
WHOLE_CALLS = [call(None, "c1", "f", '{"a": 1}'), call(None, "c2", "g", "{}")]

ANSWERS = {
    "ollama": Answer(
        [
            {"role": "assistant", "content": "The"},
            {"role": "assistant", "content": " end"},
            {"role": "assistant", "content": ""},
        ],
        {"role": "assistant", "content": "The end"},
        "length",
        output(Text("The end"), reason="length"),
    ),
    "llama.cpp": Answer(
        [{"role": "assistant", "content": None}, {"content": 'É"\n'}, {"content": "🙂"}, {}],
        {"role": "assistant", "content": 'É"\n🙂'},
        "stop",
        output(Text('É"\n🙂')),
    ),
    "openai, with calls": Answer(
        [
            {"role": "assistant", "content": None, "refusal": None},
            {"tool_calls": [call(0, "c1", "f", "")]},
            {"tool_calls": [call(0, None, None, '{"a"')]},
            {"tool_calls": [call(0, None, None, ": 1}")]},
            {"tool_calls": [call(1, "c2", "g", "")]},
            {"tool_calls": [call(1, None, None, "{}")]},
            {},
        ],
        {"role": "assistant", "content": None, "tool_calls": WHOLE_CALLS},
        "tool_calls",
        output(F, G, reason="tool_calls"),
    ),
    "ollama, with calls that end with stop": Answer(
        [{"content": "", "tool_calls": [call(0, "c1", "f", '{"a": 1}'), call(1, "c2", "g", "{}")]}, {"content": ""}],
        {"content": "", "tool_calls": WHOLE_CALLS},
        "stop",
        output(F, G, reason="tool_calls"),
    ),
    "calls with one index and several ids": Answer(
        [
            {"content": "a"},
            {"tool_calls": [call(0, "c1", "f", '{"a": 1}')]},
            {"tool_calls": [call(0, "c2", "g", "{}")]},
        ],
        {"content": "a", "tool_calls": WHOLE_CALLS},
        "tool_calls",
        output(Text("a"), F, G, reason="tool_calls"),
    ),
    "calls without index or id": Answer(
        [{"tool_calls": [call(None, None, "f", "{}")]}, {"tool_calls": [call(None, None, "f", "{}")]}],
        {"tool_calls": [call(None, None, "f", "{}"), call(None, None, "f", "{}")]},
        "tool_calls",
        output(ToolCall("", "f", "{}"), ToolCall("", "f", "{}"), reason="tool_calls"),
    ),
    "a call with an id on every event": Answer(
        [{"tool_calls": [call(0, "c1", "f", '{"a"')]}, {"tool_calls": [call(0, "c1", "f", ": 1}")]}],
        {"tool_calls": WHOLE_CALLS[:1]},
        "tool_calls",
        output(F, reason="tool_calls"),
    ),
    "a name that comes late": Answer(
        [{"tool_calls": [call(0, "c1", None, '{"a"')]}, {"tool_calls": [call(0, None, "f", ": 1}")]}],
        {"tool_calls": WHOLE_CALLS[:1]},
        "tool_calls",
        output(F, reason="tool_calls"),
    ),
    "arguments as an object": Answer(
        [{"tool_calls": [call(0, "c1", "f", {"a": 1})]}],
        {"tool_calls": [call(0, "c1", "f", {"a": 1})]},
        "tool_calls",
        output(F, reason="tool_calls"),
    ),
    "a function of old": Answer(
        [{"function_call": {"name": "f", "arguments": ""}}, {"function_call": {"arguments": "{}"}}],
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
        "function_call",
        output(ToolCall("", "f", "{}"), reason="tool_calls"),
    ),
    "deepseek": Answer(
        [{"content": None, "reasoning_content": "h"}, {"reasoning_content": "m"}, {"content": "a"}],
        {"content": "a", "reasoning_content": "hm"},
        "stop",
        output(Thinking("hm"), Text("a")),
    ),
    "vllm, in two fields": Answer(
        [{"reasoning": "hm", "reasoning_content": "hm"}, {"content": "a"}],
        {"content": "a", "reasoning_content": "hm", "reasoning": "hm"},
        "stop",
        output(Thinking("hm"), Text("a")),
    ),
    "ollama's thinking": Answer(
        [{"thinking": "hm"}], {"content": "", "thinking": "hm"}, "max_tokens", output(Thinking("hm"), reason="length")
    ),
    "mistral": Answer(
        [{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}, {"content": "a"}],
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "a"},
            ]
        },
        "stop",
        output(Thinking("hm"), Text("a")),
    ),
    "a refusal": Answer(
        [{"refusal": "I"}, {"refusal": " won't"}],
        {"content": None, "refusal": "I won't"},
        "stop",
        output(Text("I won't", refusal=True), reason="refusal"),
    ),
    "a filter": Answer([{}], {"content": None}, "content_filter", output(reason="content_filter")),
    "nothing": Answer([{}], {}, "eos", output()),
}


def folded(events: Iterable[OutputEvent]) -> Output:
    """The whole output that these events of a stream make."""
    begun, *between, finished = events
    assert isinstance(begun, Begun)
    assert isinstance(finished, Finished)
    parts: list[OutputPart] = []
    calls: list[list[str]] = []
    for event in between:
        last = parts[-1] if parts else None
        if isinstance(event, TextDelta):
            if isinstance(last, Text) and last.refusal == event.refusal:
                parts[-1] = Text(last.text + event.text, refusal=event.refusal)
            else:
                parts.append(Text(event.text, refusal=event.refusal))
        elif isinstance(event, ThinkingDelta):
            parts.append(Thinking(parts.pop().text + event.text if isinstance(last, Thinking) else event.text))  # type: ignore[union-attr]
        elif isinstance(event, CallBegun):
            assert event.place == len(calls)
            calls.append([event.id, event.name, ""])
        else:
            assert isinstance(event, CallDelta)
            calls[event.place][2] += event.arguments
    return Output(begun.model, (*parts, *(ToolCall(made[0], made[1], made[2]) for made in calls)), finished)
