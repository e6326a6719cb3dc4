"""The APIs that a scripted model speaks: how each asks, and how it says a turn, whole and as a stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tests.agents.script import Asked, Turn, Usage
from tests.shapes import CREATED, sse

Json = dict[str, Any]


class Api(NamedTuple):
    """`events` are those of a stream, with all their bytes."""

    path: str
    read: Callable[[Json], Asked]
    whole: Callable[[Turn, str], Json]
    events: Callable[[Turn, str], list[bytes]]


def _text(content: object) -> str:
    """Of a string or of parts."""
    if isinstance(content, list):
        return "".join(_text(part["text"]) for part in content if "text" in part)
    return content if isinstance(content, str) else ""


def _halves(text: str) -> tuple[str, str]:
    middle = len(text) // 2
    return text[:middle], text[middle:]


def _named(events: Iterable[Json]) -> list[bytes]:
    """Events whose name is their type."""
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


# ── chat completions ────────────────────────────────────────────────────────────────────────────────────────────────


def _read_chat(body: Json) -> Asked:
    return Asked(
        body["model"],
        bool(body.get("stream")),
        frozenset(tool["function"]["name"] for tool in body.get("tools") or ()),
        tuple(_text(message["content"]) for message in body["messages"] if message["role"] == "tool"),
    )


def _chat_usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
    }


def _chat_call(turn: Turn) -> Json:
    assert turn.call is not None
    function = {"name": turn.call.tool, "arguments": json.dumps(turn.call.arguments)}
    return {"id": f"call_{turn.usage.completion}", "type": "function", "function": function}


def _chat(turn: Turn, model: str) -> Json:
    message: Json = {"role": "assistant", "content": turn.text or None, "refusal": None}
    if turn.call is not None:
        message["tool_calls"] = [_chat_call(turn)]
    reason = "tool_calls" if turn.call else "stop"
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": CREATED,
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": _chat_usage(turn.usage),
    }


def _chat_events(turn: Turn, model: str) -> list[bytes]:
    common: Json = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": CREATED, "model": model}
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    if turn.call is None:
        deltas += [{"content": half} for half in _halves(turn.text)]
    else:
        call = _chat_call(turn)
        first, second = _halves(call["function"]["arguments"])
        begun = call | {"index": 0, "function": call["function"] | {"arguments": ""}}
        pieces = [begun, *({"index": 0, "function": {"arguments": piece}} for piece in (first, second))]
        deltas += [{"tool_calls": [piece]} for piece in pieces]
    choices: list[Json] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls" if turn.call else "stop"})
    chunks = [common | {"choices": [choice]} for choice in choices]
    return sse(*chunks, common | {"choices": [], "usage": _chat_usage(turn.usage)})


CHAT = Api("/v1/chat/completions", _read_chat, _chat, _chat_events)


# ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_messages(body: Json) -> Asked:
    blocks = [
        block for message in body["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    return Asked(
        body["model"],
        bool(body.get("stream")),
        frozenset(tool["name"] for tool in body.get("tools") or ()),
        tuple(_text(block.get("content")) for block in blocks if block["type"] == "tool_result"),
    )


def _message_usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.prompt - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.completion,
    }


def _message(turn: Turn, model: str) -> Json:
    content: Json = {"type": "text", "text": turn.text}
    if turn.call is not None:
        identity = f"toolu_{turn.usage.completion}"
        content = {"type": "tool_use", "id": identity, "name": turn.call.tool, "input": turn.call.arguments}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [content],
        "stop_reason": "tool_use" if turn.call else "end_turn",
        "stop_sequence": None,
        "usage": _message_usage(turn.usage),
    }


def _message_events(turn: Turn, model: str) -> list[bytes]:
    whole = _message(turn, model)
    (block,) = whole["content"]
    if turn.call is None:
        empty = block | {"text": ""}
        deltas = [{"type": "text_delta", "text": half} for half in _halves(turn.text)]
    else:
        empty = block | {"input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": half} for half in _halves(json.dumps(block["input"]))]
    begun = whole | {"content": [], "stop_reason": None, "usage": whole["usage"] | {"output_tokens": 1}}
    return _named(
        [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": empty},
            {"type": "ping"},
            *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
                "usage": {"output_tokens": turn.usage.completion},
            },
            {"type": "message_stop"},
        ]
    )


MESSAGES = Api("/v1/messages", _read_messages, _message, _message_events)


# ── Responses ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_responses(body: Json) -> Asked:
    tools = [inner for tool in body.get("tools") or () for inner in tool.get("tools", [tool])]
    items = body["input"] if isinstance(body["input"], list) else []
    return Asked(
        body["model"],
        bool(body.get("stream")),
        frozenset(tool["name"] for tool in tools if "name" in tool),
        tuple(_text(item["output"]) for item in items if item.get("type") == "function_call_output"),
    )


def _item(turn: Turn) -> Json:
    if turn.call is None:
        part = {"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []}
        return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    return {
        "type": "function_call",
        "id": f"fc_{turn.usage.completion}",
        "call_id": f"call_{turn.usage.completion}",
        "name": turn.call.tool,
        "arguments": json.dumps(turn.call.arguments),
        "status": "completed",
    }


def _response(turn: Turn, model: str) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": model,
        "output": [_item(turn)],
        "parallel_tool_calls": True,
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": turn.usage.prompt,
            "input_tokens_details": {"cached_tokens": turn.usage.cached},
            "output_tokens": turn.usage.completion,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": turn.usage.prompt + turn.usage.completion,
        },
    }


def _response_events(turn: Turn, model: str) -> list[bytes]:
    whole = _response(turn, model)
    (item,) = whole["output"]
    begun = whole | {"status": "in_progress", "output": [], "usage": None}
    at: Json = {"item_id": item["id"], "output_index": 0}
    inside: list[Json]
    if turn.call is None:
        (part,) = item["content"]
        at |= {"content_index": 0}
        empty = item | {"status": "in_progress", "content": []}
        inside = [
            {"type": "response.content_part.added", **at, "part": part | {"text": ""}},
            *({"type": "response.output_text.delta", **at, "delta": half} for half in _halves(turn.text)),
            {"type": "response.output_text.done", **at, "text": turn.text},
            {"type": "response.content_part.done", **at, "part": part},
        ]
    else:
        arguments = item["arguments"]
        empty = item | {"status": "in_progress", "arguments": ""}
        inside = [
            *({"type": "response.function_call_arguments.delta", **at, "delta": half} for half in _halves(arguments)),
            {"type": "response.function_call_arguments.done", **at, "arguments": arguments},
        ]
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": empty},
        *inside,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    return _named(event | {"sequence_number": number} for number, event in enumerate(events))


RESPONSES = Api("/v1/responses", _read_responses, _response, _response_events)
