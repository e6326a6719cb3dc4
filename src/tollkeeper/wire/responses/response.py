"""Whole responses in the Responses dialect: their usage, their status, and their id, which the gateway replaces. The
object is also what the events hold with which a stream begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import GatewayError, UpstreamUnavailable
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.rules.usage import estimate_tokens
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.error_text import error_text
from tollkeeper.wire.json_scan import Buffer, NotJson, Steps, TextSpan, members
from tollkeeper.wire.openai.usage import read_usage
from tollkeeper.wire.response_ids import with_id
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.usage import UsageReport

ABSENT = Raw(b"")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_EMPTY = (b"", b"null", b'""', b"{}", b"[]", b"false")
_MAX_REASON = 64
_BEGINNING = 65_536


class ResponseObject(Struct, gc=False):
    """The fields of a response that the gateway reads."""

    id: Any = None
    status: Any = None
    incomplete_details: Raw = ABSENT
    output: Raw = ABSENT
    usage: Raw = ABSENT
    error: Raw = ABSENT

    @property
    def is_failed(self) -> bool:
        """Whether it says that it failed."""
        return self.status in ("failed", "cancelled") or bytes(memoryview(self.error)[:8]) not in _EMPTY

    @property
    def finish_reason(self) -> str | None:
        """Why it ended: its status, or, where it is incomplete, the reason for that."""
        if self.status == "incomplete":
            try:
                reason = _read_details(self.incomplete_details).reason
            except UNREADABLE:
                reason = None
            if isinstance(reason, str) and reason:
                return reason[:_MAX_REASON]
        return self.status[:_MAX_REASON] if isinstance(self.status, str) and self.status else None

    @property
    def report(self) -> UsageReport:
        return read_usage(self.usage, input_name="input", output_name="output")


class _Details(Struct):
    reason: Any = None


read_object = msgspec.json.Decoder(ResponseObject).decode
_read_details = msgspec.json.Decoder(_Details).decode


def object_of(text: Buffer, found: Mapping[bytes, TextSpan]) -> ResponseObject:
    """The object from the positions of its members in a long text. Of its output only the beginning is read."""

    def short(name: bytes) -> Raw:
        start, end = found.get(name, (0, 0))
        return Raw(bytes(text[start : min(end, start + _BEGINNING)]))

    def value(name: bytes) -> Any:
        try:
            return msgspec.json.decode(short(name))
        except UNREADABLE:
            return None

    details, output, usage, error = map(short, (b"incomplete_details", b"output", b"usage", b"error"))
    return ResponseObject(value(b"id"), value(b"status"), details, output, usage, error)


def failure_of(raw: Raw, message: str) -> GatewayError:
    """The error for the `error` of a response, or of an event."""
    return upstream_failure(message, error_text(raw))


def read_response(request: ResponsesRequest, body: bytes, request_id: str) -> WholeResponse:
    """Read one whole 200 response to `request`, and put the gateway's id in it. Raises UpstreamUnavailable when it is
    not the JSON that an upstream of this dialect sends."""
    return read_whole(body, request.response_id(request_id))


def read_large_response(request: ResponsesRequest, body: bytearray, request_id: str) -> Steps[WholeResponse]:
    """As `read_response`, in steps, for a response of any length, which is changed in place."""
    return read_large(body, request.response_id(request_id))


def read_whole(body: bytes, response_id: str) -> WholeResponse:
    """As `read_response`, with the id to put in."""
    try:
        fields = read_object(body)
    except UNREADABLE:
        raise _not_json() from None
    if isinstance(fields.id, str):
        body = with_id(body, fields.id, response_id)
    return _whole(body, fields, memoryview(fields.output).nbytes)


def read_large(body: bytearray, response_id: str) -> Steps[WholeResponse]:
    """As `read_large_response`, with the id to put in."""
    try:
        found = yield from members(body, alone=True)
    except NotJson:
        raise _not_json() from None
    fields = object_of(body, found)
    start, end = found.get(b"output", (0, 0))
    if isinstance(fields.id, str):
        body[slice(*found[b"id"])] = b'"' + response_id.encode() + b'"'
    return _whole(body, fields, end - start)


def _whole(body: Buffer, fields: ResponseObject, size: int) -> WholeResponse:
    """The response. `size` is the length of its output, in bytes."""
    if fields.is_failed:
        raise failure_of(fields.error, "The upstream failed. Try again later.")
    if not size or fields.status in ("queued", "in_progress"):
        raise UpstreamUnavailable("The upstream answered with JSON that is no response of its API.")
    report = fields.report
    unknown = report.completion_tokens is None
    return WholeResponse(body, report, fields.finish_reason, estimate_tokens(size) if unknown else 0)


def _not_json() -> UpstreamUnavailable:
    return UpstreamUnavailable("The upstream answered with something that is not JSON of its API.")
