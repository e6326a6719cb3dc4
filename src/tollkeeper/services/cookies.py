"""Who asks by a cookie, which a browser sends whoever made the page.

So a request that changes anything, or uses a model, must show that a page of ours sent it: by a header with a token
that other pages cannot know, and by its Origin.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from tollkeeper.rules.errors import Forbidden
from tollkeeper.services.directory import Caller, Directory
from tollkeeper.wire.browser import read_cookie, same_origin

CSRF_HEADER = "x-csrf-token"
READING = frozenset({"GET", "HEAD"})
Headers = Iterable[tuple[bytes, bytes]]


def token_of(headers: Headers) -> str | None:
    """The session's secret, out of a request's headers (names in lower case)."""
    return read_cookie(
        _last(headers, b"host"), [value.decode("latin-1") for name, value in headers if name == b"cookie"]
    )


def caller_by_cookie(
    accounts: Directory, method: str, headers: Headers, *, guarded: bool, even_suspended: bool = False
) -> Caller | None:
    """Who is signed in; None for a request without a session's cookie. `guarded`: the token is asked for whatever the
    method. Raises NotSignedIn, AccountSuspended, Forbidden."""
    token = token_of(headers)
    if token is None:
        return None
    if guarded or method not in READING:
        _check_page(accounts.sessions.csrf_token(token), method, headers)
    return accounts.identify_session(token, even_suspended=even_suspended)


def _check_page(wanted: str, method: str, headers: Headers) -> None:
    if not hmac.compare_digest(_last(headers, CSRF_HEADER.encode()).encode(), wanted.encode()):
        raise Forbidden(
            f"With a session's cookie the header {CSRF_HEADER} is needed, and it is missing or wrong. "
            "GET /auth/session tells the token."
        )
    origin = _last(headers, b"origin")
    # Browsers send no Origin with a GET to the page's own host; they say so in another header, which no page can set.
    if not origin and method in READING and _last(headers, b"sec-fetch-site") == "same-origin":
        return
    if not same_origin(origin, _last(headers, b"host")):
        raise Forbidden("With a session's cookie the Origin of this very host is needed, and it is missing or another.")


def _last(headers: Headers, wanted: bytes) -> str:
    found = ""
    for name, value in headers:
        if name == wanted:
            found = value.decode("latin-1")
    return found
