"""Writes what runs measured into docs/performance.md, between its two marks, and the pictures beside it.

python -m bench.report FILE… [--page FILE] [--pictures FOLDER]

Each FILE is of `scripts/bench --json`. Rounds of the same figure in several files are taken together.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec

from bench.pictures import Bar, bars
from bench.processes import TOP
from bench.results import DIRECT, TOLLKEEPER, Peer, Row, Run, ratios
from bench.table import number, spread

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
SIDE_BY_SIDE = ("closed", "fixed", "streams", "start")
"""Scenarios in which all contenders take part."""


class Column(NamedTuple):
    """A figure of a scenario; its heading."""

    head: str
    scenario: str
    what: str


COLUMNS = (
    Column("requests/s", "closed", "answers"),
    Column("p99, ms", "closed", "latency, p99"),
    Column("CPU a request, µs", "closed", "CPU per request"),
    Column("added p50, ms", "fixed", "added, p50"),
    Column("added p99, ms", "fixed", "added, p99"),
    Column("first event of 10, ms", "streams", "first event of 10, p50"),
    Column("of 200, ms", "streams", "first event of 200, p50"),
    Column("CPU an event, µs", "streams", "CPU per event"),
    Column("events a read", "streams", "events in one read"),
    Column("MB idle", "closed", "memory, idle"),
    Column("MB loaded", "closed", "memory, loaded"),
    Column("start, ms", "start", "start"),
)
RATIOS = (
    Column("requests/s", "closed", "answers"),
    Column("CPU a request", "closed", "CPU per request"),
    Column("CPU a request at 200/s", "fixed", "CPU per request"),
    Column("CPU an event", "streams", "CPU per event"),
    Column("memory idle", "closed", "memory, idle"),
    Column("memory loaded", "closed", "memory, loaded"),
)
PICTURES = {
    "bench-requests": ("Requests a second on one core, 64 connections (more is better)", "/s", COLUMNS[0]),
    "bench-events": ("CPU for each event of 200 streams (less is better)", "µs", COLUMNS[7]),
    "bench-added": ("Added at the 99th percentile, 200 requests/s (less is better)", "ms", COLUMNS[4]),
}


def together(runs: Sequence[Run]) -> list[Row]:
    """All rows, the rounds of one figure joined."""
    found: dict[tuple[str, str, str], Row] = {}
    for row in (row for run in runs for row in run.rows):
        key = (row.scenario, row.what, row.contender)
        before = found[key].rounds if key in found else []
        found[key] = msgspec.structs.replace(row, rounds=[*before, *row.rounds])
    return list(found.values())


class Figures:
    """The figures of all runs, by scenario, kind and contender."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.rows = together(runs)
        self._by = {(row.scenario, row.what, row.contender): row for row in self.rows}
        self._ratios: dict[tuple[str, str, str], list[float]] = {}
        for run in runs:
            for key, found in ratios(run.rows).items():
                self._ratios.setdefault(key, []).extend(found)

    def cell(self, column: Column, contender: str) -> str:
        row = self._by.get((column.scenario, column.what, contender))
        return _cell(row.rounds) if row else "–"

    def ratio(self, column: Column, contender: str) -> str:
        found = self._ratios.get((column.scenario, column.what, contender))
        return f"{_cell(found)} ×" if found else "–"

    def bars(self, column: Column, names: Sequence[str]) -> list[Bar]:
        found = [(name, self._by.get((column.scenario, column.what, name))) for name in names]
        return [Bar(name, row.median) for name, row in found if row]


def page(runs: Sequence[Run]) -> str:
    """The Markdown that stands between the marks."""
    figures, last = Figures(runs), runs[-1]
    names = [peer.name for peer in last.peers]
    others = [name for name in names if name != TOLLKEEPER]
    lines = [
        *(_head(run) for run in runs),
        "",
        "Medians; in brackets the least and the largest round.",
        "",
        *_table(("", *(column.head for column in COLUMNS)), ([name, *_cells(figures, name)] for name in names)),
        "",
        "Tollkeeper divided by each other, of the same round:",
        "",
        *_table(
            ("", *(column.head for column in RATIOS)),
            ([name, *(figures.ratio(column, name) for column in RATIOS)] for name in others),
        ),
        "",
        "What each does of that work, as it is installed and measured here:",
        "",
        *_table(("", "version", "keys", "meters", "stores", "does not"), (_does(peer) for peer in last.peers)),
        "",
        *(f"![{PICTURES[name][0]}](pictures/{name}.svg)" for name in PICTURES),
        "",
        "Tollkeeper, by itself and beside an upstream alone:",
        "",
        *_table(("scenario", "figure", "of", "", "tollkeeper ÷ it"), _others(figures)),
        "",
        _failures(figures.rows),
    ]
    return "\n".join(lines)


def write(runs: Sequence[Run], document: Path, folder: Path) -> None:
    """Raises ValueError where the document has not the two marks."""
    text = document.read_text()
    before, begun, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise ValueError(f"{document} has no {BEGIN} … {END}")
    figures, names = Figures(runs), [peer.name for peer in runs[-1].peers]
    for name, (title, unit, column) in PICTURES.items():
        (folder / f"{name}.svg").write_text(bars(title, unit, figures.bars(column, names)))
    document.write_text(f"{before}{BEGIN}\n{page(runs)}\n{END}{after}")


def _head(run: Run) -> str:
    load = " to ".join(f"{load:.1f}" for load in run.load)
    return f"{run.at} UTC: {run.effort}, Python {run.python}, {run.cores} cores ({run.machine}), load {load}."


def _cells(figures: Figures, contender: str) -> list[str]:
    return [figures.cell(column, contender) for column in COLUMNS]


def _does(peer: Peer) -> list[str]:
    marks = ["✓" if does else "–" for does in (peer.keys, peer.meters, peer.stores)]
    return [peer.name, peer.version, *marks, peer.lacks]


def _others(figures: Figures) -> Iterator[list[str]]:
    """What is not in the tables above."""
    for row in figures.rows:
        if row.scenario in SIDE_BY_SIDE and row.contender != "tollkeeper, history":
            continue
        if row.what not in ("requests failed", "answers less records"):
            ratio = figures.ratio(Column("", row.scenario, row.what), row.contender)
            yield [f"`{row.scenario}`", f"{row.what}, {row.unit}", row.contender, _cell(row.rounds), ratio]


def _failures(rows: Sequence[Row]) -> str:
    failed: dict[str, float] = {}
    less: dict[str, float] = {}
    for row in rows:
        if row.what == "requests failed" and row.contender != DIRECT:
            failed[row.contender] = failed.get(row.contender, 0) + sum(row.rounds)
        elif row.what == "answers less records":  # counted from its start on, so the worst holds the others
            less[row.contender] = max([less.get(row.contender, 0), *row.rounds], key=abs)
    return f"Requests that failed: {_counts(failed)}. Answers less records: {_counts(less)}."


def _counts(counts: dict[str, float]) -> str:
    return ", ".join(f"{name} {number(count)}" for name, count in counts.items()) or "none measured"


def _cell(rounds: Sequence[float]) -> str:
    return f"{number(median(rounds))} ({spread(rounds)})" if len(rounds) > 1 else number(rounds[0])


def _table(heads: Sequence[str], body: Iterator[list[str]]) -> Iterator[str]:
    for cells in (heads, ["---"] * len(heads), *body):
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.report", description="Writes figures into docs/performance.md.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="FILE", help="of scripts/bench --json")
    parser.add_argument("--page", type=Path, default=TOP / "docs/performance.md")
    parser.add_argument("--pictures", type=Path, default=TOP / "docs/pictures")
    asked = parser.parse_args()
    write([msgspec.json.decode(path.read_bytes(), type=Run) for path in asked.runs], asked.page, asked.pictures)


if __name__ == "__main__":
    main()
