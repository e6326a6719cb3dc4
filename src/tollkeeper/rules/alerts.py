"""Alerts on budgets: which thresholds are reached, and when each may be reported again.

A threshold is a percentage of a budget. It is reported once when the use reaches it, and again only after the use fell
below it, or in another calendar month. A budget may also be spent below 100 %: where a request no longer fits into what
is left, and that is at most a tenth.
"""

from __future__ import annotations

from collections.abc import Iterable

from tollkeeper.rules.limits import COUNTED
from tollkeeper.rules.windows import Span, month_of, month_start

EXHAUSTED = 100
"""The percentage from which on a budget is exhausted."""
NEARLY = 90
"""The percentage from which on a budget that refuses a request counts as exhausted."""


def is_budget(name: str) -> bool:
    """Whether a limit, by its name, is a budget."""
    counted = COUNTED.get(name)
    return counted is not None and counted.is_budget


def is_reached(used: int, limit: int, percent: int) -> bool:
    """Whether the use of a limit has reached a percentage of it. A limit of 0 blocks, and has none."""
    return limit > 0 and used * 100 >= limit * percent


def reached(used: int, limit: int, percentages: Iterable[int], *, refuses: bool = False) -> dict[int, int]:
    """The percentages that are reached, each with the one below which the use must fall before it is reported again.
    `refuses`: the budget has refused a request."""
    found = {}
    for percent in percentages:
        if is_reached(used, limit, percent):
            found[percent] = percent
        elif refuses and percent == EXHAUSTED and is_reached(used, limit, NEARLY):
            found[percent] = NEARLY
    return found


def window_of(span: Span, at: int) -> int:
    """The beginning of the calendar window that holds `at`; 0 where a span has no calendar: a sliding day, all time."""
    return month_start(month_of(at)) if span == "month" else 0
