"""The figures as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Literal, NamedTuple

How = Literal["added", "ratio", ""]
"""How two figures of one round are compared."""

_COMPARED: Mapping[How, Callable[[float, float], float]] = {
    "added": lambda direct, through: through - direct,
    "ratio": lambda direct, through: through / direct,
    "": lambda _, through: through,
}
_WIDTHS = (14, 26, 11, 10, 10, 18, 22)
HEADINGS = ("scenario", "what", "unit", "direct", "gateway", "compared", "rounds, min … max")


class Row(NamedTuple):
    """One figure, once for each round: asked of the upstream directly (or not at all), and through the gateway."""

    what: str
    unit: str
    direct: Sequence[float]
    through: Sequence[float]
    how: How = ""

    def cells(self, scenario: str) -> Sequence[str]:
        """Medians; the comparison is made within each round, and its median and spread are shown."""
        beside = self.direct or [0.0] * len(self.through)
        compared = [_COMPARED[self.how](*pair) for pair in zip(beside, self.through, strict=True)]
        return (
            scenario,
            self.what,
            self.unit,
            _number(median(self.direct)) if self.direct else "",
            _number(median(self.through)),
            f"{_number(median(compared))} {self.how}" if self.how else "",
            f"{_number(min(compared))} … {_number(max(compared))}" if len(compared) > 1 else "",
        )


def line(cells: Sequence[str]) -> str:
    """One line of the table. Words stand to the left, figures to the right."""
    padded = [
        cell.ljust(width) if place < 3 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
