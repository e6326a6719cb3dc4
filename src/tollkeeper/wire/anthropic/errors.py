"""Errors in the Messages dialect: reading those of an upstream, writing those of the gateway.

Shape and types: Anthropic's API reference, "Errors".
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import (
    Forbidden,
    GatewayError,
    InsufficientQuota,
    InvalidCredentials,
    InvalidKey,
    InvalidRequestError,
    NotFound,
    NotSignedIn,
    RateLimited,
    RequestTooLarge,
    ServerOverloaded,
    UpstreamTimeout,
)
from tollkeeper.wire.error_text import NO_REASON, UNREADABLE, error_text
from tollkeeper.wire.strict_json import encode_exact

TYPES: Mapping[type[GatewayError], str] = {
    InvalidRequestError: "invalid_request_error",
    InvalidKey: "authentication_error",
    NotSignedIn: "authentication_error",
    InvalidCredentials: "authentication_error",
    Forbidden: "permission_error",
    NotFound: "not_found_error",
    RequestTooLarge: "request_too_large",
    RateLimited: "rate_limit_error",
    InsufficientQuota: "rate_limit_error",
    ServerOverloaded: "overloaded_error",
    UpstreamTimeout: "timeout_error",
    GatewayError: "api_error",
}
"""The `type` of errors, by class; a class that is not listed has that of its nearest listed base."""
_BY_STATUS = {404: "not_found_error", 413: "request_too_large"}
"""Of an upstream's own refusal, whose class does not tell."""


def error_type(error: GatewayError) -> str:
    """The `type` of an error."""
    named = next(TYPES[base] for base in type(error).__mro__ if base in TYPES)
    return _BY_STATUS.get(error.status, named) if named == "invalid_request_error" else named


def error_body(error: GatewayError, request_id: str) -> bytes:
    """The body of an error response. `param`, `code` and `limit` are not Anthropic's, which has codes in `details`:
    they name what OpenAI's errors do."""
    told: dict[str, object] = {"type": error_type(error), "message": error.message}
    more = {"param": error.param, "code": error.code, "limit": error.reached}
    told |= {name: value for name, value in more.items() if value is not None}
    if error.code is not None:
        told["details"] = {"error_code": error.code}
    return encode_exact({"type": "error", "error": told, "request_id": request_id})


def error_event(error: GatewayError, request_id: str) -> bytes:
    """The event for an error in a stream that has begun, its last one."""
    return b"event: error\ndata: " + error_body(error, request_id) + b"\n\n"


class _Body(Struct):
    error: Raw = Raw(b"")


_read_body = msgspec.json.Decoder(_Body).decode


def error_message(body: bytes) -> str:
    """The message in an upstream's error body, Anthropic's or another; a plain phrase where there is none."""
    try:
        return error_text(_read_body(body).error)
    except UNREADABLE:
        return NO_REASON
