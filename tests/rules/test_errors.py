"""What every error tells a client, whatever it is about."""

from typing import Any

import pytest

from tollkeeper.rules import errors
from tollkeeper.rules.errors import (
    LONGEST_RETRY_AFTER,
    BadRequest,
    GatewayError,
    MethodNotAllowed,
    RateLimited,
    ServerOverloaded,
    UpstreamFailure,
    UpstreamTimeout,
    UpstreamUnavailable,
    outcome_of,
)
from tollkeeper.rules.outcomes import Outcome

GIVEN: dict[type[GatewayError], dict[str, Any]] = {
    RateLimited: {"quantity": "tokens", "retry_after": 1, "should_retry": True},
    MethodNotAllowed: {"allow": "GET"},
}


def kinds(kind=GatewayError):
    for one in kind.__subclasses__():
        if one.__module__ == errors.__name__ and one is not errors.InvalidRequestError:
            yield one
        yield from kinds(one)


def made(kind):
    return kind("Wrong.", **GIVEN.get(kind, {}))


def test_the_tree_at_the_top_names_every_error():
    named = errors.__doc__.replace(",", " ").split()
    assert not [kind.__name__ for kind in kinds() if kind.__name__ not in named]


@pytest.mark.parametrize("kind", list(kinds()), ids=lambda kind: kind.__name__)
def test_each_has_a_status_of_its_family(kind):
    error = made(kind)
    assert 400 <= error.status < 600
    assert isinstance(error, errors.InvalidRequestError) <= (error.status < 500)
    assert str(error) == error.message == "Wrong."
    assert "Wrong." in repr(error)


@pytest.mark.parametrize("seconds", [0, 1, LONGEST_RETRY_AFTER])
def test_a_wait_is_told(seconds):
    error = GatewayError("Wait.", retry_after=seconds)
    assert (error.retry_after, error.should_retry) == (seconds, True)


def test_a_wait_over_an_hour_is_left_out_and_nobody_retries_by_themselves():
    error = GatewayError("Wait.", retry_after=LONGEST_RETRY_AFTER + 1)
    assert (error.retry_after, error.should_retry) == (None, False)


def test_status_and_code_of_one_error_leave_its_class_alone():
    error = GatewayError("Wrong.", status=505, code="odd")
    assert (error.status, error.code) == (505, "odd")
    assert (GatewayError.status, GatewayError.code) == (500, None)


def test_what_an_upstream_said_is_no_part_of_the_message():
    error = UpstreamFailure("It failed.", detail="secret")
    assert error.detail == "secret"
    assert "secret" not in str(error) + repr(error)


@pytest.mark.parametrize(
    ("kind", "progress", "outcome"),
    [
        (UpstreamUnavailable, "nothing", Outcome.UNREACHABLE),
        (UpstreamUnavailable, "part", Outcome.PARTLY_SENT),
        (UpstreamUnavailable, "whole", Outcome.BROKEN),
        (UpstreamFailure, "whole", Outcome.BROKEN),
        (UpstreamTimeout, "nothing", Outcome.UNREACHABLE),
        (UpstreamTimeout, "part", Outcome.TOO_SLOW),
        (UpstreamTimeout, "whole", Outcome.TOO_SLOW),
        (ServerOverloaded, "whole", None),
    ],
)
def test_the_outcome_of_a_failure_goes_by_how_far_the_request_had_come(kind, progress, outcome):
    error = kind("x")
    error.progress = progress
    assert outcome_of(error) is outcome


def test_an_outcome_that_is_known_counts_whatever_the_error():
    error = ServerOverloaded("x")
    error.outcome = Outcome.UNAVAILABLE
    assert outcome_of(error) is Outcome.UNAVAILABLE


def test_what_is_no_failure_of_an_upstream_has_no_outcome():
    assert outcome_of(BadRequest("x")) is None
