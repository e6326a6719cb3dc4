"""The style of an invoice's document, and the content security policy that allows this style and nothing else.

The policy stands in the document, too, so that it holds for a file that was saved. (Content Security Policy Level 3,
W3C; page boxes: CSS Paged Media Level 3.)
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

STYLE = """
:root { color-scheme: light; --quiet: #555b66; --line: #d5d8de; }
* { box-sizing: border-box; }
body {
  max-width: 178mm; margin: 24px auto; padding: 0 16px; background: #fff; color: #16181d;
  font: 10pt/1.45 "Inter Variable", system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 18pt; font-weight: 600; line-height: 1.2; }
h2 { margin: 20pt 0 4pt; font-size: 11pt; font-weight: 600; break-after: avoid; }
p { margin: 0; }
header, .parties { display: grid; grid-template-columns: 1fr 1fr; gap: 8mm; }
header { grid-template-columns: 1.4fr 1fr; align-items: start; margin-bottom: 8mm; }
.name { font-weight: 600; }
.label, .quiet { color: var(--quiet); }
.label { font-size: 8.5pt; }
.state {
  display: inline-block; margin-top: 4pt; padding: 1pt 6pt; border: 1.5pt solid currentcolor; border-radius: 3pt;
  font-weight: 600;
}
.state[data-state="draft"] { color: #8a5200; }
.state[data-state="void"] { color: #b3231c; }
.state[data-state="paid"] { color: #0b6e44; }
.note { margin-top: 4mm; padding: 6pt 8pt; border-left: 2pt solid var(--line); }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 2pt 10pt; margin: 0; }
dl.facts dt { color: var(--quiet); }
dl.facts dd { margin: 0; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th { padding: 3pt 4pt; border-bottom: 1pt solid #16181d; font-size: 8.5pt; font-weight: 600; text-align: left; }
th, td { vertical-align: top; overflow-wrap: break-word; }
.long { min-width: 24mm; overflow-wrap: anywhere; }
td { padding: 3pt 4pt; border-bottom: .5pt solid var(--line); }
.number { text-align: right; white-space: nowrap; overflow-wrap: normal; }
.totals { width: min(100%, 105mm); margin: 8mm 0 0 auto; break-inside: avoid; }
.totals th { border-bottom: .5pt solid var(--line); font-size: 10pt; font-weight: 400; }
.totals tr.total th, .totals tr.total td {
  border-top: 1pt solid #16181d; border-bottom: none; padding-top: 5pt; font-size: 13pt; font-weight: 600;
}
.totals tr.exact th, .totals tr.exact td { border: none; padding-top: 0; color: var(--quiet); font-size: 8.5pt; }
footer {
  margin-top: 12mm; padding-top: 4mm; border-top: .5pt solid var(--line); color: var(--quiet); font-size: 8pt;
  break-inside: avoid;
}
code { font: 7.5pt/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media screen and (max-width: 600px) {
  header, .parties { grid-template-columns: 1fr; gap: 5mm; }
  /* Rows are stacked: what it is and what it costs, and below them the rest, each with its column's name. */
  .scroll :is(table, tbody) { display: block; }
  .scroll thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .scroll tr { display: flex; flex-wrap: wrap; gap: 1pt 9pt; padding: 5pt 0; border-bottom: .5pt solid var(--line); }
  .scroll tr::after { content: ""; flex: 0 0 100%; order: 1; }
  .scroll td { order: 2; min-width: 0; padding: 0; border: 0; color: var(--quiet); font-size: 8.5pt; }
  .scroll td:not(:first-child, :last-child)::before { content: attr(data-label) " "; }
  .scroll td:is(:first-child, :last-child) { order: 0; color: inherit; font-size: inherit; }
  .scroll td:first-child { flex: 1 1 0; }
}
@page {
  size: A4; margin: 16mm 16mm 18mm;
  @bottom-right { content: "Page " counter(page) " of " counter(pages); color: #555b66; font: 8pt sans-serif; }
}
@media print {
  body { max-width: none; margin: 0; padding: 0; }
  .scroll { overflow: visible; }
}
"""

POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'"
)
"""The policy in the document; one in a header may add what only a header can say."""
