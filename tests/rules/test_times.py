from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.times import (
    format_month,
    format_time,
    format_wait,
    month_bounds,
    parse_month,
    parse_time,
    year_of,
)

MS = st.integers(0, 253_402_300_799_999)
"""Up to the end of the year 9999."""


@given(MS)
def test_what_is_written_reads_the_same(ms):
    assert parse_time(format_time(ms)) == ms


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-11-20T12:00:00Z", "2026-11-20T12:00:00.000Z"),
        ("2026-11-20t12:00:00z", "2026-11-20T12:00:00.000Z"),
        ("2026-11-20", "2026-11-20T00:00:00.000Z"),
        ("2026-11-20T12:00", "2026-11-20T12:00:00.000Z"),
        ("2026-11-20 12:00:00.5", "2026-11-20T12:00:00.500Z"),
        ("2026-11-20T12:00:00.123999999Z", "2026-11-20T12:00:00.123Z"),
        ("2026-11-20T12:00:00+01:30", "2026-11-20T10:30:00.000Z"),
        ("1970-01-01", "1970-01-01T00:00:00.000Z"),
        ("1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_spellings(text, written):
    assert format_time(parse_time(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "20261120",
        "2026-13-01",
        "2026-11-31",
        "2026-W01-1",
        "1795176000",
        "2026-11-20T25:00Z",
        "2026-11-20T12:00:00Z ",
        "２０２６-11-20",
        "0000-01-01",
        "9999-12-31T23:59:59-01:00Zx",
        "9999-12-31T23:59:59-23:59",
        "10000-01-01",
        "1969-12-31",
        "1969-12-31T23:59:59.999Z",
        "0001-01-01T00:00:00+23:59",
        "2026-12-31T23:59:60Z",
    ],
)
def test_what_is_no_moment(text):
    with pytest.raises(ValueError, match="moment"):
        parse_time(text)


@given(MS.filter(lambda ms: ms < 253_399_622_400_000))
def test_a_month_holds_its_moments(ms):
    start, after = month_bounds(ms)
    assert start <= ms < after
    assert format_time(start)[:8] == format_time(ms)[:8]
    assert format_time(start)[8:] == format_time(after)[8:] == "01T00:00:00.000Z"
    assert month_bounds(after - 1) == (start, after)


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "1 second"),
        (1_000, "1 second"),
        (1_001, "2 seconds"),
        (90_000, "90 seconds"),
        (90_001, "2 minutes"),
        (3_650_000, "61 minutes"),
        (5_400_000, "90 minutes"),
        (5_400_001, "2 hours"),
        (86_400_000 * 3, "72 hours"),
    ],
)
def test_a_wait_in_words(ms, words):
    assert format_wait(ms) == words


def test_months_are_written_and_read() -> None:
    assert format_month(parse_time("2026-11-30T23:59:59.999Z")) == "2026-11"
    assert format_time(parse_month("2026-12")) == "2026-12-01T00:00:00.000Z"
    assert year_of(parse_time("2026-12-31T23:59:59.999Z")) == 2026


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "2026-11-01", "1969-12", "2026-11\n", "٢٠٢٦-11", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a month such as"):
        parse_month(text)
