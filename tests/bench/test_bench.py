"""`scripts/bench --quick`: it runs, everybody takes part, nothing is lost. How fast is for people to judge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest
from bench.report import BEGIN, END, PICTURES
from bench.results import DIRECT, Run
from bench.scenarios import SMOKE

from tests.docs.tables import ROOT

MUST = {"nginx", "sglang-router", "portkey", "litellm", "tollkeeper"}
"""The others take part in full runs only."""
BESIDE = {"closed": MUST | {DIRECT}, "fixed": MUST, "streams": MUST | {DIRECT}, "start": MUST}
SECONDS = 900
"""A cold cache takes minutes; only a hang takes so long."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What it printed, and the file of its rounds."""
    file = tmp_path_factory.mktemp("bench") / "run.json"
    done = subprocess.run(
        [ROOT / "scripts/bench", "--quick", "--json", file],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout, file


@pytest.fixture
def run(told: tuple[str, Path]) -> Run:
    return msgspec.json.decode(told[1].read_bytes(), type=Run)


pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.ollama, pytest.mark.alone]


def test_everybody_takes_part_in_each_scenario(run: Run):
    assert {row.scenario for row in run.rows} == set(SMOKE)
    assert {peer.name for peer in run.peers} == MUST
    for scenario, names in BESIDE.items():
        measured = {row.contender for row in run.rows if row.scenario == scenario}
        assert measured >= names, scenario
    assert all(peer.version for peer in run.peers)


def test_each_figure_has_its_line(told: tuple[str, Path], run: Run):
    for row in run.rows:
        assert any(
            line.startswith(row.scenario) and f"  {row.what}  " in line and f"  {row.contender}  " in line
            for line in told[0].splitlines()
        ), row


def test_no_request_fails_and_no_record_is_lost(run: Run):
    failed = [row for row in run.rows if row.what == "requests failed" and row.contender in (DIRECT, "tollkeeper")]
    less = [row for row in run.rows if row.what == "answers less records" and row.contender == "tollkeeper"]
    assert {row.scenario for row in failed} == {row.scenario for row in less} == set(SMOKE) - {"start"}
    assert [row for row in (*failed, *less) if any(row.rounds)] == []


def test_the_report_writes_its_table_and_pictures(told: tuple[str, Path], tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text(f"{BEGIN}\n{END}\n")
    flags = ["--page", str(document), "--pictures", str(tmp_path)]
    command = [str(ROOT / ".venv/bin/python"), "-m", "bench.report", str(told[1]), *flags]
    subprocess.run(command, cwd=ROOT, check=True)
    written = document.read_text()
    assert all(f"| {name} |" in written for name in MUST)
    assert {path.stem for path in tmp_path.glob("*.svg")} == PICTURES.keys()
