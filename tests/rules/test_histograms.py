from __future__ import annotations

import random
from statistics import quantiles

import pytest

from tollkeeper.rules.histograms import BOUNDS_MS, BUCKETS, bucket_of, percentiles


def counted(*durations: int) -> list[int]:
    counts = [0] * BUCKETS
    for ms in durations:
        counts[bucket_of(ms)] += 1
    return counts


def test_stored_counts_depend_on_the_bounds() -> None:
    assert BOUNDS_MS == (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000)
    assert len(BOUNDS_MS) + 1 == BUCKETS == 16


@pytest.mark.parametrize(
    ("ms", "bucket"), [(0, 0), (5, 0), (6, 1), (10, 1), (11, 2), (300_000, 14), (300_001, 15), (10**9, 15)]
)
def test_a_bound_is_of_the_bucket_below_it(ms: int, bucket: int) -> None:
    assert bucket_of(ms) == bucket


@pytest.mark.parametrize(
    ("durations", "p50", "p95"),
    [
        ([3], 3, 5),
        ([60], 75, 98),
        ([60] * 10, 75, 98),
        ([60, 7000], 100, 9500),
        ([1] * 95 + [70_000] * 5, 3, 5),
        ([1] * 94 + [70_000] * 6, 3, 70_000),
        ([400_000], 300_000, 300_000),
        ([7] * 60 + [400_000] * 40, 9, 300_000),
    ],
)
def test_percentiles_lie_in_the_bucket_that_holds_them(durations: list[int], p50: int, p95: int) -> None:
    assert percentiles(counted(*durations)) == (p50, p95)


def test_nothing_has_no_percentiles() -> None:
    assert percentiles([0] * BUCKETS) is None


def test_they_are_those_of_the_sorted_durations_to_a_bucket() -> None:
    source = random.Random(7)
    durations = [int(source.lognormvariate(6, 2)) for _ in range(10_000)]
    exact = quantiles(durations, n=100)
    found = percentiles(counted(*durations))
    assert found is not None
    assert [bucket_of(ms) for ms in found] == [bucket_of(int(exact[49])), bucket_of(int(exact[94]))]


def test_counts_of_parts_add_up_to_those_of_the_whole() -> None:
    one, other = counted(3, 60, 7000), counted(60, 61, 400_000)
    together = [a + b for a, b in zip(one, other, strict=True)]
    assert percentiles(together) == percentiles(counted(3, 60, 7000, 60, 61, 400_000))
