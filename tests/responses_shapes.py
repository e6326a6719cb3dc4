"""The shapes of responses and streams in the Responses dialect, by OpenAI's API reference as of November 2026."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.shapes import CREATED

WORDS = ("Hello", ",", " this")


def responses_usage(
    prompt: int, output: int, *, cached: int = 0, written: int = 0, reasoning: int = 0
) -> dict[str, Any]:
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": prompt + output,
    }


def message(text: str, *, status: str = "completed", id: str = "msg_up") -> dict[str, Any]:  # noqa: A002
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"id": id, "type": "message", "role": "assistant", "status": status, "content": content}


def response_object(model: str = "tiny:latest", **fields: Any) -> dict[str, Any]:
    return {
        "id": "resp_up",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": model,
        "output": [message("Hello, this")],
        "parallel_tool_calls": True,
        "store": False,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "usage": responses_usage(7, 3),
    } | fields


def typed(kind: str, number: int, **fields: Any) -> bytes:
    """One event as OpenAI sends it."""
    data = {"type": kind, **fields, "sequence_number": number}
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def responses_stream(
    words: Sequence[str] = WORDS, *, model: str = "tiny:latest", end: str = "completed", **fields: Any
) -> list[bytes]:
    """A stream of one message: each event, the last one with the whole response."""
    whole = response_object(model, status=end, output=[message("".join(words))]) | fields
    begun = whole | {"status": "in_progress", "output": [], "usage": None, "error": None, "incomplete_details": None}
    item, place = whole["output"][0], {"item_id": "msg_up", "output_index": 0, "content_index": 0}
    empty = item["content"][0] | {"text": ""}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": item | {"status": "in_progress", "content": []}}),
        ("response.content_part.added", place | {"part": empty}),
        *(
            ("response.output_text.delta", place | {"delta": word, "logprobs": [], "obfuscation": "x"})
            for word in words
        ),
        ("response.output_text.done", place | {"text": "".join(words), "logprobs": []}),
        ("response.content_part.done", place | {"part": item["content"][0]}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        (f"response.{end}", {"response": whole}),
    ]
    return [typed(kind, number, **told) for number, (kind, told) in enumerate(events)]


def data_of(text: bytes) -> list[dict[str, Any]]:
    """The data of each event of a stream, whose first line names its type, and whose numbers are unbroken."""
    found: list[dict[str, Any]] = []
    for event in text.decode().split("\n\n"):
        if not event or event.startswith(":"):
            continue
        name, line = event.split("\n")
        data = json.loads(line.removeprefix("data: "))
        assert name == f"event: {data['type']}"
        assert data["sequence_number"] == len(found)
        found.append(data)
    return found
