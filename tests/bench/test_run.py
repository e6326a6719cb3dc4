from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from bench.processes import BenchError
from bench.results import Row
from bench.rounds import Effort

from bench import run


def fine(_: object, effort: Effort) -> Iterator[Row]:
    yield Row("nginx", "answers", "/s", [effort.seconds])


def broken(_: object, __: Effort) -> Iterator[Row]:
    yield Row("nginx", "answers", "/s", [1.0])
    raise BenchError("nginx went away")


def test_a_scenario_that_fails_costs_its_own_figures_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(run, "SCENARIOS", {"one": fine, "two": broken, "three": fine})
    monkeypatch.setattr(run, "staged", nullcontext)
    rows, failed = run.measure(["one", "two", "three"], run.QUICK, [])
    assert [(row.scenario, row.rounds) for row in rows] == [("one", [0.6]), ("three", [0.6])]
    assert failed == ["two"]
    printed = capsys.readouterr()
    assert "bench: two: nginx went away" in printed.err
    assert [line.split()[0] for line in printed.out.splitlines()] == ["scenario", "one", "three"]


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        ([], True),
        (["--quick"], True),
        (["closed", "ollama-64"], True),
        (["--quick", "closed", "streams"], False),
        (["million"], False),
    ],
)
def test_only_scenarios_before_a_real_ollama_need_one(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], needs: bool
):
    monkeypatch.setattr("sys.argv", ["bench", "--needs-ollama", *arguments])
    assert run.main() == (0 if needs else 1)
