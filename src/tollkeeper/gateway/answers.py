"""Answers of our own: their heads as bytes, and the data plane's one place that turns errors into responses."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from tollkeeper.rules.errors import GatewayError, MethodNotAllowed
from tollkeeper.wire.openai import shape_error

Header = tuple[bytes, bytes]
Headers = list[Header]

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\ndate: ".encode() for status in HTTPStatus}


def response_head(status: int, headers: Iterable[Header], date: bytes, length: int | None) -> bytes:
    """The head of a response, with its content's `length` in bytes; None: `headers` say how it is framed. Names and
    values must be ours, or read by the parser of requests, which lets no line break in."""
    known = _STATUS_LINES.get(status)
    parts = [known if known is not None else b"HTTP/1.1 %d \r\ndate: " % status, date]
    for name, value in headers:
        parts += (b"\r\n", name, b": ", value)
    parts.append(b"\r\n\r\n" if length is None else b"\r\ncontent-length: %d\r\n\r\n" % length)
    return b"".join(parts)


def error_answer(error: GatewayError) -> tuple[int, Headers, bytes]:
    """Status, headers and body for an error."""
    headers: Headers = [(b"content-type", JSON)]
    if error.retry_after is not None:
        milliseconds = max(1, round(error.retry_after * 1000))
        headers += [
            (b"retry-after", b"%d" % -(-milliseconds // 1000)),
            (b"retry-after-ms", b"%d" % milliseconds),
        ]
    if not error.should_retry:
        headers.append((b"x-should-retry", b"false"))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return error.status, headers, shape_error(error)
