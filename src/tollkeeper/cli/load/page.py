"""The report as a self-contained HTML page: no scripts, no external files, in light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tollkeeper.cli.load.chart import chart
from tollkeeper.cli.load.report import Report, figures

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2024; --soft: #60646c; --line: #d9d9e0; --bar: #3a7bd5;
  --mark: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --ink: #edeef0; --soft: #a8adb6; --line: #363a41;
  --bar: #6aa5f5; --mark: #fb923c; } }
body { font: 15px/1.5 system-ui, sans-serif; background: var(--paper); color: var(--ink); max-width: 760px;
  margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { color: var(--soft); margin: .25rem 0; }
table { border-collapse: collapse; margin: .5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem 1.5rem .2rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; font-weight: 500; } .pairs td { text-align: left; }
svg { width: 100%; height: auto; } .bar { fill: var(--bar); } .axis { stroke: var(--soft); }
.mark { stroke: var(--mark); stroke-dasharray: 3 3; } text { fill: var(--soft); font-size: 11px; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """Format the report as HTML."""
    title = escape(report.title)
    columns = report.columns()
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1><p>{escape(report.url)}, {escape(report.started_at)}</p>",
        _pairs(report.facts()),
    ]
    if columns:
        names = "".join(f'<th scope="col">{escape(column.name)}</th>' for column in columns)
        parts.append(f"<h2>Durations</h2><table><thead><tr><th></th>{names}</tr></thead><tbody>")
        for name, cells in figures(columns):
            shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            parts.append(f'<tr><th scope="row">{escape(name)}</th>{shown}</tr>')
        parts.append("</tbody></table>")
    for column in columns:
        name = escape(f"Distribution: {column.name}")
        parts.append(f"<h2>{name}</h2>{chart(column.distribution, name)}")
        parts.append(f"<p>{column.distribution.count:,} measured; the scale is logarithmic.</p>")
    parts.append(f"<h2>Outcomes</h2>{_pairs(report.outcomes())}</body></html>\n")
    return "".join(parts)


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    rows = (f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in pairs)
    return f'<table class="pairs"><tbody>{"".join(rows)}</tbody></table>'
