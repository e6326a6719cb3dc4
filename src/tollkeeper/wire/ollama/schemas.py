"""Schemas of Ollama's dialect for the API's document.

Shapes are those of Ollama's `docs/api.md`, as far as the gateway or its clients rely on them; what is passed on unread
is left open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tollkeeper.wire.dialect import Schema

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FLAG: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_ANY: Schema = {}


def _object(required: tuple[str, ...], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_MODEL: Schema = {**_TEXT, "minLength": 1, "examples": ["llama3.2:1b"], "description": "A model, or an alias of one."}
_IMAGES = _list({**_TEXT, "description": "An image as base64."})
_SHARED: dict[str, Schema] = {
    "model": _MODEL,
    "options": {
        "type": "object",
        "properties": {
            "num_predict": {"type": "integer", "description": "The most tokens of output; below 1: no limit."},
            "num_ctx": {"type": "integer", "minimum": 1, "description": "At most what the model was made for."},
            "temperature": {"type": "number"},
            "seed": {"type": "integer"},
        },
        "description": "Those that concern the server's machine are ignored.",
    },
    "keep_alive": {"description": "Ignored: how long models stay in memory is for admins to say."},
}
_GENERATION: dict[str, Schema] = {
    **_SHARED,
    "stream": {"type": "boolean", "default": True},
    "format": {"description": '"json", or a JSON schema.'},
    "think": {"description": 'Whether the model should think first, or how much: "low", "medium", "high".'},
}
_METRICS: dict[str, Schema] = {
    "model": _TEXT,
    "created_at": _TIME,
    "done": _FLAG,
    "done_reason": _TEXT,
    "total_duration": _COUNT,
    "load_duration": _COUNT,
    "prompt_eval_count": _COUNT,
    "prompt_eval_duration": _COUNT,
    "eval_count": _COUNT,
    "eval_duration": _COUNT,
}
_ENTRY: dict[str, Schema] = {
    "name": _TEXT,
    "model": _TEXT,
    "size": _COUNT,
    "digest": _TEXT,
    "details": _ref("OllamaDetails"),
}

SCHEMAS: Mapping[str, Schema] = {
    "OllamaMessage": _object(
        ("role",),
        role={"type": "string", "examples": ["user"]},
        content=_TEXT,
        thinking=_TEXT,
        images=_IMAGES,
        tool_calls=_list(_ANY),
        tool_name=_TEXT,
    ),
    "OllamaChatRequest": _object(("model",), messages=_list(_ref("OllamaMessage")), tools=_list(_ANY), **_GENERATION),
    "OllamaChatAnswer": _object(("model", "created_at", "message", "done"), message=_ref("OllamaMessage"), **_METRICS),
    "OllamaGenerateRequest": _object(
        ("model",),
        prompt=_TEXT,
        suffix=_TEXT,
        system=_TEXT,
        template={**_TEXT, "description": "Not for users with budgets."},
        raw={**_FLAG, "description": "Not for users with budgets."},
        context=_list({"type": "integer"}),
        images=_IMAGES,
        **_GENERATION,
    ),
    "OllamaGenerateAnswer": _object(
        ("model", "created_at", "response", "done"),
        response=_TEXT,
        thinking=_TEXT,
        context=_list({"type": "integer"}),
        **_METRICS,
    ),
    "OllamaEmbedRequest": _object(
        ("model", "input"), input={"anyOf": [_TEXT, _list(_TEXT)]}, truncate=_FLAG, dimensions=_COUNT, **_SHARED
    ),
    "OllamaEmbedAnswer": _object(
        ("model", "embeddings"),
        model=_TEXT,
        embeddings=_list(_list({"type": "number"})),
        total_duration=_COUNT,
        load_duration=_COUNT,
        prompt_eval_count=_COUNT,
    ),
    "OllamaEmbeddingsRequest": _object(("model", "prompt"), prompt=_TEXT, **_SHARED),
    "OllamaEmbeddingsAnswer": _object(("embedding",), embedding=_list({"type": "number"})),
    "OllamaDetails": _object(
        ("parent_model", "format", "family", "families", "parameter_size", "quantization_level"),
        parent_model=_TEXT,
        format=_TEXT,
        family={**_TEXT, "description": "Of a provider's model: the kind of its upstream."},
        families=_list(_TEXT),
        parameter_size=_TEXT,
        quantization_level=_TEXT,
    ),
    "OllamaModel": _object(("name", "model", "modified_at", "size", "digest", "details"), modified_at=_TIME, **_ENTRY),
    "OllamaModels": _object(("models",), models=_list(_ref("OllamaModel"))),
    "OllamaLoadedModel": _object(
        ("name", "model", "size", "digest", "details", "expires_at", "size_vram"),
        expires_at=_TIME,
        size_vram=_COUNT,
        context_length={"type": ["integer", "null"]},
        **_ENTRY,
    ),
    "OllamaLoadedModels": _object(("models",), models=_list(_ref("OllamaLoadedModel"))),
    "OllamaShow": _object(("model",), model=_MODEL, verbose=_FLAG),
    "OllamaDescription": _object(
        ("details", "capabilities"),
        modelfile=_TEXT,
        parameters=_TEXT,
        template=_TEXT,
        details=_ANY,
        model_info=_ANY,
        capabilities=_list(_TEXT),
        modified_at=_TIME,
    ),
    "OllamaError": _object(("error",), error=_TEXT),
    "OllamaVersion": _object(("version",), version=_TEXT),
}
