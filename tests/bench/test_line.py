from __future__ import annotations

import gc

import pytest
from bench.rounds import Effort
from bench.run import QUICK
from bench.scenarios import SCENARIOS
from bench.stage import Stage

from bench import line


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A short line; there is no stage that it needs."""
    for name, number in (("WAITING", 60), ("USERS", 6), ("DISPATCHES", 80)):
        monkeypatch.setattr(line, name, number)
    return Stage([], 9, None, None)  # type: ignore[arg-type]


def test_the_line_has_a_figure_for_each_round(stage: Stage):
    effort: Effort = QUICK._replace(rounds=3)
    measured = {row.what: row for row in SCENARIOS["queue"](stage, effort)}
    assert measured.keys() == {"CPU per decision", "CPU per dispatch", "CPU per place taken"}
    for row in measured.values():
        assert (row.contender, row.unit, len(row.rounds)) == ("tollkeeper", "µs", 3)
        assert min(row.rounds) > 0


def test_nothing_stays_frozen_for_the_collector(stage: Stage):
    list(SCENARIOS["queue"](stage, QUICK))
    assert gc.get_freeze_count() == 0
