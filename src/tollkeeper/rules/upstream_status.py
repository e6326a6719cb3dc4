"""What an upstream's own error status means for our client."""

from __future__ import annotations

from tollkeeper.rules.errors import (
    CredentialsRefused,
    GatewayError,
    ServerOverloaded,
    UpstreamFailure,
    UpstreamRefusal,
)

CLIENTS_FAULT = frozenset({400, 404, 413, 422})
OPERATORS_FAULT = frozenset({401, 402, 403})
NO_ROOM = frozenset({429, 503, 529})


def upstream_error(status: int, message: str, retry_after: float | None) -> GatewayError:
    """The error to give for an upstream's answer of `status` (not 200) that says `message`.

    Only what it says about the request itself is passed on: what it says of its own failures may name its hosts, its
    files or its secrets, and is for the operator.
    """
    if status in CLIENTS_FAULT:
        return UpstreamRefusal(message, status=status)
    if status in OPERATORS_FAULT:
        return CredentialsRefused(
            "The upstream refuses this gateway's own credentials. Its operator has been told.",
            told=f"{status} {message}",
        )
    if status in NO_ROOM:
        return ServerOverloaded(
            "The upstream has no room right now. Try again later.", retry_after=retry_after, told=message
        )
    return UpstreamFailure(f"The upstream failed with status {status}. Try again later.", told=message)
