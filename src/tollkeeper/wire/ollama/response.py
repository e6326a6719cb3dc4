"""Whole responses in Ollama's dialect: their usage and why they ended."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.rules.usage import estimate_tokens
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.error_text import UNREADABLE, error_text
from tollkeeper.wire.json_scan import Buffer, NotJson, Steps, members
from tollkeeper.wire.ollama.request import OllamaRequest
from tollkeeper.wire.usage import UsageReport, count_of

ABSENT = Raw(b"")
_BEGINNING = 65_536
_MAX_REASON = 64
_EMPTY = (b"", b"null", b'""', b"[]", b"{}")
_IDLE = frozenset(("load", "unload"))


class Line(Struct, gc=False):
    """The fields that the gateway reads of a whole response, or of a line of a streamed one."""

    message: Raw = ABSENT
    response: Raw = ABSENT
    thinking: Raw = ABSENT
    tool_calls: Raw = ABSENT
    embedding: Raw = ABSENT
    embeddings: Raw = ABSENT
    done: Any = None
    done_reason: Any = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    error: Raw = ABSENT

    @property
    def reason(self) -> str | None:
        """Why the output ended; None: the line does not say."""
        reason = self.done_reason
        return reason[:_MAX_REASON] if isinstance(reason, str) and reason else None

    @property
    def report(self) -> UsageReport:
        """The usage, as far as it is there."""
        if self.reason in _IDLE:
            return UsageReport(0, 0)  # no model has read or written anything
        figures = (self.prompt_eval_count, self.eval_count)
        prompt, output = map(count_of, figures)
        doubtful = any(
            figure is not None and count is None for figure, count in zip(figures, (prompt, output), strict=True)
        )
        return UsageReport(prompt, output, estimated=doubtful)

    def output_bytes(self) -> int:
        """Bytes of what the model has written, about."""
        size = sum(_size(raw) for raw in (self.response, self.thinking, self.tool_calls))
        if is_empty(self.message):
            return size
        try:
            message = _read_message(self.message)
        except UNREADABLE:
            return size + memoryview(self.message).nbytes
        return size + sum(_size(raw) for raw in (message.content, message.thinking, message.tool_calls))


class _Message(Struct, gc=False):
    content: Raw = ABSENT
    thinking: Raw = ABSENT
    tool_calls: Raw = ABSENT


read_line = msgspec.json.Decoder(Line).decode
_read_message = msgspec.json.Decoder(_Message).decode


def is_empty(raw: Raw) -> bool:
    """Whether a field is missing, null or empty."""
    return memoryview(raw).nbytes <= 4 and bytes(raw) in _EMPTY


def read_large_line(text: Buffer) -> Steps[tuple[Line, int]]:
    """The fields of a long text, in steps, of long values the beginning only; and the bytes of what the model has
    written. Raises NotJson."""
    found = yield from members(text, alone=True)

    def short(name: str) -> Raw:
        start, end = found.get(name.encode(), (0, 0))
        return Raw(bytes(text[start : min(end, start + _BEGINNING)]))

    raw = {name: short(name) for name in Line.__struct_fields__}
    scalars = {name: _scalar(raw.pop(name)) for name in ("done", "done_reason", "prompt_eval_count", "eval_count")}
    output = ("message", "response", "thinking", "tool_calls")
    size = sum(end - start for name in output for start, end in [found.get(name.encode(), (0, 0))])
    return Line(**raw, **scalars), size


def read_response(request: OllamaRequest, body: bytes, _: str) -> WholeResponse:
    """Read one whole 200 response to `request`. Raises UpstreamUnavailable when it is not the JSON that an upstream of
    this dialect sends."""
    try:
        fields = read_line(body)
    except UNREADABLE:
        raise _not_json() from None
    return _whole(request, body, fields, None)


def read_large_response(request: OllamaRequest, body: bytearray, _: str) -> Steps[WholeResponse]:
    """As `read_response`, in steps, for a response of any length."""
    try:
        fields, size = yield from read_large_line(body)
    except NotJson:
        raise _not_json() from None
    return _whole(request, body, fields, size)


def _whole(request: OllamaRequest, body: Buffer, fields: Line, size: int | None) -> WholeResponse:
    """The response. `size`: the bytes of its output, where they are known already."""
    if not is_empty(fields.error):
        raise upstream_failure("The upstream failed. Try again later.", error_text(fields.error))
    endpoint = request.endpoint
    if bytes(memoryview(getattr(fields, endpoint.output))[:5]) in (b"", b"null"):
        raise UpstreamUnavailable("The upstream answered with JSON that is no answer of its API.")
    report = fields.report
    if not endpoint.generates:
        return WholeResponse(body, UsageReport(report.prompt_tokens, 0, estimated=report.estimated), None)
    if report.completion_tokens:
        return WholeResponse(body, report, fields.reason)
    size = fields.output_bytes() if size is None else size
    return WholeResponse(body, report, fields.reason, estimate_tokens(size))


def _size(raw: Raw) -> int:
    return 0 if is_empty(raw) else memoryview(raw).nbytes


def _scalar(raw: Raw) -> Any:
    try:
        return msgspec.json.decode(raw) if memoryview(raw).nbytes <= _MAX_REASON * 6 else None
    except UNREADABLE:
        return None


def _not_json() -> UpstreamUnavailable:
    return UpstreamUnavailable("The upstream answered with something that is not JSON of its API.")
