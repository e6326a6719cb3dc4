"""Cells of CSV files that spreadsheets may open."""

from __future__ import annotations

import csv
from collections.abc import Iterable

# The quote itself is among them, so that removing one quote always restores the original text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def escape_formula(text: str) -> str:
    """The text, with a quote in front if a spreadsheet could take it for a formula."""
    return "'" + text if text.startswith(_FORMULA) else text


_NUMBERS = frozenset({"cost_usd", "cost_exact_usd"})
"""Columns of exact numbers that are stored as text: a leading minus begins no formula there."""


def format_cell(column: str, value: object) -> str:
    """The cell for a value of a column: numbers stay numbers, texts are escaped."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape_formula(value) if isinstance(value, str) and column not in _NUMBERS else str(value)


def encode_rows(rows: Iterable[Iterable[str]]) -> bytes:
    """Rows of cells as CSV in UTF-8."""
    text = _Text()
    csv.writer(text).writerows(rows)
    return "".join(text).encode(errors="replace")


class _Text(list[str]):
    write = list.append
