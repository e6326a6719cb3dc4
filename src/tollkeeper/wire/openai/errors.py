"""Errors in the OpenAI dialect: reading those of an upstream, writing those of the gateway.

Shape and types: OpenAI's API reference, "Errors".
"""

from __future__ import annotations

from collections.abc import Mapping

from tollkeeper.rules.errors import Forbidden, GatewayError, InsufficientQuota, InvalidRequestError, RateLimited
from tollkeeper.wire.error_text import NO_REASON, error_text
from tollkeeper.wire.openai.chunks import NotAnObject, read_body
from tollkeeper.wire.sse import as_event
from tollkeeper.wire.strict_json import encode_exact


def error_message(body: bytes) -> str:
    """The message in an upstream's error body, in any of the usual shapes; a plain phrase where there is none."""
    try:
        return error_text(read_body(body).error)
    except NotAnObject:
        return NO_REASON


TYPES: Mapping[type[GatewayError], str] = {
    InvalidRequestError: "invalid_request_error",
    Forbidden: "permission_error",
    InsufficientQuota: "insufficient_quota",
    RateLimited: "requests",  # or "tokens", by the error's `quantity`
    GatewayError: "server_error",
}
"""The `type` of errors, by class; a class that is not listed has that of its nearest listed base."""


def error_type(kind: type[GatewayError]) -> str:
    """The `type` of errors of this class."""
    return next(TYPES[base] for base in kind.__mro__ if base in TYPES)


def type_of(error: GatewayError) -> str:
    """The `type` of an error."""
    return error.quantity if isinstance(error, RateLimited) else error_type(type(error))


def error_detail(error: GatewayError) -> dict[str, object]:
    """An error as the bodies and events of the OpenAI dialects hold it. `limit` is not OpenAI's, whose clients pass
    over what they do not know."""
    told: dict[str, object] = {
        "message": error.message,
        "type": type_of(error),
        "param": error.param,
        "code": error.code,
    }
    return told if error.reached is None else told | {"limit": error.reached}


def error_body(error: GatewayError, _: str) -> bytes:
    """The body of an error response, which names no request."""
    return encode_exact({"error": error_detail(error)})


def error_event(error: GatewayError, request_id: str) -> bytes:
    """The event for an error in a stream that has begun, its last one."""
    return as_event(error_body(error, request_id))
