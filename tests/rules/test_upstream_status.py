import pytest

from tollkeeper.rules.errors import (
    CredentialsRefused,
    ServerOverloaded,
    UpstreamFailure,
    UpstreamRefusal,
    UpstreamTimeout,
)
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.rules.upstream_status import is_harmless, upstream_error, upstream_failure

SECRET = "cannot reach http://admin:pw@10.0.0.1"


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_it_says_of_the_request_is_passed_on(status):
    error = upstream_error(status, "no such tool", None)
    assert (type(error), error.status, error.message) == (UpstreamRefusal, status, "no such tool")


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (401, CredentialsRefused, 502),
        (402, CredentialsRefused, 502),
        (403, CredentialsRefused, 502),
        (429, ServerOverloaded, 503),
        (503, ServerOverloaded, 503),
        (504, UpstreamTimeout, 504),
        (524, UpstreamTimeout, 504),
        (529, ServerOverloaded, 503),
        (500, UpstreamFailure, 502),
        (502, UpstreamFailure, 502),
        (599, UpstreamFailure, 502),
        (418, UpstreamFailure, 502),
        (302, UpstreamFailure, 502),
    ],
)
def test_what_it_says_of_itself_is_not(status, kind, told):
    error = upstream_error(status, SECRET, 7)
    assert (type(error), error.status) == (kind, told)
    assert not any(part in error.message for part in ("admin", "pw", "10.0.0.1"))
    assert error.retry_after == (7 if kind is ServerOverloaded else None)


def test_the_status_is_told():
    assert "500" in upstream_error(500, SECRET, None).message


MEMORY = "model requires more system memory (5.6 GiB) than is available (3.1 GiB)"
BLIND = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
NO_EMBEDDINGS = "This server does not support embeddings. Start it with `--embeddings`"


@pytest.mark.parametrize(
    ("status", "said", "kind", "told", "says"),
    [
        (500, MEMORY, UpstreamFailure, 502, MEMORY),
        (500, f"llama: {SECRET}: {MEMORY}\n", UpstreamFailure, 502, MEMORY),
        (503, MEMORY, UpstreamFailure, 502, MEMORY),
        (500, "model requires more system memory (1.0 TiB) than is available (9 MiB)", UpstreamFailure, 502, "1.0 TiB"),
        (500, "this model is not supported by your version of Ollama. You may need to upgrade", UpstreamFailure, 502,
         "not supported by your version of Ollama"),
        (500, "this model does not support embeddings\n", UpstreamRefusal, 400, "does not support embeddings"),
        (501, NO_EMBEDDINGS, UpstreamRefusal, 400, "does not support embeddings"),
        (500, BLIND, UpstreamRefusal, 400, "image input is not supported"),
        (500, "this model is missing data required for image input", UpstreamRefusal, 400, "takes no images"),
        (500, "audio input is not supported - hint: x", UpstreamRefusal, 400, "takes no audio"),
        (500, "input (600 tokens) is too large to process. increase the physical batch size", UpstreamRefusal, 400,
         "input (600 tokens) is too large to process"),
        (500, "input length exceeds the context length", UpstreamRefusal, 400, "longer than the context"),
        (500, "Context size has been exceeded.", UpstreamRefusal, 400, "longer than the context"),
    ],
)  # fmt: skip
def test_what_no_request_like_it_will_change(status, said, kind, told, says):
    error = upstream_error(status, said, None)
    assert (type(error), error.status) == (kind, told)
    assert says in error.message
    assert error.status == 400 or not error.should_retry
    assert not any(part in error.message for part in ("admin", "pw", "10.0.0.1"))


@pytest.mark.parametrize("status", [301, 405, 410, 415, 451, 501, 505])
def test_a_status_that_trying_again_does_not_change(status):
    error = upstream_error(status, "no such operation", None)
    assert (type(error), error.status, error.should_retry) == (UpstreamFailure, 502, False)
    assert "no such operation" in error.message
    assert SECRET not in upstream_error(status, SECRET, None).message


@pytest.mark.parametrize("status", [401, 402, 403])
def test_credentials_that_are_refused_are_refused_again(status):
    assert not upstream_error(status, "x", None).should_retry


@pytest.mark.parametrize("status", [408, 418, 425, 429, 500, 502, 503, 504, 529])
def test_all_else_may_work_the_next_time(status):
    assert upstream_error(status, "server busy", None).should_retry


@pytest.mark.parametrize(
    ("text", "harmless"),
    [
        (NO_EMBEDDINGS, True),
        ("Not implemented.", True),
        ("unsupported operation (code 12, version 1.5)", True),
        ("", False),
        (SECRET, False),
        ("cannot open /var/lib/models", False),
        ("no route to db.internal", False),
        ("no route to 10.0.0.1", False),
        ("bad key abcdef", False),
        ("the password is hush", False),
        ("sk-abcdefghijkl1234", False),
        ("ZXhhbXBsZWV4YW1wbGVleGFtcGxl", False),
        ("line one\nline two", False),
        ("x " * 200, False),
    ],
)
def test_what_holds_no_secret(text, harmless):
    assert is_harmless(text) is harmless


OUTCOMES = {
    Outcome.REFUSED: [400, 413, 422],
    Outcome.MODEL_MISSING: [404],
    Outcome.OVERLOADED: [429, 529],
    Outcome.UNAVAILABLE: [503],
    Outcome.OPERATOR_FAULT: [401, 402],
    Outcome.FORBIDDEN: [403],
    Outcome.MODEL_FAILED: [500],
    Outcome.BAD_GATEWAY: [502, 520, 599],
    Outcome.UNSUPPORTED: [501, 505, 506, 508, 510],
    Outcome.TOO_SLOW: [504, 524],
    Outcome.UNEXPECTED: [302, 405, 408, 409, 418, 451],
}


@pytest.mark.parametrize(
    ("status", "outcome"), [(status, outcome) for outcome, statuses in OUTCOMES.items() for status in statuses]
)
def test_the_outcome_of_a_status(status, outcome):
    assert upstream_error(status, "x", None).outcome is outcome


def test_a_quota_that_is_used_up_is_for_the_operator_to_repair():
    error = upstream_error(429, SECRET, 7, code="insufficient_quota")
    assert (type(error), error.status, error.should_retry) == (CredentialsRefused, 502, False)
    assert (error.outcome, error.retry_after) == (Outcome.OPERATOR_FAULT, None)
    assert "admin" not in error.message
    assert upstream_error(429, "x", 7, code="rate_limit_exceeded").outcome is Outcome.OVERLOADED
    assert upstream_error(500, "x", 7, code="insufficient_quota").outcome is Outcome.MODEL_FAILED


def test_a_page_of_something_before_the_upstream_is_no_failure_of_the_model():
    assert upstream_error(500, "x", None, well_formed=False).outcome is Outcome.BAD_GATEWAY
    assert upstream_error(404, "x", None, well_formed=False).outcome is Outcome.MODEL_MISSING


def test_the_outcome_of_what_a_text_means():
    assert upstream_error(500, MEMORY, None).outcome is Outcome.MODEL_FAILED
    assert upstream_error(500, BLIND, None).outcome is Outcome.REFUSED
    assert upstream_failure("It broke.", "x").outcome is Outcome.MODEL_FAILED


@pytest.mark.parametrize(
    ("status", "message", "own_code"),
    [
        (400, "no", "context_length_exceeded"),
        (400, "no", "exceed_context_size_error"),
        (400, "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.", None),
        (400, "This endpoint's maximum context length is 4096 tokens.", None),
        (400, "prompt is too long: 210000 tokens > 200000 maximum", "invalid_request_error"),
        (413, "Prompt is too long", None),
        (400, "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", None),
        (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", None),
        (400, "the input length exceeds the context length", "invalid_request_error"),
        (400, "the request exceeds the available context size, try increasing it", None),
        (500, "input length exceeds the context length", None),
    ],
)
def test_a_request_that_is_longer_than_the_context_is_called_so(status, message, own_code):
    error = upstream_error(status, message, None, own_code=own_code)
    assert (error.outcome, error.reason) == (Outcome.REFUSED, "context_length_exceeded")
    assert (error.upstream_status, error.upstream_code) == (status, own_code)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "no such tool"),
        (400, "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens"),
        (429, "maximum context length"),
        (500, "image input is not supported"),
    ],
)
def test_no_other_error_is(status, message):
    assert upstream_error(status, message, None).reason is None


def test_a_context_that_fills_up_on_the_way_is_called_so():
    error = upstream_failure("The upstream failed.", "context size has been exceeded")
    assert (error.outcome, error.reason, error.upstream_status) == (Outcome.REFUSED, "context_length_exceeded", None)
