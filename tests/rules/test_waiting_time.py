from __future__ import annotations

import pytest

from tollkeeper.rules.waiting_time import Rival, forecast


def rival(counter: float, waiting: float, rate: float = 0.0, hold: float = 2.0, wins_ties: bool = False) -> Rival:
    return Rival(counter, (0 if wins_ties else 2, 0), 10.0, waiting, rate, hold)


def test_who_is_next_waits_for_the_first_slot():
    assert forecast(0.0, (1, 0), 0, 2.0, [], [0.5, 1.5]) == (0, 0.5)


def test_each_slot_serves_one_after_the_other():
    assert forecast(50.0, (1, 0), 5, 2.0, [], [0.5, 1.5]) == (5, 5.5)
    assert forecast(50.0, (1, 0), 4, 2.0, [], [0.5, 1.5]) == (4, 4.5)


@pytest.mark.parametrize(
    ("other", "ahead"),
    [
        (rival(0.0, 100), 3),
        (rival(0.0, 100, wins_ties=True), 4),
        (rival(5.0, 100), 3),
        (rival(30.0, 100), 0),
        (rival(30.0, 100, wins_ties=True), 1),
        (rival(40.0, 100, wins_ties=True), 0),
        (rival(0.0, 2), 2),
    ],
)
def test_of_a_rival_as_many_are_before_as_fit_between_the_counters(other: Rival, ahead: int):
    assert forecast(30.0, (1, 0), 0, 2.0, [other], [1.0]) == (ahead, ahead * 2.0 + 1.0)


def test_those_who_will_have_come_by_then_count_too():
    assert forecast(100.0, (1, 0), 0, 2.0, [rival(0.0, 2, rate=0.25)], [2.0]).ahead == 2
    assert forecast(100.0, (1, 0), 0, 2.0, [rival(0.0, 2, rate=0.25)], [2.0]).seconds == pytest.approx(8.0, abs=2.0)
    assert forecast(100.0, (1, 0), 0, 2.0, [rival(0.0, 2, rate=5.0)], [2.0]).seconds == 22.0  # ten at most


def test_how_long_each_holds_its_slot_is_weighed():
    assert forecast(10.0, (1, 0), 1, 8.0, [rival(0.0, 1, hold=2.0)], [1.0]) == (2, 11.0)
