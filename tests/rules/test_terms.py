"""What the limits of a request's owners say of every request for one model."""

import pytest

from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import KEY, USER, Owner
from tollkeeper.rules.terms import Ceiling, terms_of

MODEL = "tiny:latest"


def terms(user=None, key=None, model=MODEL):
    return terms_of((Owner(USER, "ann", user or Limits()), Owner(KEY, "key_1", key or Limits())), model)


def test_without_limits_all_is_counted_and_nothing_must_be_passed():
    without = terms()
    assert without.scopes == (("user", "ann"), ("user", "ann", MODEL), ("key", "key_1"), ("key", "key_1", MODEL))
    assert without.ceilings == ()
    assert (without.allowed, without.bounded, without.budgets, without.cap) == (True, False, False, None)


def test_the_limits_of_all_owners_must_be_passed_each_where_it_is_counted():
    both = terms(
        Limits(counts={"tokens_total": 5}, models={MODEL: {"requests_per_minute": 2}, "other": {"tokens_total": 1}}),
        Limits(max_concurrent_requests=3),
    )
    assert set(both.ceilings) == {
        Ceiling("tokens_total", ("user", "ann"), 5),
        Ceiling("requests_per_minute", ("user", "ann", MODEL), 2),
        Ceiling("max_concurrent_requests", ("key", "key_1"), 3),
    }


@pytest.mark.parametrize(
    ("name", "bounded", "budgets"),
    [
        ("requests_per_minute", False, False),
        ("requests_total", False, False),
        ("tokens_per_minute", True, False),
        ("tokens_total", True, True),
        ("cost_usd_total", True, True),
    ],
)
def test_lengths_matter_for_tokens_and_money_and_budgets_for_what_does_not_come_back(name, bounded, budgets):
    limited = terms(key=Limits(counts={name: 9}))
    assert (limited.bounded, limited.budgets) == (bounded, budgets)


def test_the_lowest_cap_holds():
    assert terms(Limits(max_tokens_per_request=9), Limits(max_tokens_per_request=4)).cap == 4
    assert terms(Limits(max_tokens_per_request=0), Limits(max_tokens_per_request=4)).cap == 0


def test_a_model_must_be_allowed_by_all():
    allows, forbids = Limits(allowed_models=(MODEL,)), Limits(allowed_models=("other",))
    assert terms(allows).allowed
    assert not terms(allows, forbids).allowed
    assert not terms(forbids).allowed
