"""Thresholds of budgets."""

import pytest

from tollkeeper.rules.alerts import is_budget, is_reached, reached, window_of

NOON = 1_795_176_000_000
NOVEMBER = 1_793_491_200_000


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("cost_usd_per_month", True),
        ("tokens_per_day", True),
        ("requests_total", True),
        ("tokens_per_hour", False),
        ("requests_per_second", False),
        ("max_concurrent_requests", False),
        ("queue_weight", False),
    ],
)
def test_budgets_are_of_a_day_a_month_or_all_time(name: str, is_one: bool) -> None:
    assert is_budget(name) == is_one


@pytest.mark.parametrize(
    ("used", "limit", "percent", "is_there"),
    [(79, 100, 80, False), (80, 100, 80, True), (10**30 - 1, 10**30, 100, False), (0, 0, 80, False), (2, 3, 66, True)],
)
def test_a_threshold_is_reached_exactly(used: int, limit: int, percent: int, is_there: bool) -> None:
    assert is_reached(used, limit, percent) == is_there


def test_all_that_are_reached_each_with_itself_as_floor() -> None:
    assert reached(85, 100, (50, 80, 100)) == {50: 50, 80: 80}
    assert reached(100, 100, (80, 100)) == {80: 80, 100: 100}
    assert reached(49, 100, (50, 80, 100)) == {}


def test_a_budget_that_refuses_is_exhausted_from_nine_tenths_on() -> None:
    assert reached(90, 100, (80, 100), refuses=True) == {80: 80, 100: 90}
    assert reached(89, 100, (80, 100), refuses=True) == {80: 80}
    assert reached(95, 100, (80,), refuses=True) == {80: 80}


def test_a_month_is_a_window_and_a_sliding_day_is_none() -> None:
    assert window_of("month", NOON) == NOVEMBER
    assert window_of("day", NOON) == window_of("total", NOON) == 0
