"""A request that was admitted: what it holds, and how it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.store.values import NOON
from tollkeeper.rules.admission import Demand
from tollkeeper.rules.token_ratio import ENOUGH, TokenRatio
from tollkeeper.rules.usage import Usage
from tollkeeper.services.limits.grant import Grant
from tollkeeper.store.ports.counters import LimitStatus
from tollkeeper.wire.request import Endpoint, Image, ModelRequest

NO_DEMAND = Demand()


class NotingCounters:
    def __init__(self) -> None:
        self.ended: list[Any] = []

    def give_back(self, reservation: Any) -> None:
        self.ended.append("given back")

    def settle(self, reservation: Any, model: str, tokens: int, cost: int, at: int) -> None:
        self.ended.append((tokens, cost, at))


def grant_of(
    demand: Demand = NO_DEMAND,
    *,
    max_tokens: int | None = None,
    ratio: TokenRatio | None = None,
    pace: tuple[LimitStatus, ...] = (),
    generates: bool = True,
    **fields: Any,
) -> tuple[Grant, NotingCounters]:
    counters: Any = NotingCounters()
    usual: dict[str, Any] = {"output_cap": 50}
    request = ModelRequest(
        endpoint=Endpoint("/x", generates=generates), body=b"", model="m", stream=False, text_bytes=80, **usual | fields
    )
    reservation = SimpleNamespace(at=NOON, allowance=30, pace=pace)
    return Grant(counters, reservation, (), {"m": ratio or TokenRatio()}, request, demand, 7, max_tokens), counters


@pytest.mark.parametrize(("taken_over", "ended"), [(False, ["given back"]), (True, [])])
def test_leaving_it_undoes_it_unless_it_was_taken_over(taken_over: bool, ended: list[str]) -> None:
    grant, counters = grant_of()
    with grant:
        grant.taken_over = taken_over
    assert counters.ended == ended


def test_what_is_held_is_known_where_a_limit_asked_for_it() -> None:
    grant, _ = grant_of(Demand(pace_input=10, budget_input=20, allowance=50, input_price=2, output_price=3))
    assert grant.bound == (20 + 30, 20 * 2 + 30 * 3)
    assert grant_of()[0].bound is None


def test_the_output_it_may_have_is_of_all_choices() -> None:
    assert grant_of(choices=2)[0].allowance == 100
    assert grant_of(choices=2, max_tokens=15)[0].allowance == 30
    assert grant_of(output_cap=None)[0].allowance is None
    assert grant_of(generates=False)[0].allowance is None


def test_of_the_limits_of_pace_the_tightest_of_each_quantity_is_told() -> None:
    minute = LimitStatus("requests_per_minute", 10, 5, 1, None)
    hour = LimitStatus("requests_per_hour", 100, 97, 0, None)
    tokens = LimitStatus("tokens_per_minute", 100, 0, 0, None)
    assert grant_of(pace=(minute, hour, tokens))[0].pace == [("requests", hour), ("tokens", tokens)]


@pytest.mark.parametrize(
    ("usage", "images", "learns"),
    [
        (Usage(20, completion_tokens=5), (), 1),
        (Usage(20, completion_tokens=5, estimated=True), (), 0),
        (Usage(20, completion_tokens=5), (Image("data:,", "x"),), 0),
    ],
)
def test_it_is_settled_with_what_was_used_and_learns_from_what_the_upstream_counted_of_text(
    usage: Usage, images: tuple[Image, ...], learns: int
) -> None:
    ratio = TokenRatio()
    grant, counters = grant_of(ratio=ratio, images=images)
    grant.settle("m", usage, 9, NOON + 1)
    assert counters.ended == [(25, 9, NOON + 1)]
    assert ratio.seen == learns


def test_an_estimate_is_never_more_than_budgets_hold() -> None:
    ratio = TokenRatio()
    for _ in range(ENOUGH):
        ratio.note(100, 100)
    two = (Image("data:,", "x"),) * 2
    assert grant_of(ratio=ratio, images=two)[0].estimate("m") == 80 + 14
    assert grant_of(Demand(budget_input=60), ratio=ratio, images=two)[0].estimate("m") == 60
