"""Whole responses in the Responses dialect."""

import json

import pytest

from tests.responses_shapes import response_object, responses_usage
from tollkeeper.rules.errors import GatewayError, UpstreamUnavailable
from tollkeeper.wire.responses.response import read_large, read_whole
from tollkeeper.wire.usage import UsageReport


def at_once(text):
    return read_whole(text, "resp_1")


def in_steps(text):
    steps = read_large(bytearray(text), "resp_1")
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


READ = pytest.mark.parametrize("read", [at_once, in_steps])


def text(**fields):
    return json.dumps(response_object(**fields), separators=(",", ":")).encode()


@READ
def test_usage_reason_and_id(read):
    sent = text(usage=responses_usage(1200, 340, cached=1024, written=50, reasoning=300))
    whole = read(sent)
    assert bytes(whole.body) == sent.replace(b"resp_up", b"resp_1")
    assert whole.report == UsageReport(1200, 340, 1024, 300, 50)
    assert (whole.finish_reason, whole.content_events) == ("completed", 0)


@READ
@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_one_says_why(read, reason):
    assert read(text(status="incomplete", incomplete_details={"reason": reason})).finish_reason == reason
    assert read(text(status="incomplete")).finish_reason == "incomplete"


@READ
def test_without_usage_its_output_is_estimated(read):
    for usage in (None, {}, "many", {"output_tokens": -1}):
        whole = read(text(usage=usage))
        assert whole.report.completion_tokens is None
        assert whole.content_events > 10


@READ
@pytest.mark.parametrize(
    "fields",
    [
        {"status": "failed", "error": {"code": "server_error", "message": "out of memory"}},
        {"error": {"code": "rate_limit_exceeded", "message": "slow down"}},
        {"status": "cancelled"},
    ],
)
def test_a_failed_one_is_a_failure(read, fields):
    with pytest.raises(GatewayError) as caught:
        read(text(**fields))
    assert caught.value.status == 502


@READ
@pytest.mark.parametrize(
    "sent", [b"", b"[]", b"{", b"5", b'{"id":"resp_up","status":"completed"}', text(status="queued"), text() + b"x"]
)
def test_what_is_none_is_a_failure(read, sent):
    with pytest.raises(UpstreamUnavailable):
        read(sent)


@READ
@pytest.mark.parametrize("odd", [{"id": None}, {"status": 5}, {"incomplete_details": "why"}, {"status": None}])
def test_odd_fields_are_no_failure(read, odd):
    assert read(text(**odd)).report == UsageReport(7, 3)
