"""Whole responses in the Messages dialect: their usage and stop reason, and their id, which the gateway replaces."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.rules.usage import estimate_tokens
from tollkeeper.wire.anthropic.request import AnthropicRequest
from tollkeeper.wire.anthropic.usage import read_usage
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.error_text import error_text
from tollkeeper.wire.json_scan import Buffer, NotJson, Steps, TextSpan, members
from tollkeeper.wire.response_ids import with_id
from tollkeeper.wire.usage import UsageReport, count_of

_MAX_REASON = 64
_ABSENT = Raw(b"")
_BEGINNING = 65_536


class _Body(Struct, gc=False):
    id: Any = None
    content: Raw = _ABSENT
    stop_reason: Any = None
    usage: Raw = _ABSENT
    error: Raw = _ABSENT


class _Count(Struct, gc=False):
    input_tokens: Any = None


_read_body = msgspec.json.Decoder(_Body).decode
_read_count = msgspec.json.Decoder(_Count).decode


def read_response(request: AnthropicRequest, body: bytes, request_id: str) -> WholeResponse:
    """Read one whole 200 response to `request`. Raises UpstreamUnavailable."""
    return read_whole(body, request.response_id(request_id))


def read_large_response(request: AnthropicRequest, body: bytearray, request_id: str) -> Steps[WholeResponse]:
    """As `read_response`, in steps, for a response of any length, which is changed in place."""
    return read_large(body, request.response_id(request_id))


def read_count(_: AnthropicRequest, body: bytes, __: str) -> WholeResponse:
    """Read one whole 200 response to a request to count tokens. Raises UpstreamUnavailable."""
    try:
        tokens = count_of(_read_count(body).input_tokens)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _not_json() from None
    if tokens is None:
        raise _no_answer()
    return WholeResponse(body, UsageReport(tokens, 0), None)


def count_body(tokens: int) -> bytes:
    """The response to a request to count tokens."""
    return msgspec.json.encode({"input_tokens": tokens})


def read_whole(body: bytes, response_id: str) -> WholeResponse:
    """Read one whole 200 response and put `response_id` in it. Raises UpstreamUnavailable when it is not the JSON that
    an upstream of this dialect sends."""
    try:
        fields = _read_body(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _not_json() from None
    if isinstance(fields.id, str):
        body = with_id(body, fields.id, response_id)
    size = memoryview(fields.content).nbytes
    return _whole(body, fields.error, fields.usage, fields.stop_reason, size)


def read_large(body: bytearray, response_id: str) -> Steps[WholeResponse]:
    """As `read_whole`, in steps, for a response of any length, which is changed in place."""
    try:
        found = yield from members(body, alone=True)
    except NotJson:
        raise _not_json() from None

    def short(name: bytes) -> Raw:
        start, end = found.get(name, (0, 0))
        return Raw(bytes(body[start : min(end, start + _BEGINNING)]))

    usage, error, reason = short(b"usage"), short(b"error"), _text(short(b"stop_reason"))
    start, end = found.get(b"content", (0, 0))
    id_at: TextSpan | None = found.get(b"id")
    if id_at is not None and body[id_at[0] : id_at[0] + 1] == b'"':
        body[slice(*id_at)] = b'"' + response_id.encode() + b'"'
    return _whole(body, error, usage, reason, end - start)


def _whole(body: Buffer, error: Raw, usage: Raw, reason: Any, size: int) -> WholeResponse:
    """The response. `size` is the length of its content, in bytes."""
    if bytes(memoryview(error)[:5]) not in (b"", b"null"):
        raise upstream_failure("The upstream failed. Try again later.", error_text(error))
    if not size:
        raise _no_answer()
    report = read_usage(usage)
    stop_reason = reason[:_MAX_REASON] if isinstance(reason, str) and reason else None
    unknown = report.completion_tokens is None
    return WholeResponse(body, report, stop_reason, estimate_tokens(size) if unknown else 0)


def _text(raw: Raw) -> str | None:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def _no_answer() -> UpstreamUnavailable:
    return UpstreamUnavailable("The upstream answered with JSON that is no answer of its API.")


def _not_json() -> UpstreamUnavailable:
    return UpstreamUnavailable("The upstream answered with something that is not JSON of its API.")
