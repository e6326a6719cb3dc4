import msgspec
import pytest

from tollkeeper.rules import errors
from tollkeeper.rules.errors import (
    AnswerTooLong,
    BadRequest,
    CredentialsRefused,
    Forbidden,
    GatewayError,
    InvalidImage,
    ServerOverloaded,
    Stopping,
    UpstreamFailure,
    UpstreamRefusal,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from tollkeeper.rules.reasons import WORDS, Reason, reason, reason_of
from tollkeeper.rules.upstream_status import upstream_error

SAID = "the prompt was: tell me a secret"


@pytest.mark.parametrize(
    ("error", "begun", "code"),
    [
        (None, False, "client_disconnected"),
        (None, True, "client_disconnected"),
        (Stopping(SAID), True, "server_stopping"),
        (Forbidden(SAID, code="access_ended"), True, "access_ended"),
        (UpstreamRefusal(SAID, status=400), False, "invalid_request"),
        (UpstreamRefusal(SAID, status=422), False, "invalid_request"),
        (UpstreamRefusal(SAID, status=404), False, "model_not_found"),
        (UpstreamRefusal(SAID, status=413), False, "request_too_large"),
        (UpstreamRefusal(SAID), True, "invalid_request"),
        (BadRequest(SAID), False, "invalid_request"),
        (UpstreamFailure(SAID), False, "upstream_error"),
        (UpstreamFailure(SAID), True, "stream_interrupted"),
        (UpstreamUnavailable(SAID), False, "upstream_unavailable"),
        (UpstreamUnavailable(SAID), True, "stream_interrupted"),
        (UpstreamTimeout(SAID), False, "upstream_timeout"),
        (UpstreamTimeout(SAID), True, "upstream_timeout"),
        (ServerOverloaded(SAID), True, "server_overloaded"),
        (AnswerTooLong(SAID), True, "upstream_error"),
        (CredentialsRefused(SAID), False, "upstream_unavailable"),
        (InvalidImage(SAID), False, "invalid_image"),
        (ValueError(SAID), True, "internal_error"),
    ],
)
def test_the_code_and_none_of_the_text(error, begun, code):
    found = reason_of(error, begun=begun)
    assert (found.code, found.status) == (code, None)
    assert found.message
    assert SAID not in found.text


def test_what_an_upstream_said_of_itself_is_its_status_and_its_code():
    error = upstream_error(401, SAID, None, own_code="invalid_api_key")
    assert reason_of(error, begun=False) == Reason(
        "upstream_unavailable", 401, "The upstream refuses the gateway's own credentials. Its code: invalid_api_key."
    )
    error = upstream_error(400, "prompt is too long: " + SAID, None)
    assert reason_of(error, begun=False) == Reason(
        "context_length_exceeded", 400, "The request is longer than the context of the model."
    )


def test_the_errors_of_a_dispatched_request_have_words_of_their_own():
    """Those of upstreams and of the gateway's end; all others are of a request that went no further."""
    found = {
        kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UpstreamFailure)
    }
    assert len(found) == 4
    found |= {kind.code for kind in (Stopping, errors.InternalError, errors.LedgerUnavailable, errors.ModelChanged)}
    assert found <= WORDS.keys()
    assert reason_of(GatewayError("x", code="unheard_of"), begun=False).message.startswith("The request could not")


def test_it_is_an_object_of_three_fields():
    assert msgspec.json.decode(reason("lost").text) == {"code": "lost", "status": None, "message": WORDS["lost"]}
