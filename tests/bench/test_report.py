from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from bench.pictures import Bar, bars
from bench.report import BEGIN, COLUMNS, END, PICTURES, RATIOS, page, together, write
from bench.results import TOLLKEEPER
from bench.scenarios import SCENARIOS

from tests.bench.rows import row, run
from tests.docs.tables import ROOT, rows, text

RUN = run(
    row("nginx", "answers", 100, 200),
    row("tollkeeper", "answers", 50, 50),
    row("nginx", "CPU per event", 8, scenario="streams"),
    row("tollkeeper", "CPU per event", 4, scenario="streams"),
    row("tollkeeper", "growth", 3, scenario="million"),
    row("nginx", "requests failed", 2, 1, compared=False),
    row("tollkeeper", "answers less records", 0, compared=False),
)


def table(told: str, first: str) -> dict[str, list[str]]:
    return {cells[0]: cells[1:] for cells in rows(told, first=first)}


def test_each_contender_has_a_line_and_what_was_not_measured_has_none():
    [nginx, ours] = rows(page([RUN]).partition("divided")[0], first="")
    assert nginx[:3] == ["nginx", "150 (100 … 200)", "–"]
    assert ours[:3] == ["tollkeeper", "50 (50 … 50)", "–"]
    assert (nginx[8], ours[8]) == ("8", "4")


def test_ratios_are_of_the_same_round():
    [nginx] = rows(page([RUN]).partition("divided")[2].partition("What each")[0], first="")
    assert nginx[:3] == ["nginx", "0.375 (0.25 … 0.5) ×", "–"]


def test_what_each_does_and_what_failed_is_told():
    told = page([RUN])
    assert "| nginx | 1.22 | ✓ | – | – | reads nothing |" in told
    assert "Requests that failed: nginx 3. Answers less records: tollkeeper 0." in told
    assert "| `million` | growth, /s | tollkeeper | 3 | – |" in told
    assert "2026-01-02 03:04 UTC" in told


def test_a_loss_counts_once_though_each_scenario_tells_it():
    lost = [row("tollkeeper", "answers less records", 2, scenario=name, compared=False) for name in ("closed", "fixed")]
    assert page([run(*lost)]).endswith("Answers less records: tollkeeper 2.")


def test_runs_are_taken_together_though_one_lacks_a_contender():
    runs = [run(row("nginx", "answers", 8), row("tollkeeper", "answers", 2)), run(row("tollkeeper", "answers", 4))]
    assert [(one.contender, one.rounds) for one in together(list(runs))] == [
        ("nginx", [8]),
        ("tollkeeper", [2, 4]),
    ]
    assert "| nginx | 0.25 × |" in page(runs)


def test_it_is_written_between_the_marks_and_nowhere_else(tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write([RUN], document, tmp_path)
    first = document.read_text()
    assert first.startswith(f"before\n{BEGIN}\n2026")
    assert first.endswith(f"{END}\nafter\n")
    assert "old" not in first
    write([RUN], document, tmp_path)
    assert document.read_text() == first
    assert {path.stem for path in tmp_path.glob("*.svg")} == PICTURES.keys()


def test_a_document_without_marks_is_left_alone(tmp_path: Path):
    document = tmp_path / "page.md"
    document.write_text("nothing")
    with pytest.raises(ValueError, match="figures: begin"):
        write([RUN], document, tmp_path)
    assert document.read_text() == "nothing"
    assert not list(tmp_path.glob("*.svg"))


def test_the_document_has_the_marks_and_a_line_for_each_scenario():
    told = text("docs/performance.md")
    assert told.count(BEGIN) == told.count(END) == 1
    assert {
        cells[0].strip("`") for cells in rows(told, first="scenario") if cells[0].startswith("`")
    } >= SCENARIOS.keys()
    assert (ROOT / "docs/pictures").is_dir()


def test_columns_name_scenarios_that_there_are():
    assert {column.scenario for column in (*COLUMNS, *RATIOS)} <= SCENARIOS.keys()


def test_bars_grow_by_powers_of_ten():
    drawn = ET.fromstring(bars("a < b", "µs", [Bar("nginx", 10), Bar(TOLLKEEPER, 1000), Bar("none", -1)]))
    shapes = [element for element in drawn.iter() if element.tag.endswith("rect")]
    short, long, none = (float(shape.attrib["width"]) for shape in shapes)
    assert (short, none) == (2, 0)
    assert long == 640 - 170 - 90
    assert [shape.get("class") for shape in shapes] == [None, "ours", None]
    words = [element.text for element in drawn.iter() if element.tag.endswith("text")]
    assert words[0] == "a < b"
    assert {"1,000 µs", "-1 µs", "nginx"} <= set(words)


def test_a_picture_of_nothing_is_one_too():
    ET.fromstring(bars("nothing", "ms", []))
