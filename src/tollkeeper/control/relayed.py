"""How the document describes the data plane, which has no FastAPI to be read from.

Shapes are those of OpenAI's API reference, as far as the gateway or its clients rely on them; what it passes on unread
is left open. Each path is there with and without `/v1`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

Schema = dict[str, Any]

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


_SAMPLING: dict[str, Schema] = {
    "model": {**_TEXT, "minLength": 1, "examples": ["llama3.2:1b"], "description": "A model, or an alias of one."},
    "stream": {"type": "boolean", "default": False},
    "stream_options": _object((), include_usage={"type": "boolean"}),
    "max_tokens": {"type": "integer", "minimum": 1},
    "temperature": {"type": "number"},
    "top_p": {"type": "number"},
    "seed": {"type": "integer"},
    "stop": _some(_TEXT, _list(_TEXT)),
    "metadata": {
        "type": "object",
        "additionalProperties": {**_TEXT, "maxLength": 512},
        "maxProperties": 16,
        "description": "Kept with the record of the request: for tagging costs.",
    },
    "user": {**_TEXT, "description": "Made opaque before it leaves the gateway."},
}

_SCHEMAS: dict[str, Schema] = {
    "ContentPart": _object(
        ("type",),
        type={"type": "string", "enum": ["text", "image_url"]},
        text=_TEXT,
        image_url=_some(
            {**_TEXT, "description": "data:, http: or https:; the gateway fetches and inlines the last two."},
            _object(("url",), url=_TEXT, detail=_TEXT),
        ),
    ),
    "ChatMessage": _object(
        ("role",),
        role={"type": "string", "examples": ["user"]},
        content=_some(_TEXT, _list(_ref("ContentPart")), {"type": "null"}),
        tool_calls=_list(_ANY),
        tool_call_id=_TEXT,
    ),
    "ChatRequest": _object(
        ("model", "messages"),
        messages=_list(_ref("ChatMessage"), minItems=1),
        **_SAMPLING,
        max_completion_tokens={"type": "integer", "minimum": 1},
        response_format=_object(("type",), type=_TEXT, json_schema=_ANY),
        tools=_list(_ANY),
        tool_choice=_ANY,
    ),
    "CompletionRequest": _object(("model", "prompt"), prompt=_some(_TEXT, _list(_ANY)), **_SAMPLING, suffix=_TEXT),
    "EmbeddingRequest": _object(
        ("model", "input"),
        model=_SAMPLING["model"],
        input=_some(_TEXT, _list(_ANY)),
        encoding_format={"type": "string", "enum": ["float", "base64"]},
        dimensions={"type": "integer", "minimum": 1},
        user=_SAMPLING["user"],
    ),
    "TokenUsage": _object(
        ("prompt_tokens", "total_tokens"), prompt_tokens=_COUNT, completion_tokens=_COUNT, total_tokens=_COUNT
    ),
    "ChatAnswer": _object(
        ("id", "object", "created", "model", "choices"),
        id=_TEXT,
        object={"const": "chat.completion"},
        created=_COUNT,
        model=_TEXT,
        choices=_list(_object(("index", "message"), index=_COUNT, message=_ref("ChatMessage"), finish_reason=_ANY)),
        usage=_ref("TokenUsage"),
    ),
    "CompletionAnswer": _object(
        ("id", "object", "created", "model", "choices"),
        id=_TEXT,
        object={"const": "text_completion"},
        created=_COUNT,
        model=_TEXT,
        choices=_list(_object(("index", "text"), index=_COUNT, text=_TEXT, finish_reason=_ANY)),
        usage=_ref("TokenUsage"),
    ),
    "EmbeddingAnswer": _object(
        ("object", "data", "model"),
        object={"const": "list"},
        data=_list(
            _object(
                ("index", "embedding"),
                object={"const": "embedding"},
                index=_COUNT,
                embedding=_some(_list({"type": "number"}), _TEXT),
            )
        ),
        model=_TEXT,
        usage=_ref("TokenUsage"),
    ),
    "Model": _object(
        ("id", "object", "created", "owned_by", "vision", "pricing"),
        id={**_TEXT, "description": "The canonical name."},
        object={"const": "model"},
        created={**_COUNT, "description": "Seconds since the epoch."},
        owned_by=_TEXT,
        vision={"type": ["boolean", "null"], "description": "Whether it takes images; null: that is not known (yet)."},
        pricing=_some(_ref("PriceBody"), {"type": "null"}),
    ),
    "ModelList": _object(
        ("object", "data", "has_more", "next"),
        object={"const": "list"},
        data=_list(_ref("Model")),
        has_more={"type": "boolean"},
        next={"type": ["string", "null"]},
    ),
}

# path after /v1, what it does, request, answer, whether it streams
_ASKS = (
    ("/chat/completions", "Answer a conversation", "ChatRequest", "ChatAnswer", True),
    ("/completions", "Go on with a text", "CompletionRequest", "CompletionAnswer", True),
    ("/embeddings", "Make vectors of texts", "EmbeddingRequest", "EmbeddingAnswer", False),
)
_ASK_ERRORS = (400, 401, 403, 404, 408, 413, 422, 500, 502, 503, 504)
_LIST_ERRORS = (401, 403, 500, 503)
_ONE_ERRORS = (401, 403, 404, 500, 503)
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"x-api-key": []}, {"session": []}]
_REQUEST_ID = {"description": "The id of this request, which its record has too.", "schema": _TEXT}


def add_relayed(document: dict[str, Any]) -> None:
    """Put the relayed paths, and what they refer to, into the document."""
    document["components"]["schemas"].update(_SCHEMAS)
    paths = document["paths"]
    for prefix in ("/v1", ""):
        for path, summary, request, answer, streams in _ASKS:
            paths[prefix + path] = {"post": _ask(prefix + path, summary, request, answer, streams=streams)}
        paths[prefix + "/models"] = {
            "get": _operation(prefix + "/models", "The models you may use", _json("ModelList"), _LIST_ERRORS)
        }
        one = _operation(prefix + "/models/one", "One model", _json("Model"), _ONE_ERRORS)
        one["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}]
        paths[prefix + "/models/{id}"] = {"get": one}


def _ask(path: str, summary: str, request: str, answer: str, *, streams: bool) -> Schema:
    content = _json(answer)
    if streams:
        content["text/event-stream"] = {
            "schema": {**_TEXT, "description": "With `stream`: events as they are made, `data: [DONE]` at the end."}
        }
    operation = _operation(path, summary, content, _ASK_ERRORS)
    operation["requestBody"] = {"required": True, "content": _json(request)}
    operation["responses"]["200"]["headers"]["x-cost-usd"] = {
        "description": "What it cost, where the answer is not streamed.",
        "schema": _TEXT,
    }
    return operation


def _operation(path: str, summary: str, content: Schema, errors: tuple[int, ...]) -> Schema:
    failures = {
        str(status): {"description": HTTPStatus(status).phrase, "content": _json("ErrorBody")} for status in errors
    }
    answer = {"description": "The answer.", "content": content, "headers": {"x-request-id": _REQUEST_ID}}
    return {
        "tags": ["relayed"],
        "summary": summary,
        "operationId": "relay" + path.replace("/", "_"),
        "security": _SECURITY,
        "responses": {"200": answer, **failures},
    }


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _ref(name)}}
