"""Who is asked when, and what is made of it; the generator is a stand-in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from bench.contenders.contender import Target
from bench.processes import BenchError
from bench.results import DIRECT
from bench.rounds import Effort, take_turns

from bench import rounds

EFFORT = Effort(3, 2.0, 1.0, 1, 1, 1, 1, 1, 1)


class AdmissionRequest(Target):
    """It uses a second of CPU for each job."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name, port, ["key"])
        self.used = 0.0

    def cpu(self) -> float:
        self.used += 0.5
        return self.used


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []

    def load(job: Any, *, cores: object) -> Any:
        made.append(job)
        late = 0.010 if job.port == 1 else 0.012
        return SimpleNamespace(answered=100, failed=job.port, latency=SimpleNamespace(p50=late * len(made)))

    monkeypatch.setattr(rounds, "load", load)
    monkeypatch.setattr(rounds, "wait_until_idle", lambda _: None)
    return made


def test_the_next_one_waits_until_nobody_works_on_what_was_asked_before(monkeypatch: pytest.MonkeyPatch):
    clock, used = [0.0], iter([7.0, 7.2, 7.4, 7.41, 9.0])
    passing = SimpleNamespace(sleep=lambda seconds: clock.append(clock[-1] + seconds), monotonic=lambda: clock[-1])
    monkeypatch.setattr("bench.rounds.time", passing)
    lingering = SimpleNamespace(cpu=lambda: next(used))
    rounds.wait_until_idle([lingering, SimpleNamespace(cpu=lambda: 1.0)])  # type: ignore[list-item]
    assert clock[-1] == 3 * rounds.LOOK_SECONDS
    endless = iter(range(10_000))
    rounds.wait_until_idle([SimpleNamespace(cpu=lambda: next(endless))])  # type: ignore[list-item]
    assert clock[-1] >= rounds.LEAVE_SECONDS


def test_rounds_alternate_after_one_that_does_not_count(jobs: list[Any]):
    targets = [Target(DIRECT, 1), AdmissionRequest("nginx", 2), AdmissionRequest("tollkeeper", 3)]
    turns = take_turns(targets, EFFORT, lambda target, seconds: target.job("{}", 4, seconds))
    assert [job.port for job in jobs] == [1, 2, 3, 1, 2, 3, 3, 2, 1, 1, 2, 3]
    assert [job.seconds for job in jobs] == [1.0] * 3 + [2.0] * 9
    assert {name: len(of) for name, of in turns.of.items()} == {DIRECT: 3, "nginx": 3, "tollkeeper": 3}
    assert targets[1].answered == 400, "those of the first round are answers too: each must have its record"


def test_what_is_added_is_of_the_same_round(jobs: list[Any]):
    turns = take_turns(
        [Target(DIRECT, 1), AdmissionRequest("nginx", 2)],
        EFFORT._replace(warm=0),
        lambda target, s: target.job("{}", 4, s),
    )
    [added] = turns.added("added", lambda result: result.latency.p50)
    # The mock was asked 1st, 4th and 5th, nginx 2nd, 3rd and 6th.
    assert added.rounds == pytest.approx([12 * 2 - 10, 12 * 3 - 10 * 4, 12 * 6 - 10 * 5])


def test_cpu_is_that_of_the_one_asked(jobs: list[Any]):
    turns = take_turns(
        [Target(DIRECT, 1), AdmissionRequest("nginx", 2)], EFFORT, lambda target, s: target.job("{}", 4, s)
    )
    [spent] = turns.cpu_per("request", lambda result: result.answered)
    assert (spent.contender, spent.rounds) == ("nginx", [5000.0] * 3)


def test_failures_are_told_of_each_round_and_of_everybody(jobs: list[Any]):
    turns = take_turns(
        [Target(DIRECT, 1), AdmissionRequest("nginx", 2)], EFFORT, lambda target, s: target.job("{}", 4, s)
    )
    assert [(row.contender, row.rounds) for row in turns.kept()] == [(DIRECT, [1] * 3), ("nginx", [2] * 3)]


def test_who_answers_nothing_is_named(monkeypatch: pytest.MonkeyPatch):
    def load(job: Any, *, cores: object) -> Any:
        raise BenchError("none was answered")

    monkeypatch.setattr(rounds, "load", load)
    with pytest.raises(BenchError, match=r"^nginx: none was answered$"):
        take_turns([AdmissionRequest("nginx", 2)], EFFORT, lambda target, seconds: target.job("{}", 4, seconds))
