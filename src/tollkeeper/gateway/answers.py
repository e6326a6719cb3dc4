"""Answers of our own. This is the data plane's one place that turns errors into responses."""

from __future__ import annotations

from tollkeeper.rules.errors import GatewayError, MethodNotAllowed
from tollkeeper.wire.openai import shape_error

Headers = list[tuple[bytes, bytes]]

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"


def error_answer(error: GatewayError, request_id: str) -> tuple[int, Headers, bytes]:
    """Status, headers and body for an error."""
    body = shape_error(error)
    headers = [
        (b"content-type", JSON),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode()),
    ]
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
    return error.status, headers, body
