"""Heads of responses, and errors as responses."""

import json

import pytest

from tollkeeper.gateway.http.responses import error_response, response_head
from tollkeeper.rules.errors import (
    BadRequest,
    GatewayError,
    InvalidKey,
    MethodNotAllowed,
    Quota,
    RateLimited,
    UnsupportedCoding,
)
from tollkeeper.wire.openai.dialect import OPENAI


def told(error):
    status, headers, body = error_response(error, OPENAI, "req_1", 0)
    assert json.loads(body)["error"]["message"] == error.message
    return status, dict(headers)


def test_a_head_with_and_without_a_length():
    assert response_head(200, [(b"a", b"b")], b"now", 3) == (
        b"HTTP/1.1 200 OK\r\ndate: now\r\na: b\r\ncontent-length: 3\r\n\r\n"
    )
    assert response_head(799, [], b"now", None) == b"HTTP/1.1 799 \r\ndate: now\r\n\r\n"


@pytest.mark.parametrize(
    ("seconds", "whole", "milliseconds"),
    [(1, b"1", b"1000"), (1.2, b"2", b"1200"), (0, b"1", b"1"), (0.0001, b"1", b"1")],
)
def test_a_wait_is_told_in_both_units_and_never_too_short(seconds, whole, milliseconds):
    _, headers = told(GatewayError("Wait.", retry_after=seconds))
    assert (headers[b"retry-after"], headers[b"retry-after-ms"]) == (whole, milliseconds)


def test_without_a_wait_nothing_is_told_of_one():
    status, headers = told(BadRequest("Wrong."))
    assert (status, headers) == (400, {b"content-type": b"application/json"})


def test_what_a_kind_of_error_tells_besides():
    headers = told(InvalidKey("Who?"))[1]
    assert headers[b"www-authenticate"] == b"Bearer"
    assert headers[b"x-should-retry"] == b"false", "else Claude Code asks for minutes"
    assert told(MethodNotAllowed("No.", allow="GET, HEAD"))[1][b"allow"] == b"GET, HEAD"
    assert b"gzip" in told(UnsupportedCoding("No."))[1][b"accept-encoding"]
    limited = RateLimited("Slow.", quantity="requests", retry_after=1, should_retry=False)
    limited.quota = Quota("requests", 5, 0, 1000)
    headers = told(limited)[1]
    assert headers[b"x-should-retry"] == b"false"
    assert headers[b"x-ratelimit-limit-requests"] == b"5"
