"""Histograms, compared with sorted lists."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.cli.load.histogram import Histogram
from tollkeeper.cli.load.result import Distribution

DURATIONS = st.lists(st.floats(0, 10_000, allow_nan=False), min_size=1, max_size=200)


def filled(durations: list[float]) -> Histogram:
    histogram = Histogram()
    for seconds in durations:
        histogram.record(seconds)
    return histogram


@given(DURATIONS, st.floats(0, 1))
def test_quantiles_match_a_sorted_list(durations: list[float], share: float) -> None:
    ordered = sorted(durations)
    exact = ordered[max(1, math.ceil(share * len(ordered))) - 1]
    assert filled(durations).quantile(share) == pytest.approx(exact, rel=1 / 1024, abs=1e-9)


def test_a_quantile_is_in_the_middle_of_its_bucket() -> None:
    ordered = [0.001 * 1.0001**n for n in range(9_999)]
    histogram = filled(ordered)
    for percent in range(1, 100):
        exact = ordered[math.ceil(percent / 100 * len(ordered)) - 1]
        assert histogram.quantile(percent / 100) == pytest.approx(exact, rel=1 / 2000)


@given(DURATIONS)
def test_percentiles_are_ordered_and_the_ends_are_exact(durations: list[float]) -> None:
    distribution = filled(durations).distribution()
    assert (distribution.count, distribution.fastest, distribution.slowest) == (
        len(durations),
        min(durations),
        max(durations),
    )
    assert distribution.average == pytest.approx(sum(durations) / len(durations))
    told = [
        distribution.fastest,
        distribution.p50,
        distribution.p90,
        distribution.p99,
        distribution.p999,
        distribution.slowest,
    ]
    assert told == sorted(told)


@given(DURATIONS)
def test_bars_are_adjacent_and_hold_all_durations(durations: list[float]) -> None:
    bars = filled(durations).distribution().bars
    assert sum(bar.count for bar in bars) == len(durations)
    assert all(left.upto == right.above for left, right in pairwise(bars))
    assert bars[-1].upto == max(durations)


def test_a_bar_counts_the_durations_between_its_ends() -> None:
    durations = [0.001 * 1.07**n for n in range(100)]
    for bar in filled(durations).distribution().bars:
        inside = sum(bar.above <= seconds < bar.upto for seconds in durations)
        assert abs(bar.count - inside) <= 1  # one may lie on the edge, within the width of a bucket


def test_a_million_durations_take_few_buckets() -> None:
    histogram = Histogram()
    for number in range(1_000_000):
        histogram.record(0.001 + number * 1e-7)  # from 1 ms to 101 ms
    assert len(histogram) < 8 * 1024  # seven doublings


def test_an_empty_histogram() -> None:
    assert Histogram().distribution() == Distribution()
