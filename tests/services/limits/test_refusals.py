"""What a caller is told where a limit lets no request through."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.store.values import NOON
from tollkeeper.rules.admission import LimitViolation, Reason, Refused
from tollkeeper.rules.errors import GatewayError, InsufficientQuota, LimitTooSmall, Quota, RateLimited, ReachedLimit
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import KEY, USER, Owner
from tollkeeper.services.limits.refusals import LONG_WAIT, blocked, no_model, refusal

OWNERS = (Owner(USER, "ann"), Owner(KEY, "key_1"))


def told(
    name: str,
    reason: Reason,
    *,
    scope: tuple[str, ...] = ("user", "ann"),
    wait: int | None = 5000,
    limit: int = 10,
    remaining: int = 3,
    quota_status: int = 429,
) -> GatewayError:
    violation = LimitViolation(name, scope, limit, reason, 20, until=None, remaining=remaining)
    retry_at = None if wait is None else NOON + wait
    return refusal(Refused(violation, retry_at, NOON), OWNERS, quota_status)


def test_a_pace_is_told_with_its_wait_and_what_is_left() -> None:
    error = told("tokens_per_minute", "exhausted")
    assert isinstance(error, RateLimited)
    assert (error.quantity, error.retry_after, error.should_retry) == ("tokens", 5, True)
    assert "the limit tokens_per_minute (10)" in error.message
    assert error.quota == Quota("tokens", 10, 3, 5000)


@pytest.mark.parametrize(("wait", "patient"), [(LONG_WAIT * 1000, True), (LONG_WAIT * 1000 + 1000, False)])
def test_a_long_wait_is_not_waited_for(wait: float, patient: bool) -> None:
    assert told("requests_per_hour", "exhausted", wait=int(wait)).should_retry is patient


@pytest.mark.parametrize("status", [429, 403])
def test_a_budget_that_is_used_up_has_the_status_of_the_setting_and_is_not_tried_again(status: int) -> None:
    error = told("tokens_total", "exhausted", wait=None, quota_status=status)
    assert isinstance(error, InsufficientQuota)
    assert (error.status, error.should_retry, error.retry_after) == (status, False, None)
    assert "It does not reset." in error.message


def test_money_is_told_in_dollars_and_never_as_a_quota() -> None:
    error = told("cost_usd_per_day", "exhausted", limit=1_500_000_000_000)
    assert "(1.5)" in error.message
    assert error.quota == Quota("tokens", None, None, 5000)


SHORT = "The request may need 20 of the limit {} (10), and 3 is left."


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tokens_per_day", f"{SHORT} A shorter one may fit. There is room at 2026-11-20T12:00:05.000Z."),
        ("tokens_total", f"{SHORT} A shorter one may fit. There is room at 2026-11-20T12:00:05.000Z."),
        ("tokens_per_minute", f"{SHORT} Try again in 5 seconds."),
    ],
)
def test_what_is_not_used_up_is_not_told_as_if_it_were(name: str, message: str) -> None:
    assert told(name, "exhausted").message == message.format(name)


def test_money_that_is_left_is_told_in_dollars() -> None:
    message = told("cost_usd_per_day", "exhausted", limit=5 * 10**12, remaining=2 * 10**9, wait=None).message
    assert "may need 0.00000000002 of the limit cost_usd_per_day (5), and 0.002 is left." in message
    assert message.endswith("A shorter one may fit. It does not reset.")


def test_a_limit_of_which_nothing_is_left_is_used_up() -> None:
    message = "You have used up the limit tokens_total (10). It does not reset."
    assert told("tokens_total", "exhausted", wait=None, remaining=0).message == message
    message = "You have reached the limit tokens_per_minute (10). Try again in 5 seconds."
    assert told("tokens_per_minute", "exhausted", remaining=0).message == message


@pytest.mark.parametrize("name", ["tokens_total", "max_concurrent_requests"])
def test_what_running_requests_hold_is_a_matter_of_pace(name: str) -> None:
    error = told(name, "held", wait=1000)
    assert isinstance(error, RateLimited)
    assert error.should_retry


def test_what_never_fits_says_both_figures_and_has_no_reset() -> None:
    error = told("tokens_total", "never", wait=None)
    assert isinstance(error, LimitTooSmall)
    assert "20" in error.message
    assert "10" in error.message
    assert error.quota is None


def test_the_limit_is_named_with_who_and_what_it_is_on() -> None:
    assert (
        "requests_total of this key for tiny (10)"
        in told("requests_total", "exhausted", scope=("key", "key_1", "tiny")).message
    )
    assert "with this key" in no_model(OWNERS[1]).message
    assert "with" not in no_model(OWNERS[0]).message.partition("Ask")[0]


def test_a_limit_of_0_names_itself() -> None:
    error = blocked(Owner(USER, "ann", Limits(counts={"tokens_total": 5, "requests_per_minute": 0})), 429)
    assert "requests_per_minute" in error.message
    assert (error.retry_after, error.should_retry) == (None, False)
    assert "max_concurrent_requests" in blocked(Owner(USER, "ann", Limits(max_concurrent_requests=0)), 429).message


@pytest.mark.parametrize(
    ("name", "scope", "reason", "reached"),
    [
        ("tokens_per_day", ("user", "ann"), "exhausted", ("tokens_per_day", "user", None, "exhausted", 10, 20, 3)),
        ("requests_total", ("key", "key_1", "tiny"), "held", ("requests_total", "key", "tiny", "held", 10, 20, 3)),
        ("tokens_total", ("user", "ann"), "never", ("tokens_total", "user", None, "never", 10, 20, 3)),
        (
            "max_concurrent_requests",
            ("user", "ann"),
            "blocked",
            ("max_concurrent_requests", "user", None, "blocked", 10, 20, 3),
        ),
    ],
)
def test_the_figures_of_a_refusal_are_told_to_programs(
    name: str, scope: tuple[str, ...], reason: Reason, reached: tuple[object, ...]
) -> None:
    assert told(name, reason, scope=scope).reached == ReachedLimit(*reached)  # type: ignore[arg-type]


def test_the_figures_of_a_limit_on_cost_are_exact_dollars() -> None:
    error = told("cost_usd_per_day", "exhausted", limit=5 * 10**12, remaining=2 * 10**9)
    assert error.reached is not None
    assert (error.reached.limit, error.reached.needed, error.reached.remaining) == (
        Decimal(5),
        Decimal("0.00000000002"),
        Decimal("0.002"),
    )
