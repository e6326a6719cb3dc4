"""Every way a request can be refused or fail, as one tree.

    GatewayError
    ├── BadRequest 400 ── InvalidImage, LimitTooSmall
    ├── InvalidKey, NotSignedIn, InvalidCredentials 401
    ├── Forbidden 403 ── AccountSuspended, ModelNotAllowed, ModelNotPriced
    ├── NotFound 404 ── ModelNotFound
    ├── MethodNotAllowed 405
    ├── RequestTimeout 408
    ├── Conflict 409
    ├── RequestTooLarge 413
    ├── Unprocessable 422                 control plane only
    ├── UpstreamRefusal 400/404/413/422   the upstream's own verdict on the request
    ├── UpstreamFailure 502               its other 4xx and 5xx
    │   ├── UpstreamUnavailable 502/503   refused, reset, garbage ── CredentialsRefused 502
    │   ├── UpstreamTimeout 504
    │   └── ServerOverloaded 503          the upstream (or we) have no room
    ├── RateLimited 429                   a pace limit, concurrency, or a budget held by running requests
    ├── InsufficientQuota 429/403         a budget that is used up
    ├── LedgerUnavailable 503             nothing is relayed that cannot be recorded
    ├── Stopping 503                      the gateway is shutting down
    └── InternalError 500

Each says what was wrong and what to do. `wire` shapes them for each dialect; `gateway/answers.py` and
`control/errors.py` are the only places that turn them into responses.
"""

from __future__ import annotations


class GatewayError(Exception):
    """Something a client is told. `message` is for people; `type` and `code` are for programs.

    `status` is the HTTP status, `param` the field at fault, `retry_after` seconds until the same request may work.
    `should_retry` False tells clients that would try again by themselves not to.
    """

    status: int = 500
    type: str = "server_error"
    code: str | None = None

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
        self.retry_after = retry_after
        self.should_retry = should_retry
        if status is not None:
            self.status = status
        if code is not None:
            self.code = code

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status}, {self.code}, {self.message!r}, param={self.param!r})"


class InvalidRequestError(GatewayError):
    """The client's request is at fault; sending it again unchanged will not help."""

    type = "invalid_request_error"


class BadRequest(InvalidRequestError):
    status = 400


class InvalidImage(BadRequest):
    code = "invalid_image"


class LimitTooSmall(BadRequest):
    """Alone, with nothing used, the request would not fit its limit."""

    code = "limit_too_small"


class RateLimited(GatewayError):
    """`type` says what there is too much of: "requests" or "tokens"."""

    status = 429
    type = "requests"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, type: str, retry_after: float | None, should_retry: bool) -> None:  # noqa: A002
        super().__init__(message, retry_after=retry_after, should_retry=should_retry)
        self.type = type


class InsufficientQuota(GatewayError):
    status = 429
    type = "insufficient_quota"
    code = "insufficient_quota"


class InvalidKey(InvalidRequestError):
    status = 401
    code = "invalid_api_key"


class NotSignedIn(InvalidRequestError):
    """No session, or one that is over."""

    status = 401
    code = "not_signed_in"


class InvalidCredentials(InvalidRequestError):
    """A wrong name or password; which of the two is not told."""

    status = 401
    code = "invalid_credentials"


class NotFound(InvalidRequestError):
    status = 404
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class MethodNotAllowed(InvalidRequestError):
    """`allow` names the methods that the path takes, as the Allow header writes them."""

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


class RequestTooLarge(InvalidRequestError):
    status = 413
    code = "request_too_large"


class Unprocessable(InvalidRequestError):
    status = 422
    code = "invalid_value"


class Forbidden(GatewayError):
    status = 403
    type = "permission_error"
    code = "forbidden"


class AccountSuspended(Forbidden):
    code = "account_suspended"


class ModelNotAllowed(Forbidden):
    code = "model_not_allowed"


class ModelNotPriced(Forbidden):
    code = "model_not_priced"


class UpstreamRefusal(InvalidRequestError):
    """The upstream's own 400, 404, 413 or 422: its status and message, in our envelope."""

    status = 400


class UpstreamFailure(GatewayError):
    """`told` is what the upstream said of it, for the operator's log alone: it may hold secrets."""

    status = 502
    code = "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        told: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, retry_after=retry_after)
        self.told = told


class UpstreamUnavailable(UpstreamFailure):
    code = "upstream_unavailable"


class CredentialsRefused(UpstreamUnavailable):
    """The upstream refuses the gateway itself: only the operator can mend that."""


class UpstreamTimeout(UpstreamFailure):
    status = 504
    code = "upstream_timeout"


class ServerOverloaded(UpstreamFailure):
    status = 503
    code = "server_overloaded"


class LedgerUnavailable(GatewayError):
    status = 503
    code = "ledger_unavailable"


class Stopping(GatewayError):
    """The gateway is shutting down, and ends what still runs."""

    status = 503
    code = "server_stopping"


class InternalError(GatewayError):
    code = "internal_error"
