"""A distribution of durations as an SVG chart, on a logarithmic scale, with percentiles marked.

Colours come from the page's CSS (classes `bar`, `mark` and `axis`), which has a light and a dark scheme.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from tollkeeper.cli.load.report import duration
from tollkeeper.cli.load.result import Distribution

WIDTH, HEIGHT = 720, 230
TOP, BOTTOM = 38, 200
"""The bars are between these; labels of marks are above, those of ticks below."""
_MARKS = (("p50", "p50"), ("p90", "p90"), ("p99", "p99"))
_LABEL_WIDTH = 64.0
"""Least distance between labels of ticks."""
_SHORTEST = 1e-6
"""Lowest start of the scale: a logarithmic scale has no 0."""


def chart(distribution: Distribution, name: str) -> str:
    """Draw the distribution. `name` is the label for screen readers, without markup."""
    scale = _Scale(distribution.bars[0].above, distribution.bars[-1].upto)
    most = max(bar.count for bar in distribution.bars)
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">']
    for bar in distribution.bars:
        if bar.count:
            left, right = scale(bar.above), scale(bar.upto)
            height = max(1.5, (BOTTOM - TOP) * bar.count / most)
            label_text = f"{duration(bar.above)} to {duration(bar.upto)}: {bar.count:,}"
            parts.append(
                f'<rect class="bar" x="{left:.1f}" y="{BOTTOM - height:.1f}" width="{max(1.5, right - left - 1):.1f}"'
                f' height="{height:.1f}"><title>{label_text}</title></rect>'
            )
    parts.append(f'<line class="axis" x1="0" y1="{BOTTOM}" x2="{WIDTH}" y2="{BOTTOM}"/>')
    for seconds, position in _spaced(scale.ticks(), scale):
        parts.append(f'<line class="axis" x1="{position:.1f}" y1="{BOTTOM}" x2="{position:.1f}" y2="{BOTTOM + 5}"/>')
        parts.append(_text(position, BOTTOM + 20, duration(seconds)))
    for row, (label, field) in enumerate(_MARKS):
        position = scale(getattr(distribution, field))
        # Labels on separate rows: percentiles are often close together.
        parts.append(f'<line class="mark" x1="{position:.1f}" y1="{12 * row + 2}" x2="{position:.1f}" y2="{BOTTOM}"/>')
        side, anchor = (-3, "end") if position > WIDTH / 2 else (3, "start")
        parts.append(_text(position + side, 12 * row + 11, label, anchor))
    parts.append("</svg>")
    return "".join(parts)


class _Scale:
    """Scale from seconds to horizontal positions in the chart."""

    def __init__(self, low: float, high: float) -> None:
        self._low = max(low, _SHORTEST)
        self._high = max(high, self._low * 1.01)

    def __call__(self, seconds: float) -> float:
        share = math.log(max(seconds, self._low) / self._low) / math.log(self._high / self._low)
        return min(1.0, share) * WIDTH

    def ticks(self) -> Iterator[float]:
        """Ticks at powers of ten, on a short scale also at 2 and 5 times those; at both ends if fewer than two fit."""
        powers = range(math.floor(math.log10(self._low)), math.ceil(math.log10(self._high)) + 1)
        fit = [digit * 10.0**power for power in powers for digit in ((1, 2, 5) if len(powers) < 5 else (1,))]
        fit = [seconds for seconds in fit if self._low <= seconds <= self._high]
        yield from fit if len(fit) > 1 else (self._low, self._high)


def _spaced(ticks: Iterator[float], scale: _Scale) -> Iterator[tuple[float, float]]:
    """Ticks whose labels do not overlap, each with its position."""
    last = -_LABEL_WIDTH
    for seconds in ticks:
        position = scale(seconds)
        if position >= last + _LABEL_WIDTH:
            last = position
            yield seconds, position


def _text(x: float, y: float, text: str, anchor: str | None = None) -> str:
    if anchor is None:
        anchor = "start" if x < 30 else "end" if x > WIDTH - 30 else "middle"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
