"""Errors for requests that limits refuse."""

from __future__ import annotations

from decimal import Decimal

from tollkeeper.rules.admission import LimitViolation, Refused
from tollkeeper.rules.errors import (
    BadRequest,
    GatewayError,
    InsufficientQuota,
    LimitTooSmall,
    ModelNotAllowed,
    ModelNotPriced,
    Quota,
    RateLimited,
    ReachedLimit,
)
from tollkeeper.rules.limits import CHECKED_LIMITS, CONCURRENCY
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.owners import Owner, Owners
from tollkeeper.rules.times import format_time, format_wait

LONG_WAIT = 65.0
"""The longest wait in seconds for which clients should retry by themselves. A limit per minute, which frees up within
61 seconds, is always worth waiting for."""


def refusal(refused: Refused, owners: Owners, quota_status: int) -> GatewayError:
    """The error for a refusal. `quota_status` is the HTTP status for an exhausted budget."""
    violation = refused.violation
    wait = None if refused.retry_at is None else max(1, refused.retry_at - refused.at) / 1000
    error = _error(violation, refused.retry_at, wait, _limit_in_words(violation, owners), quota_status)
    error.limit, error.reached, error.quota = violation.name, _reached(violation), _quota(refused)
    return error


def blocked(owner: Owner, quota_status: int) -> GatewayError:
    """The error for an owner with a limit of 0, which refuses every request."""
    name = next((name for name, limit in owner.limits.counts.items() if limit == 0), CONCURRENCY)
    violation = LimitViolation(name, owner.scope, 0, "blocked", 1, until=None, remaining=0)
    return refusal(Refused(violation, retry_at=None, at=0), (owner,), quota_status)


def no_model(owner: Owner) -> ModelNotAllowed:
    return _not_listed(f"You may use no model{owner.kind.context}. Ask an admin to allow one.")


def not_allowed(model: str) -> ModelNotAllowed:
    return _not_listed(f"You may not use the model '{model}'. GET /v1/models lists those you may.")


def _not_listed(message: str) -> ModelNotAllowed:
    error = ModelNotAllowed(message, param="model")
    error.limit = "allowed_models"
    return error


def not_open(model: str, upstream_id: str) -> ModelNotAllowed:
    return ModelNotAllowed(
        f"You may not use the model '{model}' at '{upstream_id}', which costs money: that needs a limit on your cost, "
        "or the model's name in your allowed_models. An admin can set either, or open the upstream to everyone.",
        param="model",
    )


def not_priced(model: str) -> ModelNotPriced:
    return ModelNotPriced(f"The model '{model}' has no price here yet. Ask an admin to set one.", param="model")


def characters_not_priced(model: str) -> ModelNotPriced:
    return ModelNotPriced(
        f"Speech of '{model}' reports no tokens, and its price has no figure for characters. Ask an admin to set "
        "'speech_usd_per_mchar', or use 'stream_format': 'sse', which reports tokens.",
        param="model",
    )


def not_priced_so(field: str, model: str, tier: str) -> BadRequest:
    """`tier`: what a price would name for the field to be allowed."""
    return BadRequest(
        f"'{field}' changes what '{model}' costs, and no price here says to what. Leave it out, or ask an admin to set "
        f"a price with the tier '{tier[:64]}'.",
        param=field,
    )


def no_output() -> RateLimited:
    error = RateLimited(
        "You may not generate any tokens: your limit on tokens per request is 0.",
        quantity="tokens", retry_after=None, should_retry=False,
    )  # fmt: skip
    error.limit = "max_tokens_per_request"
    return error


def _limit_in_words(violation: LimitViolation, owners: Owners) -> str:
    kind, owner_id, *model = violation.scope
    possessive = next(owner.kind.possessive for owner in owners if owner.scope == (kind, owner_id))
    of_model = f" for {model[0]}" if model else ""
    return f"the limit {violation.name}{possessive}{of_model} ({_figure(violation.name, violation.limit)})"


def _reached(violation: LimitViolation) -> ReachedLimit:
    """What the message says, for programs."""
    kind, _, *model = violation.scope
    cost = CHECKED_LIMITS[violation.name].quantity == "cost"
    limit, needed, remaining = (
        Decimal(format_usd(amount)) if cost else amount
        for amount in (violation.limit, violation.needed, violation.remaining)
    )
    return ReachedLimit(violation.name, kind, model[0] if model else None, violation.reason, limit, needed, remaining)


def _figure(name: str, amount: int) -> str:
    return format_usd(amount) if CHECKED_LIMITS[name].quantity == "cost" else str(amount)


def _error(
    violation: LimitViolation, retry_at: int | None, wait: float | None, limit: str, quota_status: int
) -> GatewayError:
    counted = CHECKED_LIMITS[violation.name]
    kind = "tokens" if counted.quantity in ("tokens", "cost") else "requests"
    if violation.reason == "never":
        needed = _figure(violation.name, violation.needed)
        return LimitTooSmall(
            f"The request may need {needed}, and {limit} is less. Send a shorter one, or ask for fewer tokens."
        )
    if violation.reason == "held":
        again = "when one of them has ended" if violation.name == CONCURRENCY else "when they have ended"
        return RateLimited(
            f"Requests of yours that are running hold what is left of {limit}. Try again {again}.",
            quantity=kind, retry_after=wait, should_retry=True,
        )  # fmt: skip
    short = violation.reason == "exhausted" and violation.remaining > 0
    if not counted.is_budget:
        again = f"Try again in {format_wait(round((wait or 0) * 1000))}."
        reached = _short_in_words(violation, limit) if short else f"You have reached {limit}."
        text = f"{reached} {'It allows nothing.' if violation.reason == 'blocked' else again}"
        patient = wait is not None and wait <= LONG_WAIT
        return RateLimited(text, quantity=kind, retry_after=wait, should_retry=patient)
    reset = "It does not reset." if retry_at is None else f"There is room at {format_time(retry_at)}."
    used_up = f"{_short_in_words(violation, limit)} A shorter one may fit." if short else f"You have used up {limit}."
    return InsufficientQuota(f"{used_up} {reset}", status=quota_status, retry_after=wait, should_retry=False)


def _short_in_words(violation: LimitViolation, limit: str) -> str:
    """What a request needs of a limit of which something is left, though not enough."""
    needed, left = (_figure(violation.name, amount) for amount in (violation.needed, violation.remaining))
    return f"The request may need {needed} of {limit}, and {left} is left."


def _quota(refused: Refused) -> Quota | None:
    """The quota for rate-limit headers; None for refusals without one: concurrency is not a rate, and a request that
    never fits has no reset."""
    violation = refused.violation
    counted = CHECKED_LIMITS[violation.name]
    if counted.quantity == "running" or violation.reason == "never":
        return None
    reset = None if refused.retry_at is None else max(1, refused.retry_at - refused.at)
    if counted.quantity == "cost":
        return Quota("tokens", None, None, reset)
    return Quota(counted.quantity, violation.limit, violation.remaining, reset)
