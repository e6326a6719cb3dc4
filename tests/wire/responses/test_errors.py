"""Events of failures."""

import json

from tests.responses_shapes import data_of
from tollkeeper.rules.errors import BadRequest, LedgerUnavailable, RateLimited, UpstreamFailure
from tollkeeper.wire.responses.errors import as_typed_event, error_event, failed_event, failure


def test_an_event_names_its_type_twice_and_counts():
    assert as_typed_event("response.x", 7, a="ü") == (
        'event: response.x\ndata: {"type":"response.x","a":"ü","sequence_number":7}\n\n'.encode()
    )


def test_what_failed_is_told_as_in_bodies():
    assert failure(BadRequest("No.", param="input")) == {
        "code": "server_error",
        "message": "No.",
        "type": "invalid_request_error",
        "param": "input",
    }
    limited = RateLimited("Wait.", quantity="tokens", retry_after=1, should_retry=True)
    assert (failure(limited)["code"], failure(limited)["type"]) == ("rate_limit_exceeded", "tokens")


def test_a_stream_without_a_response_ends_with_both_events():
    error, failed = data_of(error_event(LedgerUnavailable("Full."), "req_1"))
    assert (error["type"], error["code"], error["message"], error["error"]["message"]) == (
        "error",
        "ledger_unavailable",
        "Full.",
        "Full.",
    )
    assert (
        failed["type"],
        failed["response"]["id"],
        failed["response"]["status"],
        failed["response"]["error"]["message"],
    ) == (
        "response.failed",
        "resp_1",
        "failed",
        "Full.",
    )


def test_a_response_that_has_begun_fails_as_it_began():
    began = {"id": "resp_1", "status": "in_progress", "model": "m", "usage": None}
    event = failed_event(began, UpstreamFailure("Gone."), 5)
    data = json.loads(event.partition(b"\ndata: ")[2])
    assert data["sequence_number"] == 5
    assert data["response"] == began | {
        "status": "failed",
        "incomplete_details": None,
        "error": {"code": "upstream_error", "message": "Gone.", "type": "server_error", "param": None},
    }
