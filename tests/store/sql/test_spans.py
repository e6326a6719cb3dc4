"""Which ranges add up to a span, and how many rows that takes."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.store.sql.spans import Range, cover
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS

NOVEMBER, DECEMBER = 1_793_491_200_000, 1_796_083_200_000
JANUARY = DECEMBER + 31 * DAY_MS
EVER = (NOVEMBER, JANUARY)
SIZES = {"month": 7, "day": 7, "hour": 1}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (NOVEMBER, NOVEMBER, []),
        (NOVEMBER, DECEMBER, [Range(1, "month", NOVEMBER, DECEMBER)]),
        (0, 2**60, [Range(1, "month", NOVEMBER, JANUARY)]),
        (NOVEMBER, NOVEMBER + DAY_MS, [Range(1, "day", NOVEMBER, NOVEMBER + DAY_MS)]),
        (NOVEMBER, NOVEMBER + 3 * HOUR_MS, [Range(1, "hour", NOVEMBER, NOVEMBER + 3 * HOUR_MS)]),
        (
            NOVEMBER + DAY_MS,
            DECEMBER,
            [Range(-1, "day", NOVEMBER, NOVEMBER + DAY_MS), Range(1, "month", NOVEMBER, DECEMBER)],
        ),
        (
            NOVEMBER,
            NOVEMBER + DAY_MS - HOUR_MS,
            [
                Range(-1, "hour", NOVEMBER + DAY_MS - HOUR_MS, NOVEMBER + DAY_MS),
                Range(1, "day", NOVEMBER, NOVEMBER + DAY_MS),
            ],
        ),
    ],
)
def test_the_fewest_rows(start: int, end: int, expected: list[Range]) -> None:
    assert cover(start, end, EVER, SIZES) == expected


def test_what_is_after_the_newest_record_is_not_missed() -> None:
    now = NOVEMBER + 10 * DAY_MS + 5 * HOUR_MS
    assert cover(NOVEMBER, now, (NOVEMBER - DAY_MS, now), SIZES) == [Range(1, "month", NOVEMBER, DECEMBER)]


def test_nothing_is_known() -> None:
    assert cover(0, 2**60, (0, 0), SIZES) == []


@given(
    st.integers(-30, 62 * 24),
    st.integers(0, 63 * 24),
    st.sampled_from([SIZES, {"hour": 1}, {"day": 7, "hour": 1}, {"month": 50, "hour": 1}]),
)
def test_each_hour_of_the_span_counts_once(first: int, length: int, sizes: dict[str, int]) -> None:
    start, end = NOVEMBER + first * HOUR_MS, NOVEMBER + (first + length) * HOUR_MS
    counted: Counter[int] = Counter()
    for each in cover(start, end, EVER, sizes):  # type: ignore[arg-type]
        for hour in range(max(each.start, EVER[0]), min(each.end, EVER[1]), HOUR_MS):
            counted[hour] += each.sign
    wanted = range(max(start, EVER[0]), min(end, EVER[1]), HOUR_MS)
    assert {hour for hour, count in counted.items() if count} == {*wanted}
    assert all(counted[hour] == 1 for hour in wanted)
