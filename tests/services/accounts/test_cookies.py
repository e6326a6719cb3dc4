"""Who asks by a cookie: what must show that a page of ours sent it."""

from types import SimpleNamespace
from typing import Any

import pytest

from tollkeeper.rules.errors import Forbidden
from tollkeeper.services.accounts.cookies import caller_by_cookie, token_of

HOST = (b"host", b"localhost:8000")
COOKIE = (b"cookie", b"tollkeeper_session_8000=secret")
TOKEN = (b"x-csrf-token", b"csrf of secret")
ORIGIN = (b"origin", b"http://localhost:8000")


class StubDirectory:
    """Knows every session; `asked` is what it was asked for."""

    def __init__(self):
        self.sessions = SimpleNamespace(csrf_token=lambda token: f"csrf of {token}")

    def identify_session(self, token, *, even_suspended, even_one_factor):
        return (token, even_suspended)


def caller(*headers, method="POST", guarded=False, **given):
    directory: Any = StubDirectory()
    return caller_by_cookie(directory, method, [HOST, *headers], guarded=guarded, **given)


def test_the_cookie_of_this_host_is_the_session_s():
    assert token_of([HOST, COOKIE]) == "secret"
    assert token_of([(b"host", b"localhost:9000"), COOKIE]) is None


def test_without_a_cookie_nobody_is_signed_in_and_no_token_is_asked_for():
    assert caller() is None


def test_a_page_of_ours_has_the_token_and_the_origin():
    assert caller(COOKIE, TOKEN, ORIGIN) == ("secret", False)
    assert caller(COOKIE, TOKEN, ORIGIN, even_suspended=True) == ("secret", True)


@pytest.mark.parametrize(
    "headers",
    [
        (COOKIE, ORIGIN),
        (COOKIE, TOKEN),
        (COOKIE, (b"x-csrf-token", b"csrf of another"), ORIGIN),
        (COOKIE, TOKEN, (b"origin", b"http://localhost:9000")),
        (COOKIE, TOKEN, (b"origin", b"null")),
        (COOKIE, TOKEN, (b"sec-fetch-site", b"same-origin")),
        (COOKIE, TOKEN, ORIGIN, (b"origin", b"https://evil.example")),
    ],
)
def test_other_pages_change_nothing(headers):
    with pytest.raises(Forbidden):
        caller(*headers)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_reading_needs_no_token_unless_it_is_guarded(method):
    assert caller(COOKIE, method=method) == ("secret", False)
    with pytest.raises(Forbidden):
        caller(COOKIE, method=method, guarded=True)


def test_a_browser_reads_its_own_host_without_an_origin():
    same, other = (b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"same-site")
    assert caller(COOKIE, TOKEN, same, method="GET", guarded=True) == ("secret", False)
    with pytest.raises(Forbidden):
        caller(COOKIE, TOKEN, other, method="GET", guarded=True)
