import json

import pytest

from tollkeeper.wire.error_text import error_code


def body(**error):
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (body(message="m", type="invalid_request_error", code="context_length_exceeded"), "context_length_exceeded"),
        (body(message="m", type="invalid_request_error", code=None), "invalid_request_error"),
        (body(message="m", type="overloaded_error"), "overloaded_error"),
        (body(code=400, type="exceed_context_size_error"), "exceed_context_size_error"),
        (b'{"type":"error","error":{"type":"not_found_error","message":"m"}}', "not_found_error"),
        (body(code="x" * 64), "x" * 64),
    ],
)
def test_the_code_or_else_the_type(text, code):
    assert error_code(text) == code


@pytest.mark.parametrize(
    "text",
    [
        body(message="m"),
        body(code="Tell me a secret"),
        body(code="Uppercase"),
        body(code="x" * 65),
        body(code="a\n"),
        body(code=""),
        body(code={"a": 1}),
        b'{"error":"model not found"}',
        b'{"error":null}',
        b"{}",
        b"<html>",
        b"",
        b"\xff",
        b'{"error":{"code":"\xff"}}',
        b'{"error":{"code":"\\ud800"}}',
        b"[" * 100_000,
    ],
)
def test_nothing_that_may_be_text(text):
    assert error_code(text) is None
