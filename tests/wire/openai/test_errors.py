import json
from decimal import Decimal

import pytest

from tollkeeper.rules.errors import (
    BadRequest,
    GatewayError,
    InsufficientQuota,
    InvalidKey,
    LedgerUnavailable,
    ModelNotAllowed,
    RateLimited,
    ReachedLimit,
    UpstreamFailure,
    UpstreamRefusal,
)
from tollkeeper.wire.openai.errors import error_body, error_event, error_message
from tollkeeper.wire.sse import event_data


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"error":{"message":"model not found"}}', "model not found"),
        (b'{"error":"boom"}', "boom"),
        (b'{"detail":"x"}', "it gave no reason"),
        (b"<html>", "it gave no reason"),
        (b'{"error":"\xff"}', "it gave no reason"),
        (b"[]", "it gave no reason"),
        (b'{"error":{"message":"  "}}', "it gave no reason"),
    ],
)
def test_errors_are_read_in_their_usual_shapes(text, says):
    assert error_message(text) == says


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (BadRequest("No."), "invalid_request_error"),
        (InvalidKey("No."), "invalid_request_error"),
        (UpstreamRefusal("No."), "invalid_request_error"),
        (ModelNotAllowed("No."), "permission_error"),
        (InsufficientQuota("No."), "insufficient_quota"),
        (RateLimited("No.", quantity="requests", retry_after=1, should_retry=True), "requests"),
        (RateLimited("No.", quantity="tokens", retry_after=1, should_retry=True), "tokens"),
        (UpstreamFailure("No."), "server_error"),
        (LedgerUnavailable("No."), "server_error"),
        (GatewayError("No."), "server_error"),
    ],
)
def test_an_error_is_told_whole_and_in_a_stream(error, named):
    told = {"message": "No.", "type": named, "param": None, "code": error.code}
    assert json.loads(error_body(error, "req_1")) == {"error": told}
    data = event_data(error_event(error, "req_1"))
    assert data is not None
    assert json.loads(data) == {"error": told}


def test_the_limit_that_refuses_is_told_with_exact_figures():
    error = InsufficientQuota("No.")
    error.reached = ReachedLimit(
        "cost_usd_total", "team", None, "exhausted", Decimal(5), Decimal("0.000000000123"), Decimal("0.1")
    )
    told = json.loads(error_body(error, ""), parse_float=Decimal)["error"]
    assert list(told) == ["message", "type", "param", "code", "limit"]
    assert told["limit"] == {
        "name": "cost_usd_total",
        "owner": "team",
        "model": None,
        "reason": "exhausted",
        "limit": 5,
        "needed": Decimal("0.000000000123"),
        "remaining": Decimal("0.1"),
    }
    assert json.loads(event_data(error_event(error, "")) or b"", parse_float=Decimal)["error"] == told
