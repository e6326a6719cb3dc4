from __future__ import annotations

import pytest

from tollkeeper.rules.resting import Rest


@pytest.mark.parametrize(("asked", "rests"), [(7.0, 7.0), (60.0, 60.0), (3600.0, 60.0), (0.0, 0.0), (-5.0, 0.0)])
def test_it_rests_as_long_as_it_asked_for_but_a_minute_at_most(asked: float, rests: float) -> None:
    rest = Rest()
    rest.begin(100.0, asked)
    assert rest.until == 100.0 + rests


def test_without_a_time_it_rests_twice_as_long_each_time() -> None:
    rest, now, rests = Rest(), 100.0, []
    for _ in range(8):
        rest.begin(now, None)
        rests.append(rest.until - now)
        now = rest.until
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_requests_that_were_under_way_do_not_prolong_it() -> None:
    rest = Rest()
    for now in (100.0, 100.1, 100.2, 100.9):
        rest.begin(now, None)
    assert rest.until == 101.0
    rest.begin(101.0, None)
    assert rest.until == 103.0


def test_the_longest_of_several_counts() -> None:
    rest = Rest()
    rest.begin(100.0, 30.0)
    rest.begin(101.0, 2.0)
    rest.begin(101.0, None)
    assert rest.until == 130.0


def test_a_request_that_is_served_makes_the_next_one_short_and_ends_none() -> None:
    rest = Rest()
    rest.begin(100.0, None)
    rest.begin(101.0, None)
    rest.served()
    assert rest.until == 103.0
    rest.begin(103.0, None)
    assert rest.until == 104.0


def test_it_is_cleared() -> None:
    rest = Rest()
    rest.begin(100.0, None)
    rest.begin(101.0, 60.0)
    rest.clear()
    assert rest.until == 0.0
    rest.begin(102.0, None)
    assert rest.until == 103.0
