"""Authentication of model requests: by an API key, or by the session of a page of ours."""

from __future__ import annotations

from tollkeeper.gateway.http.exchange import Exchange
from tollkeeper.rules.errors import GatewayError
from tollkeeper.services.accounts.credentials import presented
from tollkeeper.services.accounts.directory import Caller, Directory


def authenticate(exchange: Exchange, accounts: Directory) -> Caller:
    """Return the caller that a request's key or session cookie identifies.

    Raises InvalidKey, NotSignedIn, AccountSuspended, and Forbidden where the cookie was not sent by a page of ours:
    using a model costs money, so that is checked for every method. The exchange knows afterwards whose it is, also
    where a key is not valid any more.
    """
    found: str | Caller
    if (known := exchange.repeated_key()) is not None:
        found, digest, _ = known
    else:
        found = presented(
            accounts, exchange.method, exchange.all_headers, guarded=True, key_in_path=exchange.secret_in_path
        )
        digest = exchange.digest_of(found, accounts.digest) if isinstance(found, str) else b""
    try:
        caller = accounts.identify(found, digest, exchange.created_at) if isinstance(found, str) else found
    except GatewayError:
        exchange.caller = accounts.holder(found) if isinstance(found, str) else found
        raise
    exchange.caller = caller
    return caller
