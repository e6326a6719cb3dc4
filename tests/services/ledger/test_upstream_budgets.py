"""Budgets of upstreams, by day and by month, from sums and from settlements."""

from __future__ import annotations

from pathlib import Path

from tests.store.engines import Memory
from tests.store.values import NOON, a_record
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.services.ledger.upstream_budgets import UpstreamBudgets
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.store.time_buckets import DAY_MS

DAILY = UpstreamConfig("daily", OPENAI, "http://127.0.0.1", budget_per_day=100)
MONTHLY = UpstreamConfig("monthly", OPENAI, "http://127.0.0.1", budget_per_month=100)
FREE = UpstreamConfig("free", OPENAI, "http://127.0.0.1")
MIDNIGHT = NOON - NOON % DAY_MS + DAY_MS


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


def test_an_upstream_is_within_its_budget_until_that_is_spent() -> None:
    budgets = UpstreamBudgets(Clock())
    for config in (DAILY, MONTHLY, FREE):
        budgets.settled(a_record(NOON, upstream=config.id, cost_pico=99), None)
        assert budgets.within(config)
        budgets.settled(a_record(NOON, upstream=config.id, cost_pico=1), None)
    assert [budgets.within(config) for config in (DAILY, MONTHLY, FREE)] == [False, False, True]


def test_a_budget_of_nothing_is_spent_from_the_start() -> None:
    budgets = UpstreamBudgets(Clock())
    assert not budgets.within(UpstreamConfig("u", OPENAI, "http://127.0.0.1", budget_per_day=0))
    assert not budgets.within(UpstreamConfig("u", OPENAI, "http://127.0.0.1", budget_per_month=0))


def test_a_day_and_a_month_begin_anew_in_utc() -> None:
    clock = Clock()
    budgets = UpstreamBudgets(clock)
    for config in (DAILY, MONTHLY):
        budgets.settled(a_record(NOON, upstream=config.id, cost_pico=100), None)
    found = []
    december = MIDNIGHT + 10 * DAY_MS  # NOON is on the 20th of November
    for config, midnight in ((DAILY, MIDNIGHT), (MONTHLY, december)):
        for clock.now in (midnight - 1, midnight):
            found.append(budgets.within(config))
    assert found == [False, True] * 2
    budgets.settled(a_record(december, upstream="monthly", cost_pico=99), None)
    budgets.settled(a_record(december - 1, upstream="monthly", cost_pico=99), None)  # it ran over the end of the month
    assert budgets.within(MONTHLY)
    budgets.settled(a_record(december, upstream="monthly", cost_pico=1), None)
    assert not budgets.within(MONTHLY)


async def test_what_was_spent_before_the_start_counts(tmp_path: Path) -> None:
    store = await Memory(tmp_path).open()
    for at, cost in ((NOON - 40 * DAY_MS, 500), (NOON - DAY_MS, 60), (NOON, 39)):
        await store.ledger.settle(a_record(at, upstream="monthly", cost_pico=cost))
    budgets = UpstreamBudgets(Clock())
    await budgets.load(store.reports)
    assert budgets.within(MONTHLY)
    budgets.settled(a_record(NOON, upstream="monthly", cost_pico=1), None)
    assert not budgets.within(MONTHLY)


def test_a_budget_that_is_set_later_counts_what_was_spent_before() -> None:
    budgets = UpstreamBudgets(Clock())
    budgets.settled(a_record(NOON, upstream="u", cost_pico=100), None)
    for most, left in ((100, False), (101, True)):
        assert budgets.within(UpstreamConfig("u", OPENAI, "http://127.0.0.1", budget_per_month=most)) is left
