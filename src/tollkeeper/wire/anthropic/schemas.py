"""Schemas of the Messages dialect for the API's document.

Shapes are those of Anthropic's API reference, as far as the gateway or its clients rely on them; what is passed on
unread is left open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollkeeper.wire.dialect import Schema

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ANY: Schema = {}


def _object(required: tuple[str, ...], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _some(*kinds: Schema) -> Schema:
    return {"anyOf": list(kinds)}


_INPUT: dict[str, Schema] = {
    "model": {**_TEXT, "minLength": 1, "examples": ["llama3.2:1b"], "description": "A model, or an alias of one."},
    "messages": _list(_ref("MessagesTurn"), minItems=1),
    "system": _some(_TEXT, _list(_ref("MessagesBlock"))),
    "tools": _list(
        _object(("name",), name=_TEXT, description=_TEXT, input_schema=_ANY, type={"type": ["string", "null"]})
    ),
    "tool_choice": _object(("type",), type={"enum": ["auto", "any", "tool", "none"]}, name=_TEXT),
    "thinking": _object(("type",), type=_TEXT, budget_tokens={"type": "integer", "minimum": 1024}),
}

SCHEMAS: Mapping[str, Schema] = {
    "MessagesBlock": _object(
        ("type",),
        type={**_TEXT, "examples": ["text"]},
        text=_TEXT,
        source=_object(
            ("type",),
            type={**_TEXT, "examples": ["base64"]},
            media_type=_TEXT,
            data=_TEXT,
            url={**_TEXT, "description": "Of an image: http: or https:; the gateway fetches and inlines it."},
        ),
        id=_TEXT,
        name=_TEXT,
        input=_ANY,
        tool_use_id=_TEXT,
        content=_ANY,
        thinking=_TEXT,
        signature=_TEXT,
    ),
    "MessagesTurn": _object(
        ("role", "content"),
        role={"type": "string", "examples": ["user"]},
        content=_some(_TEXT, _list(_ref("MessagesBlock"))),
    ),
    "MessagesRequest": _object(
        ("model", "messages"),
        **_INPUT,
        max_tokens={
            "type": "integer",
            "minimum": 1,
            "description": "The most tokens of output. Anthropic requires it; here it may be left out.",
        },
        stream={"type": "boolean", "default": False},
        temperature={"type": "number"},
        top_p={"type": "number"},
        top_k={"type": "integer"},
        stop_sequences=_list(_TEXT),
        metadata=_object((), user_id={**_TEXT, "description": "Made opaque before it leaves the gateway."}),
    ),
    "CountTokensRequest": _object(("model", "messages"), **_INPUT),
    "MessagesUsage": _object(
        ("input_tokens", "output_tokens"),
        input_tokens=_COUNT,
        output_tokens=_COUNT,
        cache_creation_input_tokens={"type": ["integer", "null"]},
        cache_read_input_tokens={"type": ["integer", "null"]},
    ),
    "MessagesAnswer": _object(
        ("id", "type", "role", "model", "content", "usage"),
        id=_TEXT,
        type={"const": "message"},
        role={"const": "assistant"},
        model=_TEXT,
        content=_list(_ref("MessagesBlock")),
        stop_reason={"type": ["string", "null"]},
        stop_sequence={"type": ["string", "null"]},
        usage=_ref("MessagesUsage"),
    ),
    "TokenCount": _object(("input_tokens",), input_tokens=_COUNT),
    "MessagesError": _object(
        ("type", "error", "request_id"),
        type={"const": "error"},
        error=_object(
            ("type", "message"),
            type=_TEXT,
            message=_TEXT,
            param=_TEXT,
            code=_TEXT,
            details=_object((), error_code=_TEXT),
        ),
        request_id={**_TEXT, "description": "The id of this request, as in the header `request-id`."},
    ),
}
