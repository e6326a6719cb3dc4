import pytest

from tollkeeper.rules.errors import CredentialsRefused, ServerOverloaded, UpstreamFailure, UpstreamRefusal
from tollkeeper.rules.upstream_status import upstream_error

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
