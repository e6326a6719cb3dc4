"""Errors in Ollama's dialect: reading those of an upstream, writing those of the gateway. They have a message only."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import GatewayError
from tollkeeper.wire.error_text import NO_REASON, UNREADABLE, error_text


def error_body(error: GatewayError, _: str = "") -> bytes:
    """The body of an error response."""
    return msgspec.json.encode({"error": error.message})


def error_event(error: GatewayError, _: str = "") -> bytes:
    """The line for an error in a stream that has begun, its last one."""
    return error_body(error) + b"\n"


class _Body(Struct):
    error: Raw = Raw(b"")


_read_body = msgspec.json.Decoder(_Body).decode


def error_message(body: bytes) -> str:
    """The message in an upstream's error body; a plain phrase where there is none."""
    try:
        return error_text(_read_body(body).error)
    except UNREADABLE:
        return NO_REASON
