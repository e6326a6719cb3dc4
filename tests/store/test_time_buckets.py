"""Hours and minutes of moments, and their names."""

import pytest

from tollkeeper.store.time_buckets import HOUR_MS, MINUTE_MS, day_label, hour_label, hour_of, minute_of, wants

NOON = 1_795_176_000_000


@pytest.mark.parametrize(("after", "hours"), [(0, 0), (HOUR_MS - 1, 0), (HOUR_MS, 1), (-1, -1)])
def test_a_moment_is_in_the_hour_that_began_before_it(after, hours):
    assert hour_of(NOON + after) == NOON + hours * HOUR_MS


def test_minutes_and_names():
    assert minute_of(NOON + MINUTE_MS + 1) == NOON + MINUTE_MS
    assert hour_label(NOON + HOUR_MS - 1) == "2026-11-20T12:00:00Z"
    assert day_label(NOON + 12 * HOUR_MS - 1) == "2026-11-20"
    assert day_label(NOON + 12 * HOUR_MS) == "2026-11-21"


def test_a_history_for_all_spans_is_for_each():
    assert wants(None, "minute")
    assert wants({"minute", "hour"}, "day", "hour")
    assert not wants({"minute"}, "day")
    assert not wants(set(), "day")
