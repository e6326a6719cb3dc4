"""Why a request was not completed, as its record says.

A record is kept for ever, so nothing of the prompt or of the answer may get into it. Its reason is therefore put into
the gateway's own words, by the code alone: what an upstream writes may repeat the request, and only its own code for
the error is taken over, where that looks like one.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from tollkeeper.rules.errors import (
    AnswerTooLong,
    CredentialsRefused,
    GatewayError,
    InternalError,
    ServerOverloaded,
    UpstreamFailure,
    UpstreamRefusal,
    UpstreamTimeout,
)

CLIENT_LEFT = "client_disconnected"
INTERRUPTED = "stream_interrupted"
INVALID = "invalid_request"
LOST = "lost"

_BY_STATUS = {404: "model_not_found", 413: "request_too_large"}
"""Codes of an upstream's refusal of the request, where its status tells more than that it is refused."""

WORDS: Mapping[str, str] = {
    CLIENT_LEFT: "The client left, or stopped reading, before the answer was complete.",
    "account_suspended": "The account was suspended or closed while the request ran.",
    "access_ended": "The key or session was ended while the request ran.",
    "end_user_blocked": "The person whom the request was for was blocked while it ran.",
    "server_stopping": "The gateway was stopping.",
    LOST: "The gateway was killed while the request ran.",
    "context_length_exceeded": "The request is longer than the context of the model.",
    INVALID: "The upstream refused the request as invalid.",
    "model_not_found": "The upstream did not find the model.",
    "request_too_large": "The request is larger than the upstream takes.",
    "model_changed": "The model is pinned to a digest that it no longer has.",
    "upstream_error": "The upstream failed.",
    "upstream_timeout": "The upstream did not answer in time.",
    "upstream_unavailable": "The upstream could not be reached, or sent no valid response.",
    "server_overloaded": "The upstream, or the gateway, had no room for the request.",
    INTERRUPTED: "The upstream broke off in the middle of its answer.",
    "ledger_unavailable": "The ledger could not be written.",
    "internal_error": "The gateway failed.",
}
"""Messages by code. Any other code is that of a request that the gateway could not send to the next upstream."""
_OTHERWISE = "The request could not be sent to the next upstream."
_BY_CLASS: Mapping[type[GatewayError], str] = {
    CredentialsRefused: "The upstream refuses the gateway's own credentials.",
    AnswerTooLong: "The answer of the upstream is longer than the settings allow.",
}
"""Messages of errors that share their code with others."""


class Reason(Struct, frozen=True, gc=False):
    """Why a request was not completed. `status` is the HTTP status of the upstream's error; None: it sent none."""

    code: str
    status: int | None
    message: str

    @property
    def text(self) -> str:
        """It as JSON."""
        return msgspec.json.encode(self).decode()


def reason(code: str, *, status: int | None = None, message: str | None = None, said: str | None = None) -> Reason:
    """The reason with this code. `said` is the upstream's own code."""
    message = message or WORDS.get(code, _OTHERWISE)
    return Reason(code, status, message if said is None else f"{message} Its code: {said}.")


def reason_of(error: BaseException | None, *, begun: bool) -> Reason:
    """The reason of a request that ended by `error`; None: its client left. `begun`: some of the answer had come."""
    if error is None:
        return reason(CLIENT_LEFT)
    if not isinstance(error, GatewayError):
        error = InternalError("The gateway failed.")
    code = error.reason or error.code
    if code is None:
        code = _BY_STATUS.get(error.status, INVALID) if isinstance(error, UpstreamRefusal) else INVALID
    message = _BY_CLASS.get(type(error))
    if begun and message is None and _breaks_off(error):
        code = INTERRUPTED
    return reason(code, status=error.upstream_status, message=message, said=error.upstream_code)


def _breaks_off(error: GatewayError) -> bool:
    return isinstance(error, UpstreamFailure) and not isinstance(error, UpstreamTimeout | ServerOverloaded)
