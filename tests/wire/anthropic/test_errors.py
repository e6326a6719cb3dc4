"""Errors in the Messages dialect have Anthropic's types, whole and in streams."""

import json

import pytest

from tollkeeper.rules import errors
from tollkeeper.wire.anthropic.errors import error_body, error_event, error_message
from tollkeeper.wire.error_text import NO_REASON


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (errors.BadRequest("no", param="model"), "invalid_request_error"),
        (errors.InvalidKey("no"), "authentication_error"),
        (errors.AccountSuspended("no"), "permission_error"),
        (errors.ModelNotFound("no", param="model"), "not_found_error"),
        (errors.RequestTooLarge("no"), "request_too_large"),
        (errors.RateLimited("no", quantity="requests", retry_after=1, should_retry=True), "rate_limit_error"),
        (errors.ServerOverloaded("no", retry_after=1), "overloaded_error"),
        (errors.UpstreamTimeout("no"), "timeout_error"),
        (errors.UpstreamRefusal("no", status=404), "not_found_error"),
        (errors.UpstreamRefusal("no", status=400), "invalid_request_error"),
        (errors.UpstreamUnavailable("no"), "api_error"),
        (errors.Stopping("no"), "api_error"),
    ],
)
def test_types_are_anthropics(error, named):
    told = json.loads(error_body(error, "req_1"))
    assert (told["type"], told["error"]["type"], told["error"]["message"]) == ("error", named, "no")
    assert told["request_id"] == "req_1"
    assert error_event(error, "req_1") == b"event: error\ndata: " + error_body(error, "req_1") + b"\n\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"type":"error","error":{"type":"x","message":"too long"}}', "too long"),
        (b'{"error":"plain"}', "plain"),
        (b'{"error":{"message":5}}', NO_REASON),
        (b'{"error":{"message":" "}}', NO_REASON),
        (b"<html>", NO_REASON),
        (b"{}", NO_REASON),
    ],
)
def test_an_upstreams_message_is_found_in_the_usual_shapes(body, message):
    assert error_message(body) == message


def test_a_code_stands_where_anthropic_has_its_own():
    told = json.loads(error_body(errors.BadRequest("no", param="thread", code="c"), "req_1"))["error"]
    assert (told["param"], told["code"], told["details"]) == ("thread", "c", {"error_code": "c"})
    assert set(json.loads(error_body(errors.BadRequest("no"), "req_1"))["error"]) == {"type", "message"}


def test_the_limit_that_refuses_is_told_as_in_openais_errors():
    error = errors.LimitTooSmall("no")
    error.reached = errors.ReachedLimit("tokens_per_day", "key", "tiny", "never", 10, 20, 10)
    told = json.loads(error_body(error, "req_1"))["error"]["limit"]
    assert told == {
        "name": "tokens_per_day",
        "owner": "key",
        "model": "tiny",
        "reason": "never",
        "limit": 10,
        "needed": 20,
        "remaining": 10,
    }
