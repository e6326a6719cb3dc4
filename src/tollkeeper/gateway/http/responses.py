"""Serialization of response heads, and the data plane's one place that turns errors into responses."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from tollkeeper.rules.errors import GatewayError, MethodNotAllowed, UnsupportedCoding
from tollkeeper.wire.dialect import AnyDialect

Header = tuple[bytes, bytes]
Headers = list[Header]

JSON = b"application/json"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\ndate: ".encode() for status in HTTPStatus}


def response_head(status: int, headers: Iterable[Header], date: bytes, length: int | None) -> bytes:
    """Serialize the head of a response. `length` is the size of its content in bytes, None where `headers` define the
    framing. Names and values must be ours or come from the request parser, which lets no line break through."""
    known = _STATUS_LINES.get(status)
    first = (known if known is not None else b"HTTP/1.1 %d \r\ndate: " % status) + date
    last = b"\r\n" if length is None else b"content-length: %d\r\n\r\n" % length
    return b"\r\n".join([first, *map(b": ".join, headers), last])  # a loop takes twice the instructions


def error_response(
    error: GatewayError, dialect: AnyDialect, request_id: str, now_ms: int
) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of an error response, at a time in milliseconds since the epoch."""
    headers: Headers = [(b"content-type", JSON)]
    if error.retry_after is not None:
        milliseconds = max(1, round(error.retry_after * 1000))
        headers += [
            (b"retry-after", b"%d" % -(-milliseconds // 1000)),
            (b"retry-after-ms", b"%d" % milliseconds),
        ]
    if not error.should_retry or error.status == 401:  # a key does not become valid by being sent again
        headers.append((b"x-should-retry", b"false"))
    if error.quota is not None:
        headers += dialect.quota_headers(error.quota, now_ms)
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    if isinstance(error, UnsupportedCoding):
        headers.append((b"accept-encoding", b"gzip, deflate, br, zstd"))
    if error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return error.status, headers, dialect.error_body(error, request_id)
