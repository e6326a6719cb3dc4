"""One distribution as SVG: how many answers took how long, on a logarithmic scale, with the percentiles marked.

Colours are those of the page's CSS (`bar`, `mark`, `axis`), so that it can be light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from tollkeeper.cli.load.report import duration
from tollkeeper.cli.load.result import Spread

WIDTH, HEIGHT = 720, 230
TOP, BOTTOM = 38, 200
"""Between them the bars; marks are named above, ticks below."""
_MARKS = (("p50", "p50"), ("p90", "p90"), ("p99", "p99"))
_APART = 64.0
"""Between two names of ticks."""
_SHORTEST = 1e-6
"""Where the scale begins at the least: it has no 0."""


def chart(spread: Spread, name: str) -> str:
    """`name` says what is shown, to those who cannot see it; it has no markup in it."""
    scale = _Scale(spread.bars[0].above, spread.bars[-1].upto)
    most = max(bar.count for bar in spread.bars)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">']
    for bar in spread.bars:
        if bar.count:
            left, right = scale(bar.above), scale(bar.upto)
            height = max(1.5, (BOTTOM - TOP) * bar.count / most)
            told = f"{duration(bar.above)} to {duration(bar.upto)}: {bar.count:,}"
            parts.append(
                f'<rect class="bar" x="{left:.1f}" y="{BOTTOM - height:.1f}" width="{max(1.5, right - left - 1):.1f}"'
                f' height="{height:.1f}"><title>{told}</title></rect>'
            )
    parts.append(f'<line class="axis" x1="0" y1="{BOTTOM}" x2="{WIDTH}" y2="{BOTTOM}"/>')
    for seconds, place in _named(scale.ticks(), scale):
        parts.append(f'<line class="axis" x1="{place:.1f}" y1="{BOTTOM}" x2="{place:.1f}" y2="{BOTTOM + 5}"/>')
        parts.append(_text(place, BOTTOM + 20, duration(seconds)))
    for row, (label, field) in enumerate(_MARKS):
        place = scale(getattr(spread, field))
        # One above the other: they are often close together.
        parts.append(f'<line class="mark" x1="{place:.1f}" y1="{12 * row + 2}" x2="{place:.1f}" y2="{BOTTOM}"/>')
        side, anchor = (-3, "end") if place > WIDTH / 2 else (3, "start")
        parts.append(_text(place + side, 12 * row + 11, label, anchor))
    parts.append("</svg>")
    return "".join(parts)


class _Scale:
    """From seconds to a place across the picture."""

    def __init__(self, low: float, high: float) -> None:
        self._low = max(low, _SHORTEST)
        self._high = max(high, self._low * 1.01)

    def __call__(self, seconds: float) -> float:
        share = math.log(max(seconds, self._low) / self._low) / math.log(self._high / self._low)
        return min(1.0, share) * WIDTH

    def ticks(self) -> Iterator[float]:
        """Powers of ten, of few also 2 and 5 times those; the two ends where fewer than two of them fit."""
        powers = range(math.floor(math.log10(self._low)), math.ceil(math.log10(self._high)) + 1)
        fit = [digit * 10.0**power for power in powers for digit in ((1, 2, 5) if len(powers) < 5 else (1,))]
        fit = [seconds for seconds in fit if self._low <= seconds <= self._high]
        yield from fit if len(fit) > 1 else (self._low, self._high)


def _named(ticks: Iterator[float], scale: _Scale) -> Iterator[tuple[float, float]]:
    """Those whose names do not run into each other, and where they are."""
    free = -_APART
    for seconds in ticks:
        place = scale(seconds)
        if place >= free + _APART:
            free = place
            yield seconds, place


def _text(x: float, y: float, text: str, anchor: str | None = None) -> str:
    if anchor is None:
        anchor = "start" if x < 30 else "end" if x > WIDTH - 30 else "middle"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
