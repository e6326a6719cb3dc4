"""Events of failures in the Responses dialect. Error bodies are those of the OpenAI dialect."""

from __future__ import annotations

from typing import Any

from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.ids import response_id
from tollkeeper.wire.openai.errors import error_detail
from tollkeeper.wire.responses.request import ID_PREFIX
from tollkeeper.wire.strict_json import encode_exact


def failure(error: GatewayError) -> dict[str, Any]:
    """The `error` of a response that failed: as in error bodies, but that it always has a code."""
    return error_detail(error) | {"code": error.code or "server_error"}


def as_typed_event(kind: str, number: int, **fields: Any) -> bytes:
    """One event of a stream. `number` counts all of its events from 0."""
    data = encode_exact({"type": kind, **fields, "sequence_number": number})
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)


def error_event(error: GatewayError, request_id: str) -> bytes:
    """The events for an error in a stream of which no response has begun: OpenAI's reference has the fields of an error
    in the event itself, its servers and SDKs in an `error` within."""
    told = failure(error)
    return as_typed_event(
        "error", 0, code=told["code"], message=told["message"], param=told["param"], error=told
    ) + failed_event({"id": response_id(ID_PREFIX, request_id), "object": "response", "output": []}, error, 1)


def failed_event(response: dict[str, Any], error: GatewayError, number: int) -> bytes:
    """The last event of a response that failed: `response` is what it began with."""
    failed = {**response, "status": "failed", "error": failure(error), "incomplete_details": None}
    return as_typed_event("response.failed", number, response=failed)
