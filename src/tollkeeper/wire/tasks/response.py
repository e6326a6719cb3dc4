"""Whole responses to tasks: their usage, and the format of transcripts. Their bytes pass as they are."""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from tollkeeper.rules.errors import UpstreamUnavailable
from tollkeeper.rules.upstream_status import upstream_failure
from tollkeeper.wire.dialect import WholeResponse
from tollkeeper.wire.error_text import error_text
from tollkeeper.wire.json_scan import Buffer, NotJson, Steps, TextSpan, items, members
from tollkeeper.wire.openai.chunks import is_error
from tollkeeper.wire.tasks.request import TEXT_FORMATS, TaskRequest
from tollkeeper.wire.tasks.transcript import as_json, as_text, last_time
from tollkeeper.wire.tasks.usage import milliseconds, read_meta, read_usage
from tollkeeper.wire.usage import UnitReport

TEXT = b"text/plain; charset=utf-8"
_SMALL = 65_536
_MAX_IMAGES = 10_000
_HTML = re.compile(rb"\s*<(?:!doctype|html)", re.IGNORECASE)


def read_response(request: TaskRequest, body: bytes, request_id: str) -> WholeResponse:
    """Read one whole 200 response. Raises UpstreamUnavailable."""
    steps = read_large_response(request, bytearray(body), request_id)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            whole: WholeResponse = end.value
            return msgspec.structs.replace(whole, body=body)


def read_large_response(request: TaskRequest, body: bytearray, _: str) -> Steps[WholeResponse]:
    """The same in steps, for a response of any length."""
    if request.format in TEXT_FORMATS and (request.format != "text" or body.lstrip()[:1] != b"{"):
        return _text(request, body)
    try:
        fields = yield from members(body, alone=True)
    except NotJson:
        raise UpstreamUnavailable("The upstream answered with something that is not JSON of its API.") from None
    error = _value(body, fields, b"error")
    if error and is_error(Raw(error)):
        raise upstream_failure("The upstream failed. Try again later.", error_text(Raw(error)))
    if request.endpoint.answer not in fields and b"data" not in fields:
        raise UpstreamUnavailable("The upstream answered with JSON that is no answer of its API.")
    report = yield from _report(request, body, fields)
    if request.format == "text":
        return WholeResponse(body, report, None, convert=as_text, media_type=TEXT)
    if request.endpoint.reads_audio and request.format in ("", "json") and b"segments" in fields:
        return WholeResponse(body, report, None, convert=as_json)
    return WholeResponse(body, report, None)


def _report(request: TaskRequest, body: Buffer, fields: dict[bytes, TextSpan]) -> Steps[UnitReport]:
    report = read_usage(_value(body, fields, b"usage")) or read_meta(_value(body, fields, b"meta"))
    images, audio = 0, 0
    if request.endpoint.makes_images and b"data" in fields and body[fields[b"data"][0]] == ord("["):
        images = len((yield from items(body, fields[b"data"][0], _MAX_IMAGES)))
    if request.endpoint.reads_audio:
        audio = milliseconds(_number(_value(body, fields, b"duration"))) or 0
    # What is free of tokens has none; only of audio without its length something is missing.
    missing = report is None and request.endpoint.reads_audio and not audio
    if report is None:
        report = UnitReport(0, 0, estimated=missing)
    return msgspec.structs.replace(report, images=images, audio_ms=report.audio_ms or audio)


def _number(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw) if 0 < len(raw) < 64 else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _value(body: Buffer, fields: dict[bytes, TextSpan], name: bytes) -> bytes:
    """The value of a field that is short; b"" where there is none."""
    start, end = fields.get(name, (0, 0))
    return bytes(body[start:end]) if end - start <= _SMALL else b""


def _text(request: TaskRequest, body: bytearray) -> WholeResponse:
    """A transcript that is no JSON, which reports nothing: subtitles show about how long the audio is."""
    if _HTML.match(body):
        raise UpstreamUnavailable("The upstream answered with a page instead of a transcript.")
    shown = last_time(bytes(body[-4096:])) if request.format != "text" else None
    return WholeResponse(body, UnitReport(0, 0, estimated=True, audio_ms=shown or 0), None, media_type=TEXT)
