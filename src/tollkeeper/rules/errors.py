"""Every error that a client may see, as one tree.

    GatewayError
    ├── BadRequest 400 ── InvalidImage, LimitTooSmall, UnsupportedByUpstream
    ├── InvalidKey, NotSignedIn, InvalidCredentials 401
    ├── Forbidden 403 ── AccountSuspended, SecondFactorMissing, ModelNotAllowed, ModelNotPriced
    ├── NotFound 404 ── ModelNotFound
    ├── MethodNotAllowed 405
    ├── RequestTimeout 408
    ├── Conflict 409 ── ModelChanged, IdempotencyInProgress, IdempotencyReplayed
    ├── RequestTooLarge 413
    ├── UnsupportedCoding 415
    ├── Unprocessable 422                 control plane only, but for ── IdempotencyMismatch
    ├── UpstreamRefusal 400/404/413/422   the upstream refuses the request itself
    ├── UpstreamFailure 502               its other 4xx and 5xx
    │   ├── UpstreamUnavailable 502/503   refused, reset, garbage ── CredentialsRefused 502
    │   ├── UpstreamTimeout 504
    │   ├── AnswerTooLong 502             longer than the gateway takes
    │   └── ServerOverloaded 503          the upstream or the gateway has no capacity
    ├── RateLimited 429                   a pace limit, concurrency, or a budget held by running requests
    ├── InsufficientQuota 429/403         a budget that is used up
    ├── LedgerUnavailable 503             nothing is relayed that cannot be recorded
    ├── Stopping 503                      the gateway is shutting down
    └── InternalError 500

Each message says what was wrong and what to do. Each dialect in `wire/` gives them its own shape and types;
`gateway/http/responses.py` and `control/http/errors.py` are the only places that turn them into responses.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from tollkeeper.rules.outcomes import Outcome

LONGEST_RETRY_AFTER = 3600.0
"""Seconds. A longer wait is not sent as `retry-after`, since some clients would sleep that long."""

Progress = Literal["nothing", "part", "whole"]
"""How much of a request was sent to an upstream that failed. "nothing": there was no connection. "part": the upstream
cannot have all of it. "whole": it may have all of it, and may have done its work."""


class Quota(Struct, frozen=True):
    """A limit as rate-limit headers show it. `kind`: "requests" or "tokens". `reset_ms`: milliseconds until it resets;
    in a refusal, until the same request would be admitted if no other came; None: never. `limit` and `remaining` are
    None for money."""

    kind: str
    limit: int | None
    remaining: int | None
    reset_ms: int | None


class ReachedLimit(Struct, frozen=True):
    """The limit that refuses a request, as the bodies of errors show it to programs.

    `owner` is the kind of its owner, `model` the one model that it counts, `reason` that of the violation. Figures are
    in the limit's own unit, exact; those on cost in dollars.
    """

    name: str
    owner: str
    model: str | None
    reason: str
    limit: int | Decimal
    needed: int | Decimal
    remaining: int | Decimal


class GatewayError(Exception):
    """An error for the client. `message` is for people, `code` for programs.

    `status` is the HTTP status, `param` the field at fault, `retry_after` the seconds until the same request may
    succeed: None, with `should_retry` False, where that is more than an hour. `should_retry` False keeps clients from
    retrying by themselves. `limit` is the name of the limit that refuses, `reached` its figures, `quota` what headers
    show of it. `outcome` is how an attempt at an upstream failed by it; None: the upstream did not say. `reason` is the
    code in the record, where that says more than `code`; of an upstream's error, `upstream_status` is its HTTP status,
    and `upstream_code` its own code, if it is harmless.
    """

    status: int = 500
    code: str | None = None
    limit: str | None = None
    reached: ReachedLimit | None = None
    quota: Quota | None = None
    outcome: Outcome | None = None
    reason: str | None = None
    upstream_status: int | None = None
    upstream_code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        should_retry: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        far = retry_after is not None and retry_after > LONGEST_RETRY_AFTER
        self.retry_after = None if far else retry_after
        self.should_retry = should_retry and not far
        if status is not None:
            self.status = status
        if code is not None:
            self.code = code

    def redact(self, redact: Callable[[str], str]) -> None:
        """Have `redact` take out of its texts what nobody may see."""
        self.message = redact(self.message)
        self.args = (self.message,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status}, {self.code}, {self.message!r}, param={self.param!r})"


class InvalidRequestError(GatewayError):
    """A fault of the client's request; retrying it unchanged will not help."""


class BadRequest(InvalidRequestError):
    status = 400


class InvalidImage(BadRequest):
    code = "invalid_image"


class LimitTooSmall(BadRequest):
    """A request that would not fit its limit even with nothing used."""

    code = "limit_too_small"


class RateLimited(GatewayError):
    """A limit without room at this moment. `quantity` is what it counts: "requests" or "tokens"."""

    status = 429
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, quantity: str, retry_after: float | None, should_retry: bool) -> None:
        super().__init__(message, retry_after=retry_after, should_retry=should_retry)
        self.quantity = quantity


class InsufficientQuota(GatewayError):
    status = 429
    code = "insufficient_quota"


class InvalidKey(InvalidRequestError):
    status = 401
    code = "invalid_api_key"


class NotSignedIn(InvalidRequestError):
    """A missing or ended session."""

    status = 401
    code = "not_signed_in"


class InvalidCredentials(InvalidRequestError):
    """A wrong name or password; the message does not reveal which."""

    status = 401
    code = "invalid_credentials"


class NotFound(InvalidRequestError):
    status = 404
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class MethodNotAllowed(InvalidRequestError):
    """A method that the path does not take. `allow` is the value of the Allow header."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class RequestTimeout(InvalidRequestError):
    status = 408
    code = "request_timeout"


class Conflict(InvalidRequestError):
    status = 409
    code = "already_exists"


class ModelChanged(Conflict):
    """A model that an admin has pinned to a digest, and whose name now stands for another."""

    code = "model_changed"


class IdempotencyInProgress(Conflict):
    """A request with an idempotency key under which the same request is still running."""

    code = "idempotency_in_progress"


class IdempotencyReplayed(Conflict):
    """A request with an idempotency key under which the same request has ended, and left a record."""

    code = "idempotency_replayed"


class RequestTooLarge(InvalidRequestError):
    status = 413
    code = "request_too_large"


class UnsupportedCoding(InvalidRequestError):
    """A content coding of the body that is not supported."""

    status = 415
    code = "unsupported_content_encoding"


class Unprocessable(InvalidRequestError):
    status = 422
    code = "invalid_value"


class IdempotencyMismatch(Unprocessable):
    """A request with an idempotency key that was used for another request."""

    code = "idempotency_mismatch"


class Forbidden(GatewayError):
    status = 403
    code = "forbidden"


class AccountSuspended(Forbidden):
    code = "account_suspended"


class SecondFactorMissing(Forbidden):
    """A session of somebody who must set up a second factor before anything else."""

    code = "second_factor_missing"


class ModelNotAllowed(Forbidden):
    code = "model_not_allowed"


class ModelNotPriced(Forbidden):
    code = "model_not_priced"


class UnsupportedByUpstream(BadRequest):
    code = "unsupported_by_upstream"


class UpstreamRefusal(InvalidRequestError):
    """The upstream's own 400, 404, 413 or 422: its status and message, in the shape of the client's dialect."""

    status = 400


class UpstreamFailure(GatewayError):
    """A failure of the upstream. `detail` is its own message or the cause, for the operator only: it may name hosts and
    files. `progress`: how much of the request had been sent when it failed. `asked_wait`: the seconds for which the
    upstream asks to be left alone, also where they are too many to be told."""

    status = 502
    code = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        should_retry: bool = True,
        detail: str | None = None,
        progress: Progress = "whole",
    ) -> None:
        super().__init__(message, status=status, code=code, retry_after=retry_after, should_retry=should_retry)
        self.detail = detail
        self.progress = progress
        self.asked_wait = retry_after

    def redact(self, redact: Callable[[str], str]) -> None:
        super().redact(redact)
        if self.detail is not None:
            self.detail = redact(self.detail)


class UpstreamUnavailable(UpstreamFailure):
    code = "upstream_unavailable"


class CredentialsRefused(UpstreamUnavailable):
    """The upstream refuses the gateway's credentials: only the operator can repair that."""


class UpstreamTimeout(UpstreamFailure):
    status = 504
    code = "upstream_timeout"


class AnswerTooLong(UpstreamFailure):
    """An answer, or an event of it, beyond a bound of the gateway."""

    outcome = Outcome.TOO_LONG


class ServerOverloaded(UpstreamFailure):
    status = 503
    code = "server_overloaded"


_OUTCOME_BY_PROGRESS = {
    "nothing": Outcome.UNREACHABLE,
    "part": Outcome.PARTLY_SENT,
    "whole": Outcome.BROKEN,
}


def outcome_of(error: GatewayError) -> Outcome | None:
    """How an attempt at an upstream failed by this error; None: it was no failure of the upstream."""
    if error.outcome is not None:
        return error.outcome
    if not isinstance(error, UpstreamFailure) or isinstance(error, ServerOverloaded):
        return None  # without an outcome, it is the gateway that has no room
    if isinstance(error, UpstreamTimeout) and error.progress != "nothing":
        return Outcome.TOO_SLOW
    return _OUTCOME_BY_PROGRESS[error.progress]


class LedgerUnavailable(GatewayError):
    status = 503
    code = "ledger_unavailable"


class Stopping(GatewayError):
    """The gateway is shutting down and ends what still runs."""

    status = 503
    code = "server_stopping"


class InternalError(GatewayError):
    code = "internal_error"
