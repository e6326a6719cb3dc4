"""Cells of CSV, as spreadsheets read them."""

from __future__ import annotations

# The quote itself is among them, so that taking one away from a text that begins with it always gives back what was
# there.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that might be begins with a quote."""
    return "'" + text if text.startswith(_FORMULA) else text
