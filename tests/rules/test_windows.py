"""Windows against a slow obvious model: a list of all that was added."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.windows import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    SLIDING,
    SlidingWindow,
    month_of,
    month_start,
    new_window,
)

START = 1_795_000_000_000
spans = st.sampled_from(list(SLIDING))
steps = st.lists(st.tuples(st.integers(0, 40_000_000), st.integers(0, 100)), max_size=30)


def scaled(span, additions):
    """Moments and amounts, the steps between them scaled to the window."""
    at, events = START, []
    for step, amount in additions:
        at += step * SLIDING[span].length // 40_000_000 // 2
        events.append((at, amount))
    return events


@given(spans, steps)
def test_no_window_of_the_full_length_holds_more_than_what_was_counted(span, additions):
    grid, window, events = SLIDING[span], new_window(span), scaled(span, additions)
    early = grid.length // grid.buckets + 1
    for place, (at, amount) in enumerate(events, 1):
        window.add(amount, at)
        truly = sum(amount for moment, amount in events[:place] if at - grid.length < moment)
        with_one_bucket_more = sum(amount for moment, amount in events[:place] if at - grid.length - early <= moment)
        assert truly <= window.used(at) <= with_one_bucket_more


@given(spans, st.lists(st.tuples(st.integers(0, 40_000_000), st.integers(1, 5)), max_size=40), st.integers(1, 12))
def test_what_is_admitted_by_used_never_exceeds_the_limit_in_any_window(span, tries, limit):
    grid, window = SLIDING[span], new_window(span)
    admitted = []
    for at, amount in scaled(span, tries):
        if window.used(at) + amount <= limit:
            window.add(amount, at)
            admitted.append((at, amount))
    for begin, _ in admitted:
        assert sum(amount for at, amount in admitted if begin <= at < begin + grid.length) <= limit


@given(spans, steps, st.integers(0, 300), st.integers(0, 40_000_000))
def test_room_comes_at_the_named_moment_and_not_before(span, additions, most, later):
    window, events = new_window(span), scaled(span, additions)
    for at, amount in events:
        window.add(amount, at)
    now = (events[-1][0] if events else START) + later * SLIDING[span].length // 40_000_000
    room = window.room_at(most, now)
    assert room is not None
    assert window.room_at(most, now) == room  # asking changes nothing
    if room > now:
        assert window.used(room - 1) > most
    assert window.used(room) <= most


def test_a_window_holds_no_more_entries_than_buckets():
    window = SlidingWindow(SLIDING["minute"])
    for at in range(START, START + 10 * MINUTE, 137):
        window.add(1, at)
    assert len(window._buckets) <= 61


@pytest.mark.parametrize("span", SLIDING)
def test_what_lies_at_the_far_end_of_a_window_still_counts(span):
    grid, window = SLIDING[span], new_window(span)
    end_of_bucket = grid.start(grid.bucket(START) + 1) - 1
    window.add(1, end_of_bucket)
    assert window.used(end_of_bucket + grid.length - 1) == 1


def test_a_clock_set_back_loses_nothing():
    window = new_window("minute")
    window.add(5, START + 30 * SECOND)
    window.add(7, START)
    window.add(1, START + 10 * SECOND)
    window.add(1, START)
    assert window.used(START + 30 * SECOND) == 14
    assert window.used(START + 62 * SECOND) == 6
    assert window.used(START + 72 * SECOND) == 5


jumps = st.lists(st.tuples(st.integers(-40_000_000, 100_000_000), st.integers(1, 5)), max_size=40)
"""By how much a clock moves on or is set back, in a forty-millionth of the window, and what comes then."""


def jumping(span, moves):
    """Never further back than a window's length behind where the clock has been."""
    length = SLIDING[span].length
    at = newest = START
    for step, amount in moves:
        at = max(at + step * length // 40_000_000, newest - length)
        newest = max(at, newest)
        yield at, amount


@given(spans, jumps, st.integers(1, 12))
def test_with_a_clock_that_is_set_back_no_window_holds_more_than_the_limit(span, moves, limit):
    grid, window = SLIDING[span], new_window(span)
    admitted = []
    for at, amount in jumping(span, moves):
        if window.used(at) + amount <= limit:
            window.add(amount, at)
            admitted.append((at, amount))
    for begin, _ in admitted:
        assert sum(amount for at, amount in admitted if begin <= at < begin + grid.length) <= limit


@given(spans, jumps, st.integers(0, 100))
def test_with_a_clock_that_is_set_back_room_comes_at_the_named_moment_and_not_before(span, moves, most):
    grid, window, now = SLIDING[span], new_window(span), START
    for now, amount in jumping(span, moves):
        window.add(amount, now)
    room = window.room_at(most, now)
    assert room is not None
    assert window.used(room) <= most
    buckets = range(grid.bucket(now), grid.bucket(room))
    assert all(window.used(max(now, grid.start(index))) > most for index in buckets)


@pytest.mark.parametrize("span", SLIDING)
@pytest.mark.parametrize("ahead", [3, 1_000_000])
def test_a_clock_that_was_ahead_and_is_set_right_brings_back_what_had_left(span, ahead):
    length, window = SLIDING[span].length, new_window(span)
    window.add(5, START)
    window.add(7, START + length // 2)
    window.add(100, START + ahead * length)
    assert window.used(START + length // 2) == 12
    assert window.used(START + ahead * length) == 100
    window.add(1, START + length // 2)
    assert (window.used(START + length), window.used(START + ahead * length)) == (13, 100)


def test_a_clock_set_far_back_blocks_nothing_until_its_time_has_come_again():
    window = new_window("minute")
    window.add(3, START + HOUR)
    assert window.used(START) == 0
    assert [window.used(START + 58 * MINUTE + second * SECOND) for second in (59, 60)] == [0, 3]
    assert window.room_at(2, START + 59 * MINUTE) == START + HOUR + 61 * SECOND


def test_a_clock_set_back_for_long_fills_no_memory():
    window = SlidingWindow(SLIDING["second"])
    window.add(1, START + DAY)
    for at in range(START, START + MINUTE, 16):
        window.add(1, at)
    assert len(window._buckets) + len(window._expired) <= 3 * 61


def test_months_stay_apart_however_the_clock_jumps():
    window = new_window("month")
    months = [ms(2026, month, 1) for month in (11, 12, 1, 5, 3, 10)]
    for amount, month in enumerate(months, 1):
        window.add(amount, month)
    assert [window.used(month) for month in months] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(("span", "length"), [("second", SECOND), ("minute", MINUTE), ("hour", HOUR), ("day", DAY)])
def test_a_refusal_comes_at_most_one_bucket_early(span, length):
    grid = SLIDING[span]
    window = new_window(span)
    window.add(1, START)
    room = window.room_at(0, START)
    assert START + length <= room <= START + length + length // grid.buckets + 1


def test_a_month_is_the_calendars():
    window = new_window("month")
    last, first = ms(2026, 12, 31, 23, 59, 59), ms(2027, 1, 1)
    window.add(5, last)
    assert (window.used(last), window.used(first)) == (5, 0)
    assert window.room_at(4, last) == first
    assert window.room_at(5, last) == last
    window.add(3, first)
    window.add(2, last)  # a request of last month that ended late
    assert (window.used(last), window.used(first)) == (7, 3)


def test_a_total_is_for_ever():
    window = new_window("total")
    window.add(5, START)
    assert window.used(START + 10**12) == 5
    assert window.room_at(4, START) is None
    window.add(-2, START)
    assert window.room_at(4, START) == START


@given(st.integers(0, 4_000_000_000_000))
def test_months_follow_one_another(at):
    month = month_of(at)
    assert month_start(month) <= at < month_start(month + 1)


def ms(year, month, day, hour=0, minute=0, second=0):
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000)
