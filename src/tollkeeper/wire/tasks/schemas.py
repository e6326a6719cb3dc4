"""Schemas of tasks for the API's document: what the gateway relies on; what is passed on unread is left open."""

from __future__ import annotations

from collections.abc import Mapping

from tollkeeper.wire.dialect import Schema

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_FILE: Schema = {"type": "string", "format": "binary"}
_LIST: Schema = {"type": "array", "items": {}}
_MODEL: Schema = {**_TEXT, "minLength": 1, "description": "A model, or an alias of one."}
_SOME_IMAGES: Schema = {"type": "integer", "minimum": 1, "default": 1}
_STREAM: Schema = {"type": "boolean", "default": False}


def _object(required: tuple[str, ...], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


SCHEMAS: Mapping[str, Schema] = {
    "ModerationRequest": _object(("input",), model=_MODEL, input={}),
    "ModerationAnswer": _object(("results",), id=_TEXT, model=_TEXT, results=_LIST),
    "RerankRequest": _object(("model", "query", "documents"), model=_MODEL, query={}, documents=_LIST, top_n=_COUNT),
    "RerankAnswer": _object((), model=_TEXT, results=_LIST, usage={}),
    "SpeechRequest": _object(
        ("model", "input"),
        model=_MODEL,
        input=_TEXT,
        voice={},
        response_format=_TEXT,
        stream_format={"type": "string", "enum": ["audio", "sse"]},
    ),
    "TranscriptionRequest": _object(
        ("model", "file"), model=_MODEL, file=_FILE, language=_TEXT, prompt=_TEXT, response_format=_TEXT, stream=_STREAM
    ),
    "TranscriptionAnswer": _object(("text",), text=_TEXT, usage={}),
    "ImageRequest": _object(
        ("model", "prompt"), model=_MODEL, prompt=_TEXT, n=_SOME_IMAGES, size=_TEXT, quality=_TEXT, stream=_STREAM
    ),
    "ImageEditRequest": _object(("model", "image"), model=_MODEL, image=_FILE, prompt=_TEXT, n=_SOME_IMAGES),
    "ImageAnswer": _object(("data",), created=_COUNT, data=_LIST, usage={}),
}
