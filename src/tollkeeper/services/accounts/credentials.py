"""Credentials of a request: a key, or else the cookie of a session."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.services.accounts.cookies import caller_by_cookie
from tollkeeper.services.accounts.directory import Caller, Directory
from tollkeeper.wire.credentials import missing_key, presented_key

KEY_IN_PATH = "tollkeeper.key_in_path"
"""Key in the scope of a request to the control plane: the API key that stood in front of its path, if any did."""


def presented(
    accounts: Directory,
    method: str,
    headers: Sequence[tuple[bytes, bytes]],
    *,
    guarded: bool,
    key_in_path: str | None = None,
) -> str | Caller:
    """The key of a request, not looked up yet, or the caller who is signed in. `guarded`: with a session, the CSRF
    token is required whatever the method.

    Raises InvalidKey without credentials and for two keys that differ; with a cookie NotSignedIn, AccountSuspended,
    Forbidden.
    """
    key = presented_key(headers, key_in_path, accounts.knows)
    if key is not None:
        return key
    caller = caller_by_cookie(accounts, method, headers, guarded=guarded)
    if caller is None:
        raise missing_key()
    return caller
