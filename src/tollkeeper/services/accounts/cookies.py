"""Authentication by a session's cookie, with protection against cross-site request forgery.

A browser sends the cookie with requests of any site. A request that changes anything, or uses a model, must therefore
prove that a page of ours sent it: by a header with a token that other sites cannot read, and by its Origin.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from tollkeeper.rules.errors import Forbidden
from tollkeeper.services.accounts.directory import Caller, Directory
from tollkeeper.wire.http.cookies import SESSION_COOKIE, SIGN_IN_COOKIE, read_cookie
from tollkeeper.wire.http.origins import same_origin

CSRF_HEADER = "x-csrf-token"
READING = frozenset({"GET", "HEAD"})
Headers = Iterable[tuple[bytes, bytes]]


def token_of(headers: Headers) -> str | None:
    """The session's token in the cookie of a request's headers (names in lower case)."""
    return _cookie(headers, SESSION_COOKIE)


def sign_in_token_of(headers: Headers) -> str | None:
    """The secret of a sign-in under way in the cookie of a request's headers (names in lower case)."""
    return _cookie(headers, SIGN_IN_COOKIE)


def caller_by_cookie(
    accounts: Directory,
    method: str,
    headers: Headers,
    *,
    guarded: bool,
    even_suspended: bool = False,
    even_one_factor: bool = False,
) -> Caller | None:
    """The caller who is signed in; None for a request without a session's cookie. `guarded`: the CSRF token is required
    whatever the method. Raises NotSignedIn, AccountSuspended, SecondFactorMissing, Forbidden."""
    token = token_of(headers)
    if token is None:
        return None
    if guarded or method not in READING:
        _check_page(accounts.sessions.csrf_token(token), method, headers)
    return accounts.identify_session(token, even_suspended=even_suspended, even_one_factor=even_one_factor)


def _check_page(wanted: str, method: str, headers: Headers) -> None:
    if not hmac.compare_digest(_last(headers, CSRF_HEADER.encode()).encode(), wanted.encode()):
        raise Forbidden(
            f"With a session's cookie the header {CSRF_HEADER} is needed, and it is missing or wrong. "
            "GET /auth/session tells the token."
        )
    origin = _last(headers, b"origin")
    # Browsers send no Origin with a GET to the page's own host, but Sec-Fetch-Site, which no page can set.
    if not origin and method in READING and _last(headers, b"sec-fetch-site") == "same-origin":
        return
    if not same_origin(origin, _last(headers, b"host")):
        raise Forbidden("With a session's cookie the Origin of this very host is needed, and it is missing or another.")


def _cookie(headers: Headers, base: str) -> str | None:
    sent = [value.decode("latin-1") for name, value in headers if name == b"cookie"]
    return read_cookie(_last(headers, b"host"), sent, base)


def _last(headers: Headers, wanted: bytes) -> str:
    found = ""
    for name, value in headers:
        if name == wanted:
            found = value.decode("latin-1")
    return found
