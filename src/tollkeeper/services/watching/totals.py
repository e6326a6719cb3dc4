"""Running totals of today and this month, of everyone by user and model or of one user, while there are viewers.

They are read once from the reports, and every settlement is added from then on: the figures of the reports, without a
query each second. Without viewers nothing is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from heapq import nsmallest
from itertools import islice

from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import DAY
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.store.ports.ledger import Ledger
from tollkeeper.store.ports.records import Record, requests_of
from tollkeeper.store.ports.reports import Filter, Group, Reports, Totals

TOP = 10


class Tally:
    """Sums over records; `errors` counts those of failed requests."""

    __slots__ = ("completion_tokens", "cost_pico", "errors", "prompt_tokens", "requests")

    def __init__(self) -> None:
        self.requests = self.prompt_tokens = self.completion_tokens = self.cost_pico = self.errors = 0

    def __repr__(self) -> str:
        return f"Tally({self.totals()!r}, errors={self.errors})"

    def add(self, record: Record) -> None:
        usage = record.usage
        self.requests += requests_of(record)
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        self.cost_pico += record.cost_pico
        self.errors += record.status == "failed"

    def add_totals(self, totals: Totals) -> None:
        self.requests += totals.requests
        self.prompt_tokens += totals.prompt_tokens
        self.completion_tokens += totals.completion_tokens
        self.cost_pico += totals.cost_pico

    def totals(self) -> Totals:
        return Totals(
            requests=self.requests,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cost_pico=self.cost_pico,
        )


class Table:
    """Tallies by name, with the top ten by cost, then by requests."""

    def __init__(self) -> None:
        self.rows: dict[str, Tally] = {}
        self._top: list[str] | None = None
        self._touched: set[str] = set()

    def add(self, name: str, record: Record) -> None:
        self._row(name).add(record)
        if record.cost_pico < 0:
            self._top = None  # one below the tenth may be above it now
        elif self._top is not None:
            self._touched.add(name)

    def add_totals(self, name: str, totals: Totals) -> None:
        self._row(name).add_totals(totals)
        self._top = None

    def top(self) -> list[tuple[str, Tally]]:
        """The top ten. While figures only grow, they are among the previous top ten and those that changed since."""
        among: Iterable[str] = self.rows if self._top is None else {*self._top, *self._touched}
        self._top = nsmallest(TOP, among, key=self._rank)
        self._touched = set()
        return [(name, self.rows[name]) for name in self._top]

    def _row(self, name: str) -> Tally:
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = Tally()
        return row

    def _rank(self, name: str) -> tuple[int, int, str]:
        row = self.rows[name]
        return -row.cost_pico, -row.requests, name


class Period:
    """Usage from `since` to `until` (exclusive), in milliseconds since the epoch: in total, and by group."""

    def __init__(self, since: int, until: int, groups: Iterable[Group]) -> None:
        self.since = since
        self.until = until
        self.total = Tally()
        self.by: dict[Group, Table] = {group: Table() for group in groups}

    def __repr__(self) -> str:
        return f"Period({self.since}, {self.until}, {self.total!r})"

    def add(self, record: Record) -> None:
        if not self.since <= record.created_at < self.until:
            return
        self.total.add(record)
        for group, table in self.by.items():
            name = record.user_id if group == "user" else record.model
            if name:  # an adjustment has no model
                table.add(name, record)

    def of_user(self, user_id: str) -> Tally:
        return self.by["user"].rows.get(user_id) or Tally()

    async def read(self, reports: Reports, upto: int, user_id: str | None = None) -> None:
        """Add the sums of the reports, up to record `upto` of the chain, of one user or of everyone."""
        which = Filter(user_id=user_id, since=self.since, until=self.until)
        for group, table in self.by.items():
            for (name,), totals in await reports.summary(which, [group], upto=upto):
                if name:
                    table.add_totals(name, totals)
        for (status,), totals in await reports.summary(which, ["status"], upto=upto):
            self.total.add_totals(totals)
            self.total.errors += totals.requests if status == "failed" else 0


class RunningTotals(Observer):
    """Totals of today and this month, kept while there are viewers: of everyone, by group, or of one user. `now` is
    milliseconds since the epoch."""

    def __init__(self, ledger: Ledger, reports: Reports, now: Callable[[], int], *, user_id: str | None = None) -> None:
        self._ledger = ledger
        self._reports = reports
        self._now = now
        self._user_id = user_id
        self._reading: asyncio.Task[None] | None = None
        self.today = self._day(now())
        self.month = self._month(now())
        self._changed: dict[str, None] = {}
        self.kept = False
        """Whether settled records are added to the totals."""

    def __repr__(self) -> str:
        return f"RunningTotals({'kept' if self.kept else 'not kept'})"

    def settled(self, record: Record, allowance: int | None) -> None:  # noqa: ARG002 (an observer's)
        if self.kept and self._user_id in (None, record.user_id):
            self.turn(record.created_at)
            self.today.add(record)
            self.month.add(record)
            self._changed[record.user_id] = None

    async def keep(self) -> None:
        """Read the totals, and keep them up to date from now on. Raises StoreError; then call `forget`."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._begin())
        await asyncio.shield(self._reading)

    def forget(self) -> None:
        """Drop the totals, after the last viewer has left."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None
        self.kept = False
        self.today, self.month = self._day(self._now()), self._month(self._now())
        self._changed = {}

    async def renew(self) -> None:
        """Read the totals anew, if they are kept: a user has another name. Raises StoreError."""
        if self.kept:
            self.forget()
            await self.keep()

    def changed(self, most: int) -> list[str]:
        """Remove and return up to `most` users with new usage since they were last returned, longest ago first."""
        taken = list(islice(self._changed, most))
        for user_id in taken:
            del self._changed[user_id]
        return taken

    def turn(self, at: int) -> None:
        """Reset the totals of a day or month that has ended by `at`."""
        if at >= self.today.until:
            self.today = self._day(at)
        if at >= self.month.until:
            self.month = self._month(at)

    async def _begin(self) -> None:
        # In one step: records settled from here on are added; those settled before are numbered up to the mark.
        at = self._now()
        self.today, self.month = today, month = self._day(at), self._month(at)
        self.kept = True
        mark = self._ledger.mark()
        upto = await asyncio.shield(mark)
        for span in (today, month):
            await span.read(self._reports, upto, self._user_id)

    def _day(self, at: int) -> Period:
        start = at - at % DAY
        return Period(start, start + DAY, ("user", "model") if self._user_id is None else ())

    def _month(self, at: int) -> Period:
        return Period(*month_bounds(at), ("user",) if self._user_id is None else ())
