"""Schemas of the OpenAI dialect for the API's document.

Shapes are those of OpenAI's API reference, as far as the gateway or its clients rely on them; what is passed on unread
is left open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollkeeper.wire.dialect import Schema

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ANY: Schema = {}


def object_of(required: tuple[str, ...], **properties: Schema) -> Schema:
    """The schema of an object."""
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def ref(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def some(*kinds: Schema) -> Schema:
    """Any of several schemas."""
    return {"anyOf": list(kinds)}


SAMPLING: dict[str, Schema] = {
    "model": {**_TEXT, "minLength": 1, "examples": ["llama3.2:1b"], "description": "A model, or an alias of one."},
    "stream": {"type": "boolean", "default": False},
    "stream_options": object_of((), include_usage={"type": "boolean"}),
    "max_tokens": {"type": "integer", "minimum": 1},
    "temperature": {"type": "number"},
    "top_p": {"type": "number"},
    "seed": {"type": "integer"},
    "stop": some(_TEXT, _list(_TEXT)),
    "metadata": {
        "type": "object",
        "additionalProperties": {**_TEXT, "maxLength": 512},
        "maxProperties": 16,
        "description": "Kept with the record of the request: for tagging costs.",
    },
    "user": {**_TEXT, "description": "Made opaque before it leaves the gateway."},
}

SCHEMAS: Mapping[str, Schema] = {
    "ContentPart": object_of(
        ("type",),
        type={"type": "string", "enum": ["text", "image_url"]},
        text=_TEXT,
        image_url=some(
            {**_TEXT, "description": "data:, http: or https:; the gateway fetches and inlines the last two."},
            object_of(("url",), url=_TEXT, detail=_TEXT),
        ),
    ),
    "ChatMessage": object_of(
        ("role",),
        role={"type": "string", "examples": ["user"]},
        content=some(_TEXT, _list(ref("ContentPart")), {"type": "null"}),
        tool_calls=_list(_ANY),
        tool_call_id=_TEXT,
    ),
    "ChatRequest": object_of(
        ("model", "messages"),
        messages=_list(ref("ChatMessage"), minItems=1),
        **SAMPLING,
        max_completion_tokens={"type": "integer", "minimum": 1},
        response_format=object_of(("type",), type=_TEXT, json_schema=_ANY),
        tools=_list(_ANY),
        tool_choice=_ANY,
    ),
    "CompletionRequest": object_of(("model", "prompt"), prompt=some(_TEXT, _list(_ANY)), **SAMPLING, suffix=_TEXT),
    "EmbeddingRequest": object_of(
        ("model", "input"),
        model=SAMPLING["model"],
        input=some(_TEXT, _list(_ANY)),
        encoding_format={"type": "string", "enum": ["float", "base64"]},
        dimensions={"type": "integer", "minimum": 1},
        user=SAMPLING["user"],
    ),
    "TokenUsage": object_of(
        ("prompt_tokens", "total_tokens"), prompt_tokens=_COUNT, completion_tokens=_COUNT, total_tokens=_COUNT
    ),
    "ChatAnswer": object_of(
        ("id", "object", "created", "model", "choices"),
        id=_TEXT,
        object={"const": "chat.completion"},
        created=_COUNT,
        model=_TEXT,
        choices=_list(object_of(("index", "message"), index=_COUNT, message=ref("ChatMessage"), finish_reason=_ANY)),
        usage=ref("TokenUsage"),
    ),
    "CompletionAnswer": object_of(
        ("id", "object", "created", "model", "choices"),
        id=_TEXT,
        object={"const": "text_completion"},
        created=_COUNT,
        model=_TEXT,
        choices=_list(object_of(("index", "text"), index=_COUNT, text=_TEXT, finish_reason=_ANY)),
        usage=ref("TokenUsage"),
    ),
    "EmbeddingAnswer": object_of(
        ("object", "data", "model"),
        object={"const": "list"},
        data=_list(
            object_of(
                ("index", "embedding"),
                object={"const": "embedding"},
                index=_COUNT,
                embedding=some(_list({"type": "number"}), _TEXT),
            )
        ),
        model=_TEXT,
        usage=ref("TokenUsage"),
    ),
    "Model": object_of(
        ("id", "object", "created", "owned_by", "vision", "pricing"),
        id={**_TEXT, "description": "The canonical name."},
        object={"const": "model"},
        created={**_COUNT, "description": "Seconds since the epoch."},
        owned_by=_TEXT,
        vision={"type": ["boolean", "null"], "description": "Whether it takes images; null: that is not known (yet)."},
        pricing=some(ref("PriceBody"), {"type": "null"}),
    ),
    "ModelList": object_of(
        ("object", "data", "has_more", "next"),
        object={"const": "list"},
        data=_list(ref("Model")),
        has_more={"type": "boolean"},
        next={"type": ["string", "null"]},
    ),
}
