"""Schemas of the Responses dialect for the API's document.

Shapes are those of OpenAI's API reference, as far as the gateway or its clients rely on them; what is passed on unread
is left open.
"""

from __future__ import annotations

from collections.abc import Mapping

from tollkeeper.wire.dialect import Schema
from tollkeeper.wire.openai.schemas import SAMPLING, object_of, ref, some

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ITEM: Schema = {"type": "object"}
_FALSE: Schema = {"type": ["boolean", "null"], "description": "Only false: nothing is stored here."}

SCHEMAS: Mapping[str, Schema] = {
    "ResponsesRequest": object_of(
        ("model",),
        model=SAMPLING["model"],
        input={
            **some(_TEXT, {"type": "array", "items": _ITEM}),
            "description": "A text, or items: messages, calls of functions and their results, reasoning.",
        },
        instructions={"type": ["string", "null"]},
        stream=SAMPLING["stream"],
        max_output_tokens={"type": ["integer", "null"], "minimum": 1},
        tools={"type": "array", "items": object_of(("type",), type=_TEXT)},
        tool_choice={},
        parallel_tool_calls={"type": ["boolean", "null"]},
        reasoning={"type": ["object", "null"]},
        text={"type": "object"},
        include={"type": ["array", "null"], "items": _TEXT},
        temperature={"type": ["number", "null"]},
        top_p={"type": ["number", "null"]},
        store=_FALSE,
        background=_FALSE,
        prompt_cache_key={"type": ["string", "null"]},
        metadata=SAMPLING["metadata"],
        user=SAMPLING["user"],
        safety_identifier=SAMPLING["user"],
    ),
    "ResponseUsage": object_of(
        ("input_tokens", "output_tokens", "total_tokens"),
        input_tokens=_COUNT,
        input_tokens_details=object_of(("cached_tokens",), cached_tokens=_COUNT),
        output_tokens=_COUNT,
        output_tokens_details=object_of(("reasoning_tokens",), reasoning_tokens=_COUNT),
        total_tokens=_COUNT,
    ),
    "ResponseObject": object_of(
        ("id", "object", "model", "output"),
        id=_TEXT,
        object={"const": "response"},
        created_at=_COUNT,
        status={"type": "string", "enum": ["completed", "incomplete"]},
        incomplete_details={"type": ["object", "null"]},
        model=_TEXT,
        output={"type": "array", "items": object_of(("type",), type=_TEXT)},
        usage=some(ref("ResponseUsage"), {"type": "null"}),
    ),
}
