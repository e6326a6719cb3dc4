from __future__ import annotations

from bench.results import ratios

from tests.bench.rows import row


def test_ratios_are_of_the_same_round():
    rows = [row("nginx", "answers", 10, 100), row("tollkeeper", "answers", 5, 10)]
    assert ratios(rows) == {("closed", "answers", "nginx"): [0.5, 0.1]}


def test_only_what_is_compared_has_a_ratio_and_only_within_a_scenario():
    rows = [
        row("nginx", "added", 1, compared=False),
        row("tollkeeper", "added", 2, compared=False),
        row("nginx", "answers", 10, scenario="fixed"),
        row("tollkeeper", "answers", 5, scenario="closed"),
    ]
    assert ratios(rows) == {}


def test_what_was_nothing_divides_nothing():
    assert ratios([row("nginx", "answers", 0, 4), row("tollkeeper", "answers", 5, 8)]) == {
        ("closed", "answers", "nginx"): [2.0]
    }
