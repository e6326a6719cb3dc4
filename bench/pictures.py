"""Bars on a logarithmic scale, as SVG that can be read in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

from bench.results import TOLLKEEPER
from bench.table import number

_WIDTH, _LINE, _TOP, _LEFT, _RIGHT = 640, 26, 44, 170, 90
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.scale{fill:#59636e;font-size:11px}"
    "line{stroke:#d1d9e0}rect{fill:#8c959f}rect.ours{fill:#0969da}"
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.scale{fill:#9198a1}line{stroke:#3d444d}rect{fill:#656c76}"
    "rect.ours{fill:#4493f8}}"
)


class Bar(NamedTuple):
    """A contender's figure."""

    name: str
    value: float


def bars(title: str, unit: str, shown: Sequence[Bar]) -> str:
    """A picture of figures above 0; what is not stands as a number without a bar."""
    above = [bar.value for bar in shown if bar.value > 0]
    low = floor(log10(min(above))) if above else 0
    high = max(ceil(log10(max(above))), low + 1) if above else 1
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low)
    bottom = _TOP + _LINE * len(shown)
    parts = [f'<text class="title" x="8" y="20">{escape(title)}</text>']
    for power in range(low, high + 1):
        x = _LEFT + (power - low) * scale
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(f'<text class="scale" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{10.0**power:,g}</text>')
    for place, bar in enumerate(shown):
        y = _TOP + place * _LINE
        wide = max(2.0, (log10(bar.value) - low) * scale) if bar.value > 0 else 0.0
        ours = ' class="ours"' if bar.name == TOLLKEEPER else ""
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(bar.name)}</text>')
        parts.append(f'<rect{ours} x="{_LEFT}" y="{y}" width="{wide:.1f}" height="{_LINE - 8}" rx="2"/>')
        parts.append(f'<text x="{_LEFT + wide + 6:.1f}" y="{y + 14}">{number(bar.value)} {escape(unit)}</text>')
    height = bottom + 26
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
        f' role="img" aria-label="{escape(title)}"><style>{_STYLE}</style>{"".join(parts)}</svg>\n'
    )
