"""Budgets of upstreams: what each has cost today and this month (UTC), and whether that is within its bounds.

An observer of settlement adds up what is spent, of every upstream, so that a budget that is set later counts it too.
What was spent before the start comes from sums by day. Cost counts in the day and month of its request's admission.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from tollkeeper.rules.times import month_bounds
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Reports
from tollkeeper.store.time_buckets import day_of


class UpstreamBudgets(Observer):
    """What upstreams have cost this month. `now` is milliseconds since the epoch."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._month = 0, 0
        """The beginning and the end of the month that the sums are of."""
        self._by_day: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._in_month: defaultdict[str, int] = defaultdict(int)

    def __repr__(self) -> str:
        return f"UpstreamBudgets({len(self._in_month)} upstreams)"

    async def load(self, reports: Reports) -> None:
        """Count what was spent this month. Call before any request is served."""
        for spent in await reports.spending(month_bounds(self._now())[0]):
            self._add(spent.upstream, spent.day, spent.cost_pico)

    def within(self, config: UpstreamConfig) -> bool:
        """Whether an upstream may be sent another request: it has not yet spent its budget of the day or month."""
        day, month = config.budget_per_day, config.budget_per_month
        if day is None and month is None:
            return True
        now = self._now()
        in_month = self._in_month[config.id] if now < self._month[1] else 0
        return (day is None or self._by_day[config.id, day_of(now)] < day) and (month is None or in_month < month)

    def settled(self, record: Record, allowance: int | None) -> None:  # noqa: ARG002 (an observer's)
        if record.cost_pico and record.upstream:
            self._add(record.upstream, day_of(record.created_at), record.cost_pico)

    def _add(self, upstream: str, day: int, cost: int) -> None:
        since, until = self._month
        if day >= until:
            self._month = month_bounds(day)
            self._by_day.clear()
            self._in_month.clear()
        elif day < since:
            return  # it was admitted before the month began
        self._by_day[upstream, day] += cost
        self._in_month[upstream] += cost
