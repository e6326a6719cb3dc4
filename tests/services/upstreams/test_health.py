"""Whether an upstream can serve, after what happened to it, by values of time."""

from __future__ import annotations

import math

import pytest

from tollkeeper.rules.failover import ROWS
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.services.upstreams.health import NO_TRIAL, OVERDUE, Health


@pytest.fixture
def health() -> Health:
    return Health(chance=lambda: 0.0)


def fail(health: Health, outcome: Outcome, now: float = 100.0, times: int = 5, model: str = "m") -> None:
    for _ in range(times):
        health.note_failure(outcome, model, now, outcome.value)


def test_one_that_nothing_is_known_of_can_serve(health: Health) -> None:
    assert health.can_serve("m", 100.0)
    assert health.due_at("m", 100.0) is None
    assert not health.on_trial("m", 100.0)
    assert health.begin_trial("m", 100.0) is NO_TRIAL
    assert (health.error, health.latency, health.alive) == (None, None, None)


@pytest.mark.parametrize("outcome", Outcome)
def test_five_failures_close_the_upstream_or_the_model_there_as_the_table_says(
    health: Health, outcome: Outcome
) -> None:
    row = ROWS[outcome]
    fail(health, outcome)
    stopped = {"upstream": (False, False), "model": (False, True), None: (True, True)}
    assert (health.can_serve("m", 100.0), health.can_serve("n", 100.0)) == stopped[row.fails or row.rests]
    assert health.error == (outcome.value if row.fails or row.rests else None)


@pytest.mark.parametrize(
    ("outcome", "asked", "due"),
    [
        (Outcome.OVERLOADED, 7.0, 107.0),
        (Outcome.OVERLOADED, 600.0, 160.0),
        (Outcome.OVERLOADED, None, 101.0),
        (Outcome.UNAVAILABLE, 7.0, 107.0),
        (Outcome.OPERATOR_FAULT, None, 160.0),
        (Outcome.FORBIDDEN, 1.0, 160.0),
    ],
)
def test_it_is_not_tried_before_its_rest_is_over(
    health: Health, outcome: Outcome, asked: float | None, due: float
) -> None:
    health.note_failure(outcome, "m", 100.0, "why", retry_after=asked)
    assert health.due_at("m", 100.0) == due
    assert not health.can_serve("m", due - 0.001)
    assert health.can_serve("m", due)
    assert not health.on_trial("m", due)  # it is as good as before
    assert health.begin_trial("m", due) is NO_TRIAL


def test_the_longest_of_all_that_keeps_requests_away_counts(health: Health) -> None:
    fail(health, Outcome.MODEL_FAILED)
    assert health.due_at("m", 100.0) == 101.0
    health.note_failure(Outcome.OVERLOADED, "m", 100.0, "why", retry_after=5.0)
    assert health.due_at("m", 100.0) == 105.0
    health.note_failure(Outcome.UNAVAILABLE, "m", 100.0, "why", retry_after=9.0)
    assert (health.due_at("m", 100.0), health.due_at("n", 100.0)) == (109.0, 109.0)


def test_one_request_tries_and_the_others_wait_for_its_outcome(health: Health) -> None:
    fail(health, Outcome.UNREACHABLE)
    assert health.can_serve("m", 101.0)
    assert health.on_trial("m", 101.0)
    trial = health.begin_trial("m", 101.0)
    assert trial is not NO_TRIAL
    assert health.due_at("m", 101.0) == 106.0
    assert health.due_at("n", 105.9) == 106.0
    assert health.due_at("m", 106.0) == math.inf
    health.note_success("m", 107.0, trial=trial)
    assert health.can_serve("m", 107.0)
    assert not health.on_trial("m", 107.0)
    assert health.error is None


def test_a_trial_that_fails_makes_the_wait_longer(health: Health) -> None:
    fail(health, Outcome.UNREACHABLE)
    trial = health.begin_trial("m", 101.0)
    health.note_failure(Outcome.BROKEN, "m", 101.0, "why", trial=trial)
    assert health.due_at("m", 101.0) == 103.0


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.OVERLOADED, Outcome.MODEL_MISSING, Outcome.MODEL_FAILED])
def test_any_answer_shows_that_the_upstream_is_there(health: Health, outcome: Outcome) -> None:
    fail(health, Outcome.UNREACHABLE)
    health.note_failure(outcome, "m", 101.0, "why", trial=health.begin_trial("m", 101.0))
    assert not health.on_trial("n", 101.0)
    fail(health, Outcome.UNREACHABLE, times=4)
    health.note_failure(outcome, "m", 101.0, "why")
    fail(health, Outcome.UNREACHABLE, times=4)
    assert health.can_serve("n", 101.0)


@pytest.mark.parametrize("outcome", [Outcome.UNAVAILABLE, None])
def test_a_trial_without_a_result_may_be_made_again(health: Health, outcome: Outcome | None) -> None:
    fail(health, Outcome.UNREACHABLE)
    trial = health.begin_trial("m", 101.0)
    if outcome is None:
        health.end_trial(trial)
    else:
        health.note_failure(outcome, "m", 101.0, "why", trial=trial)
    assert health.on_trial("m", 102.0)
    assert health.can_serve("m", 102.0)
    assert health.begin_trial("m", 102.0) is not NO_TRIAL


def test_a_model_is_tried_by_itself(health: Health) -> None:
    fail(health, Outcome.MODEL_FAILED)
    assert health.begin_trial("n", 101.0) is NO_TRIAL
    trial = health.begin_trial("m", 101.0)
    health.note_success("n", 101.0)
    assert (health.can_serve("m", 101.0), health.can_serve("n", 101.0)) == (False, True)
    health.note_failure(Outcome.REFUSED, "m", 101.0, "why", trial=trial)  # which shows nothing of the model
    assert health.on_trial("m", 101.0)
    health.note_success("m", 101.0, trial=health.begin_trial("m", 101.0))
    assert not health.on_trial("m", 101.0)
    assert "{}" in repr(health)  # nothing is kept of a model that works


def test_a_trial_whose_answer_begins_has_shown_that_the_upstream_is_there(health: Health) -> None:
    heard: list[bool] = []
    fail(health, Outcome.UNREACHABLE)
    health.on_change.append(lambda: heard.append(health.can_serve("m", 101.0)))
    assert health.note_answering(101.0, health.begin_trial("m", 101.0)) is NO_TRIAL
    assert (heard, health.on_trial("m", 101.0)) == ([True], False)
    assert health.note_answering(101.0, NO_TRIAL) is NO_TRIAL
    assert heard == [True]


def test_a_model_on_trial_has_shown_nothing_before_the_end_of_its_answer(health: Health) -> None:
    fail(health, Outcome.UNREACHABLE)
    fail(health, Outcome.MODEL_FAILED)
    trial = health.note_answering(101.0, health.begin_trial("m", 101.0))
    assert (health.can_serve("m", 101.0), health.can_serve("n", 101.0)) == (False, True)
    assert health.note_answering(101.0, trial) is trial
    health.note_failure(Outcome.STREAM_DIED, "m", 101.0, "why", trial=trial)
    assert health.due_at("m", 101.0) == 103.0


def test_a_result_of_a_trial_of_the_past_decides_no_trial_of_now(health: Health) -> None:
    fail(health, Outcome.UNREACHABLE)
    trial = health.begin_trial("m", 101.0)
    health.clear()
    health.note_failure(Outcome.BROKEN, "m", 101.0, "why", trial=trial)
    assert health.can_serve("m", 101.0)
    health.note_success("m", 101.0)
    assert health.error is None


def test_a_trial_that_nobody_makes_counts_as_healthy_after_a_while(health: Health) -> None:
    fail(health, Outcome.UNREACHABLE)
    assert health.on_trial("m", 100.5)
    assert health.on_trial("m", 101.0 + OVERDUE - 0.001)
    assert not health.on_trial("m", 101.0 + OVERDUE)
    health.begin_trial("m", 101.0 + OVERDUE)
    assert health.on_trial("m", 200.0)


def test_a_good_probe_ends_the_wait_and_says_so(health: Health) -> None:
    called: list[bool] = []
    health.on_change.append(lambda: called.append(health.can_serve("m", 100.5)))
    fail(health, Outcome.UNREACHABLE)
    health.probed(100.5, None)
    assert (called, health.alive) == ([True], True)
    health.probed(100.6, None)
    assert called == [True]


def test_a_good_probe_ends_no_rest(health: Health) -> None:
    health.note_failure(Outcome.UNAVAILABLE, "m", 100.0, "why", retry_after=9.0)
    health.probed(101.0, None)
    assert health.due_at("m", 101.0) == 109.0


def test_five_bad_probes_show_that_it_is_down(health: Health) -> None:
    heard: list[bool] = []
    health.on_change.append(lambda: heard.append(health.can_serve("m", 100.0)))
    for _ in range(4):
        health.probed(100.0, "it is gone")
    assert health.can_serve("m", 100.0)
    assert (health.error, health.alive) == ("it is gone", False)
    assert heard == []
    health.probed(100.0, "it is gone")
    assert not health.can_serve("m", 100.0)
    assert heard == [False], "who waits for it looks elsewhere"
    health.probed(100.0, "it is gone")
    health.probed(101.0, "it is gone")  # it was due
    assert heard == [False, False]


def test_the_error_of_a_probe_goes_with_the_next_good_one(health: Health) -> None:
    shown: list[str | None] = []
    health.probed(100.0, "it is gone")
    shown.append(health.error)
    health.probed(102.0, None)
    shown.append(health.error)
    fail(health, Outcome.BROKEN, times=1)
    health.probed(104.0, None)
    shown.append(health.error)
    health.note_success("m", 105.0)
    shown.append(health.error)
    assert shown == ["it is gone", None, Outcome.BROKEN.value, None]


def test_who_waits_hears_of_the_end_of_a_trial(health: Health) -> None:
    called: list[int] = []
    health.on_change.append(lambda: called.append(len(called)))
    fail(health, Outcome.UNREACHABLE)
    health.note_success("m", 100.0)
    assert called == []
    health.end_trial(health.begin_trial("m", 101.0))
    health.note_failure(Outcome.UNREACHABLE, "m", 101.0, "why", trial=health.begin_trial("m", 101.0))
    health.note_success("m", 103.0, trial=health.begin_trial("m", 103.0))
    health.clear()
    assert called == [0, 1, 2, 3]


def test_clearing_forgets_everything(health: Health) -> None:
    fail(health, Outcome.UNREACHABLE)
    fail(health, Outcome.MODEL_FAILED, model="n")
    health.note_failure(Outcome.OPERATOR_FAULT, "m", 100.0, "why")
    health.probed(100.0, "it is gone")
    health.clear()
    assert (health.can_serve("m", 100.0), health.can_serve("n", 100.0)) == (True, True)
    assert (health.error, health.alive) == (None, None)


def test_the_latency_is_smoothed(health: Health) -> None:
    health.note_success("m", 100.0, first_byte=1.0)
    assert health.latency == 1.0
    health.note_success("m", 100.0)
    health.note_success("m", 100.0, first_byte=2.0)
    assert health.latency == pytest.approx(1.2)


def test_what_only_the_operator_can_repair_is_known_until_it_serves_again() -> None:
    health = Health()
    known: list[bool] = []

    def fails(outcome: Outcome) -> None:
        health.note_failure(outcome, "m", 100.0, "why")
        known.append(health.operator_fault)

    fails(Outcome.UNAVAILABLE)
    fails(Outcome.OPERATOR_FAULT)
    fails(Outcome.UNREACHABLE)
    health.probed(200.0, None)
    known.append(health.operator_fault)
    health.note_success("m", 300.0)
    known.append(health.operator_fault)
    fails(Outcome.FORBIDDEN)  # of one model, or of what one user wrote
    fails(Outcome.OPERATOR_FAULT)
    health.clear()
    known.append(health.operator_fault)
    assert known == [False, True, True, True, False, False, True, False]
