"""Limits that an admin of a team may set on its members."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from tollkeeper.rules.delegation import check_delegated
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import COUNTED, NO_LIMITS, Limits

DOLLAR = 10**12


@pytest.mark.parametrize("name", COUNTED)
def test_no_count_may_exceed_the_team_s_own_of_the_same_name(name: str) -> None:
    team = Limits({name: 10, "cost_usd_total": 10})
    check_delegated(NO_LIMITS, Limits({name: 10}), team)
    with pytest.raises(Unprocessable) as refused:
        check_delegated(NO_LIMITS, Limits({name: 11}), team)
    assert refused.value.param == name
    assert "not" in refused.value.message


def test_a_refusal_says_both_numbers() -> None:
    for team, wanted, both in (
        (Limits({"tokens_per_day": 10}), Limits({"tokens_per_day": 11}), ("10", "11")),
        (Limits({"cost_usd_total": DOLLAR}), Limits({"cost_usd_total": 2 * DOLLAR}), ("1", "2")),
    ):
        with pytest.raises(Unprocessable, match="at most {}, which is the team's limit, not {}[.]".format(*both)):
            check_delegated(NO_LIMITS, wanted, team)


def test_without_a_limit_of_the_member_the_team_s_binds() -> None:
    team = Limits({"tokens_per_day": 10}, max_concurrent_requests=1, allowed_models=("a",))
    before = Limits({"tokens_per_day": 5}, max_concurrent_requests=1, allowed_models=("a",))
    check_delegated(before, NO_LIMITS, team)


def test_what_the_team_does_not_limit_is_free() -> None:
    check_delegated(
        NO_LIMITS,
        Limits({"requests_per_day": 5}, max_concurrent_requests=9, max_tokens_per_request=9),
        Limits({"tokens_per_day": 1}),
    )


def test_what_stays_as_it_was_is_not_checked() -> None:
    before = Limits({"tokens_per_day": 50})
    wanted = Limits({"tokens_per_day": 50, "requests_per_day": 1})
    check_delegated(before, wanted, Limits({"tokens_per_day": 10}))
    with pytest.raises(Unprocessable):
        check_delegated(before, Limits({"tokens_per_day": 49}), Limits({"tokens_per_day": 10}))


@pytest.mark.parametrize("name", ["max_concurrent_requests", "max_tokens_per_request", "queue_weight"])
def test_single_figures_are_bounded_too(name: str) -> None:
    of: dict[str, Any] = {name: 3}
    more: dict[str, Any] = {name: 4}
    team = Limits(**of)
    check_delegated(NO_LIMITS, Limits(**of), team)
    with pytest.raises(Unprocessable) as refused:
        check_delegated(NO_LIMITS, Limits(**more), team)
    assert refused.value.param == name


def test_a_share_of_the_line_beyond_everyone_s_is_for_an_admin_to_give() -> None:
    check_delegated(NO_LIMITS, Limits(queue_weight=1), NO_LIMITS)
    with pytest.raises(Unprocessable):
        check_delegated(NO_LIMITS, Limits(queue_weight=2), NO_LIMITS)


def test_a_model_s_limit_is_bounded_by_the_team_s_on_it_and_on_all() -> None:
    of_all, of_model = {"tokens_per_day": 10}, {"a": {"tokens_per_day": 10}}
    more: dict[str, dict[str, int]] = {"a": {"tokens_per_day": 20}}
    for team in (
        Limits(of_all),
        Limits(models=of_model),
        Limits(of_all, models=more),
        Limits({"tokens_per_day": 20}, models=of_model),
    ):
        for model in ("a", "a:latest"):
            check_delegated(NO_LIMITS, Limits(models={model: {"tokens_per_day": 10}}), team)
            with pytest.raises(Unprocessable) as refused:
                check_delegated(NO_LIMITS, Limits(models={model: {"tokens_per_day": 11}}), team)
            assert refused.value.param == f"models.{model}.tokens_per_day"


def test_only_models_of_the_team_may_be_allowed() -> None:
    team = Limits(allowed_models=("a", "b"))
    check_delegated(NO_LIMITS, Limits(allowed_models=("a",)), team)
    check_delegated(NO_LIMITS, Limits(allowed_models=()), team)
    with pytest.raises(Unprocessable, match="'c'") as refused:
        check_delegated(NO_LIMITS, Limits(allowed_models=("a", "c")), team)
    assert refused.value.param == "allowed_models"


@pytest.mark.parametrize(
    "wanted",
    [
        Limits({"cost_usd_per_day": DOLLAR}),
        Limits(allowed_models=("paid",)),
        Limits(models={"paid": {"cost_usd_total": DOLLAR}}),
    ],
)
def test_no_limit_opens_models_that_cost_money(wanted: Limits) -> None:
    with pytest.raises(Unprocessable, match="cost money"):
        check_delegated(NO_LIMITS, wanted, Limits({"tokens_per_day": 10}))
    # Where the team's own limits open them, or an admin has opened them to the member, there is nothing to open.
    check_delegated(NO_LIMITS, wanted, Limits({"cost_usd_total": 5 * DOLLAR}))
    check_delegated(Limits({"cost_usd_total": 5 * DOLLAR}), wanted, NO_LIMITS)


def test_a_list_of_an_admin_s_may_be_narrowed_and_not_exchanged() -> None:
    before = Limits(allowed_models=("a", "b"))
    check_delegated(before, Limits(allowed_models=("a",)), NO_LIMITS)
    check_delegated(before, replace(before, counts={"cost_usd_total": 1}), NO_LIMITS)
    check_delegated(before, NO_LIMITS, NO_LIMITS)  # then none that costs money is open
    with pytest.raises(Unprocessable):
        check_delegated(before, Limits(allowed_models=("a", "c")), NO_LIMITS)
    with pytest.raises(Unprocessable):
        check_delegated(before, Limits({"cost_usd_total": 1}), NO_LIMITS)
