"""The breaker, by values of time and chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.breaker import TRANSITIONS, Breaker, Event, IllegalTransition, State


def opened(now: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(now, 0.0)
    return breaker


def test_every_state_has_its_row_and_every_event_leads_somewhere() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_five_failures_in_a_row_open_it() -> None:
    breaker = Breaker()
    for failures in range(1, 5):
        breaker.failed(100.0, 0.0)
        assert breaker.state(100.0) is State.CLOSED, failures
    breaker.failed(100.0, 0.0)
    assert breaker.state(100.0) is State.OPEN


def test_a_success_breaks_the_row() -> None:
    breaker = Breaker()
    for _ in range(3):
        for _ in range(4):
            breaker.failed(100.0, 0.0)
        breaker.succeeded(100.0)
    assert breaker.is_calm
    assert breaker.state(100.0) is State.CLOSED


def test_half_of_twenty_results_open_it() -> None:
    breaker = Breaker()
    for number in range(19):
        breaker.failed(100.0, 0.0) if number % 2 else breaker.succeeded(100.0)
    assert breaker.state(100.0) is State.CLOSED
    breaker.failed(100.0, 0.0)
    assert breaker.state(100.0) is State.OPEN


def test_fewer_than_half_do_not() -> None:
    breaker = Breaker()
    for number in range(300):
        breaker.failed(100.0, 0.0) if number % 5 in {0, 2} else breaker.succeeded(100.0)
    assert breaker.state(100.0) is State.CLOSED


def test_what_was_ten_seconds_ago_does_not_count() -> None:
    breaker = Breaker()
    for number in range(19):
        breaker.succeeded(100.0) if number % 2 else breaker.failed(100.0, 0.0)
    breaker.failed(110.0, 0.0)
    assert breaker.state(110.0) is State.CLOSED


def test_it_waits_twice_as_long_after_each_trial_that_fails() -> None:
    breaker = opened()
    waits, now = [breaker.due_at - 100.0], breaker.due_at
    for _ in range(7):
        assert breaker.state(now - 0.001) is State.OPEN
        assert breaker.state(now) is State.HALF_OPEN
        breaker.begin_trial(now)
        breaker.failed(now, 0.0, trial=True)
        waits.append(breaker.due_at - now)
        now = breaker.due_at
    assert waits == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])


@given(st.floats(0, 1, exclude_max=True))
def test_chance_makes_a_wait_shorter_by_a_fifth_at_most(chance: float) -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(100.0, chance)
    assert 100.8 <= breaker.due_at <= 101.0
    assert breaker.due_at == pytest.approx(101.0 - 0.2 * chance)


def test_one_tries_at_a_time() -> None:
    breaker = opened()
    with pytest.raises(IllegalTransition, match="BEGIN in OPEN"):
        breaker.begin_trial(100.5)
    breaker.begin_trial(101.0)
    assert breaker.state(200.0) is State.TRIAL
    with pytest.raises(IllegalTransition, match="BEGIN in TRIAL"):
        breaker.begin_trial(200.0)
    breaker.end_trial()
    breaker.begin_trial(200.0)
    assert breaker.began_at == 200.0


def test_a_trial_that_succeeds_closes_it_and_forgets_the_past() -> None:
    breaker = opened()
    breaker.begin_trial(101.0)
    breaker.succeeded(101.0, trial=True)
    assert breaker.is_calm
    for _ in range(4):
        breaker.failed(101.0, 0.0)
    assert breaker.is_closed
    breaker.failed(101.0, 0.0)
    assert breaker.due_at == 102.0


def test_results_of_requests_that_began_before_it_opened_show_what_was() -> None:
    breaker = opened()
    breaker.succeeded(100.1)
    breaker.failed(100.1, 0.0)
    assert (breaker.state(100.2), breaker.due_at) == (State.OPEN, 101.0)
    breaker.begin_trial(101.0)
    breaker.failed(101.0, 0.0)
    breaker.succeeded(101.0)
    assert breaker.state(101.0) is State.TRIAL


def test_a_good_probe_ends_the_wait_and_closes_nothing() -> None:
    breaker = opened()
    breaker.probed(100.4, 0.0, alive=True)
    assert breaker.state(100.4) is State.HALF_OPEN
    breaker.probed(100.5, 0.0, alive=True)
    assert breaker.state(100.5) is State.HALF_OPEN


def test_a_bad_probe_fails_as_a_request_does() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.probed(100.0, 0.0, alive=False)
    assert breaker.state(100.0) is State.OPEN
    breaker.probed(100.5, 0.0, alive=False)
    assert breaker.due_at == 101.0
    breaker.probed(101.0, 0.0, alive=False)
    assert (breaker.state(101.0), breaker.due_at) == (State.OPEN, 103.0)
    breaker.begin_trial(103.0)
    breaker.probed(103.0, 0.0, alive=False)
    assert breaker.state(103.0) is State.TRIAL


def test_good_probes_do_not_break_a_row_of_failures() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(100.0, 0.0)
        breaker.probed(100.0, 0.0, alive=True)
    assert not breaker.is_closed


def test_bad_probes_are_in_a_row_with_one_another_only() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.probed(100.0, 0.0, alive=False)
        breaker.failed(100.0, 0.0)
    breaker.probed(100.0, 0.0, alive=True)
    breaker.probed(100.0, 0.0, alive=False)
    assert breaker.is_closed


def test_it_prints_what_it_is() -> None:
    assert repr(Breaker()) == "Breaker(CLOSED, 0 failures in a row)"
    assert repr(opened()) == "Breaker(OPEN, due at 101.000, next wait 2 s)"
