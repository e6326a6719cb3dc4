"""The most that a request may use, by what its limits make it matter."""

from __future__ import annotations

from typing import Any

import pytest

from tollkeeper.rules.admission import Demand
from tollkeeper.rules.errors import BadRequest, RateLimited, ServerOverloaded
from tollkeeper.rules.limits import Limits
from tollkeeper.rules.owners import USER, Owner
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.terms import terms_of
from tollkeeper.rules.token_ratio import ENOUGH, TokenRatio
from tollkeeper.services.limits.demand import Prefetched, demand_of
from tollkeeper.services.upstreams.descriptions import Facts
from tollkeeper.wire.request import Endpoint, Image, ModelRequest

IMAGES = (Image("data:,", "messages[0]"),) * 2
FACTS = Facts(None, 4000, overhead=10, image_tokens=30)
LOOKED = Prefetched(FACTS, for_budgets=True, more=None)
PRICE = Price(1, "m", 3, 7, 5, 1, 0, 0)


def demand(
    limits: Limits,
    *,
    prefetched: Prefetched | None = LOOKED,
    price: Price | None = PRICE,
    ratio: TokenRatio | None = None,
    strict: bool = True,
    generates: bool = True,
    **fields: Any,
) -> Demand:
    usual: dict[str, Any] = {"output_cap": 100, "images": IMAGES, "choices": 2}
    request = ModelRequest(
        endpoint=Endpoint("/x", generates=generates), body=b"", model="m", stream=False, text_bytes=80, **usual | fields
    )
    terms = terms_of((Owner(USER, "ann", limits),), "m")
    return demand_of(
        terms, request, price, prefetched, ratio or TokenRatio(), default_max_tokens=1000, strict_input=strict
    )


BUDGET = Limits(counts={"tokens_total": 9999})


def test_nothing_is_guessed_where_nothing_depends_on_it() -> None:
    assert demand(Limits(counts={"requests_total": 5})) == Demand()


def test_a_budget_holds_every_byte_the_overhead_and_the_dearest_price() -> None:
    assert demand(BUDGET) == Demand(
        pace_input=80 + 60, budget_input=80 + 60 + 10, allowance=200, choices=2, input_price=5, output_price=7
    )
    assert demand(BUDGET, price=None).input_price == 0


def test_what_was_learned_bounds_pace_and_budgets_only_where_that_is_set() -> None:
    ratio = TokenRatio()
    for _ in range(ENOUGH):
        ratio.note(25, 100)
    assert demand(BUDGET, ratio=ratio).pace_input == 20 + 60
    assert demand(BUDGET, ratio=ratio).budget_input == 80 + 60 + 10
    assert demand(BUDGET, ratio=ratio, strict=False).budget_input == 20 + 60


@pytest.mark.parametrize(
    ("asked", "cap", "allowance"),
    [(100, None, 100), (100, 40, 40), (10, 40, 10), (None, 40, 40), (None, None, 1000)],
)
def test_the_output_is_what_was_asked_for_within_the_cap(asked: int | None, cap: int | None, allowance: int) -> None:
    limits = Limits(counts={"tokens_total": 9999}, max_tokens_per_request=cap)
    assert demand(limits, output_cap=asked, choices=1).allowance == allowance


def test_unasked_it_is_never_longer_than_the_context() -> None:
    short = Prefetched(Facts(None, 300, 0), for_budgets=True, more=None)
    assert demand(BUDGET, prefetched=short, output_cap=None, choices=1).allowance == 300


def test_a_cap_alone_bounds_the_output_and_nothing_else() -> None:
    assert demand(Limits(max_tokens_per_request=40)) == Demand(allowance=80, choices=2)


def test_embeddings_have_no_output_and_no_cap_stops_them() -> None:
    assert demand(Limits(max_tokens_per_request=0), generates=False).allowance == 0
    with pytest.raises(RateLimited):
        demand(Limits(max_tokens_per_request=0))


def test_a_field_that_asks_for_more_is_refused_where_output_counts() -> None:
    more = Prefetched(FACTS, for_budgets=True, more="best_of")
    for limits in (BUDGET, Limits(max_tokens_per_request=40)):
        with pytest.raises(BadRequest) as refused:
            demand(limits, prefetched=more)
        assert refused.value.param == "best_of"
    demand(Limits(counts={"tokens_per_minute": 9999}), prefetched=more)


def test_budgets_count_the_body_as_its_upstream_gets_it():
    limits = Limits(counts={"tokens_total": 10_000, "tokens_per_minute": 10_000})
    asked = demand(limits)
    longer = demand(limits, prefetched=Prefetched(FACTS, for_budgets=True, more=None, sent_bytes=500))
    assert longer.budget_input - asked.budget_input == 500 - 80
    assert longer.pace_input == asked.pace_input
    assert demand(limits, prefetched=Prefetched(FACTS, for_budgets=True, more=None, sent_bytes=79)) == asked


@pytest.mark.parametrize("prefetched", [None, Prefetched(FACTS, for_budgets=False, more=None)])
def test_limits_that_came_in_between_ask_for_another_try(prefetched: Prefetched | None) -> None:
    with pytest.raises(ServerOverloaded):
        demand(BUDGET, prefetched=prefetched)
