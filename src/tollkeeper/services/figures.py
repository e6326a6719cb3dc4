"""Sums of today and of this month by user and model, kept up to date while somebody looks.

They are read once from the reports, and every settlement is added from then on: the same figures the reports would
give, without asking them each second. While nobody looks nothing is kept, and a settlement costs one look at
`listener`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from heapq import nsmallest
from itertools import islice

from tollkeeper.rules.times import month_of
from tollkeeper.store.ports import Filter, Group, Ledger, Record, Reports, Totals, requests_of

DAY_MS = 86_400_000
TOP = 10


class Tally:
    """Sums over records; `errors` are those that failed."""

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
    """Tallies by name, and the first ten of them by cost, then by requests."""

    def __init__(self) -> None:
        self.rows: dict[str, Tally] = {}
        self._top: list[str] | None = None
        self._touched: set[str] = set()

    def add(self, name: str, record: Record) -> None:
        self._row(name).add(record)
        if record.cost_pico < 0:
            self._top = None  # whoever comes after the tenth may now be before
        elif self._top is not None:
            self._touched.add(name)

    def add_totals(self, name: str, totals: Totals) -> None:
        self._row(name).add_totals(totals)
        self._top = None

    def top(self) -> list[tuple[str, Tally]]:
        """Where figures only grew, nobody can be among the first who was not, and was not touched since."""
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


class Span:
    """What was used from `since` to `until` (not included), milliseconds since the epoch: in all, and by group."""

    def __init__(self, since: int, until: int, groups: Iterable[Group]) -> None:
        self.since = since
        self.until = until
        self.total = Tally()
        self.by: dict[Group, Table] = {group: Table() for group in groups}

    def __repr__(self) -> str:
        return f"Span({self.since}, {self.until}, {self.total!r})"

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

    async def read(self, reports: Reports, upto: int) -> None:
        """Add what the reports have, up to that number in the chain."""
        which = Filter(since=self.since, until=self.until)
        for group, table in self.by.items():
            for (name,), totals in await reports.summary(which, [group], upto=upto):
                if name:
                    table.add_totals(name, totals)
        for (status,), totals in await reports.summary(which, ["status"], upto=upto):
            self.total.add_totals(totals)
            self.total.errors += totals.requests if status == "failed" else 0


def _day(at: int) -> Span:
    start = at - at % DAY_MS
    return Span(start, start + DAY_MS, ("user", "model"))


def _month(at: int) -> Span:
    return Span(*month_of(at), ("user",))


class Figures:
    """`now` is milliseconds since the epoch."""

    def __init__(self, ledger: Ledger, reports: Reports, now: Callable[[], int]) -> None:
        self._ledger = ledger
        self._reports = reports
        self._now = now
        self._reading: asyncio.Task[None] | None = None
        self.today = _day(now())
        self.month = _month(now())
        self._changed: dict[str, None] = {}
        self.listener: Callable[[Record], None] | None = None
        """To be called with every record that is settled, where it is not None."""

    def __repr__(self) -> str:
        return f"Figures({'kept' if self.listener else 'not kept'})"

    def settled(self, record: Record) -> None:
        """A record was given to the ledger just now."""
        if self.listener is not None:
            self.listener(record)

    async def keep(self) -> None:
        """Have figures, and keep them up to date from now on. Raises StoreError for all who ask; then they are to be
        forgotten."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._begin())
        await asyncio.shield(self._reading)

    def forget(self) -> None:
        """Nobody looks any more."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None
        self.listener = None
        self.today, self.month = _day(self._now()), _month(self._now())
        self._changed = {}

    def changed(self, most: int) -> list[str]:
        """Of whom records were settled that nobody was told of yet, those first who wait longest; now they are told."""
        told = list(islice(self._changed, most))
        for user_id in told:
            del self._changed[user_id]
        return told

    def turn(self, at: int) -> None:
        """Begin a new day or month where one has begun by `at`."""
        if at >= self.today.until:
            self.today = _day(at)
        if at >= self.month.until:
            self.month = _month(at)

    async def _begin(self) -> None:
        # In one step: what is settled from here on is heard, what was settled before has at most the mark's number.
        at = self._now()
        self.today, self.month = today, month = _day(at), _month(at)
        self.listener = self._hear
        mark = self._ledger.mark()
        upto = await asyncio.shield(mark)
        for span in (today, month):
            await span.read(self._reports, upto)

    def _hear(self, record: Record) -> None:
        self.turn(record.created_at)
        self.today.add(record)
        self.month.add(record)
        self._changed[record.user_id] = None
