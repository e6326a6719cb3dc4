"""The figures of a scenario as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.results import Row, ratios

_WIDTHS = (14, 26, 22, 8, 10, 22, 12, 20)
HEADINGS = ("scenario", "what", "contender", "unit", "median", "rounds, min … max", "tollkeeper ÷", "min … max")
_WORDS = 4


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """Medians and spread, and Tollkeeper's figure divided by each other's of the same round."""
    beside = ratios(rows)
    for row in rows:
        ratio = beside.get((row.scenario, row.what, row.contender), [])
        yield line(
            (
                row.scenario,
                row.what,
                row.contender,
                row.unit,
                number(row.median),
                spread(row.rounds),
                f"{number(median(ratio))} ×" if ratio else "",
                spread(ratio),
            )
        )


def line(cells: Sequence[str]) -> str:
    """Words stand to the left, figures to the right."""
    padded = [
        cell.ljust(width) if place < _WORDS else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ]
    return "  ".join(padded).rstrip()


def spread(rounds: Sequence[float]) -> str:
    return f"{number(min(rounds))} … {number(max(rounds))}" if len(rounds) > 1 else ""


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
