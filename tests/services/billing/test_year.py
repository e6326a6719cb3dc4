"""A simulated year: every pico-dollar that was used is on exactly one invoice or draft, whatever happens on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from tests.services.billing.house import DAY, PRICE, ROOT, House, Named, end_of, house
from tollkeeper.rules.errors import Conflict
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.rules.money import parse_usd
from tollkeeper.rules.times import format_month, parse_month
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.invoices import InvoiceFilter
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import verify

JANUARY = parse_month("2026-01")
USERS, TEAMS, REQUESTS = 300, 20, 3
MODELS = ("llama3.2:1b", "gpt-x", "free")
Place = tuple[PayerId, str]
"""A payer and a month."""


class Killed(Exception):
    """The process would have ended here."""


@contextmanager
def killed_at(store: SqliteStore, step: int) -> Iterator[None]:
    """Fail before a statement of those that write, counted from now, as a kill would."""
    left = [step]

    def count(*_: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed

    engine = store._writer._engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)


class Year:
    """What happens in it, chosen by the dice. `held_back` are requests that end only after their month is finalized."""

    def __init__(self, here: House, store: SqliteStore, dice: random.Random) -> None:
        self.here = here
        self.store = store
        self.dice = dice
        self.held_back: list[Record] = []
        self.kills = 0
        for number in range(USERS):
            here.parties[PayerId("user", f"user{number}")] = Named(f"User {number}")
        for number in range(TEAMS):
            here.parties[PayerId("team", f"team_{number}")] = Named(f"Team {number}")

    async def month(self, start: int) -> None:
        """Requests of a month, with a change of prices in its middle; then, once it has ended, its close."""
        half = start + 15 * DAY
        ended, self.held_back = self.held_back, []
        for since, until in ((start, half), (half, end_of(start))):
            for model in MODELS[:2]:
                figures = {"input": self.dice.randrange(10**7), "output": self.dice.randrange(10**7)}
                await self.here.price(replace(PRICE, model=model, **figures))
            for user in range(USERS):
                for _ in range(self.dice.randrange(REQUESTS)):
                    request = self.request(user, self.dice.randrange(since, until))
                    (self.held_back if self.dice.random() < 0.03 else ended).append(request)
        await self.here.settle(*ended)
        for _ in range(10):
            at, cost = self.dice.randrange(start, end_of(start)), self.dice.randrange(-(10**11), 10**10)
            await self.here.adjusted(at, cost, **self.who(self.dice.randrange(USERS)))
        await self.close(start)

    def request(self, user: int, at: int) -> Record:
        cached, written = self.dice.randrange(500), self.dice.randrange(500)
        usage = Usage(1000 + self.dice.randrange(4000), cached, written, self.dice.randrange(1000))
        return self.here.request(at, usage=usage, model=self.dice.choice(MODELS), **self.who(user))

    def who(self, user: int) -> dict[str, Any]:
        return {"user_id": f"user{user}", "team_id": None if user % 3 == 0 else f"team_{user % TEAMS}"}

    async def close(self, start: int) -> None:
        """Finalize the month, killed now and then; void, pay, correct and credit some invoices."""
        month, billing = format_month(start), self.here.billing
        self.here.now = end_of(start) + 3 * DAY
        await self.finalize(month)
        issued = [each for each in await billing.list(InvoiceFilter(month=month), limit=10**6) if each.corrects is None]
        for invoice in self.dice.sample(issued, 6):
            await self.change(invoice)
        await billing.add_credit(self.dice.choice(issued).payer.ref, self.dice.randrange(1, 10**11), "prepaid", by=ROOT)
        if self.dice.random() < 0.7:
            await self.finalize(month)

    async def finalize(self, month: str) -> None:
        while True:
            try:
                with killed_at(self.store, self.dice.randrange(1, 900)):
                    await self.here.billing.finalize(month, by=ROOT)
            except Killed:
                self.kills += 1
            else:
                return

    async def change(self, invoice: Invoice) -> None:
        billing = self.here.billing
        try:
            match self.dice.randrange(3):
                case 0:
                    await billing.void(invoice.id, "a mistake", by=ROOT)
                case 1:
                    await billing.pay(invoice.id, "bank", by=ROOT)
                case 2:
                    await billing.pay(invoice.id, None, by=ROOT)
                    await billing.credit_note(invoice.id, "another mistake", by=ROOT)
        except Conflict as conflict:
            if conflict.code != "credit_spent":
                raise


async def invoiced(here: House) -> Counter[Place]:
    """What all invoices that are not void charge, by payer and month of the records."""
    sums: Counter[Place] = Counter()
    for invoice in await here.billing.list(InvoiceFilter(), limit=10**6):
        if invoice.status != "void":
            for line in invoice.lines:
                sums[invoice.payer.ref, invoice.month] += parse_usd(line.cost_exact_usd)
            for late in invoice.late:
                sums[invoice.payer.ref, late.month] += parse_usd(late.cost_exact_usd)
            for item in invoice.adjustments:
                sums[invoice.payer.ref, item.month] += parse_usd(item.cost_exact_usd)
    return sums


async def drafted(here: House) -> Counter[Place]:
    """What is on no invoice, by payer and month, by the sums of months."""
    return Counter({
        (each.payer, month): each.open_pico
        for month in await here.billing.open_months()
        for each in await here.billing.drafts(month)
    })  # fmt: skip


def used(records: list[Record]) -> Counter[Place]:
    sums: Counter[Place] = Counter()
    for record in records:
        payer = PayerId("team", record.team_id) if record.team_id else PayerId("user", record.user_id)
        sums[payer, format_month(record.created_at)] += record.cost_pico
    return sums


def without_zeros(sums: Counter[Place]) -> dict[Place, int]:
    return {place: cost for place, cost in sums.items() if cost}


@pytest.mark.long
@pytest.mark.parametrize("seed", [1])
async def test_a_year_adds_up_to_the_pico_dollar(tmp_path: Path, seed: int) -> None:
    store = await open_store(tmp_path / "year.db", now=lambda: JANUARY)
    here = house(store)
    year = Year(here, store, random.Random(seed))
    start = JANUARY
    while start < parse_month("2027-01"):
        await year.month(start)
        start = end_of(start)
    assert year.kills > 12
    records = await store.reports.records(Filter(), limit=10**6, after=None)
    charged, open_ = await invoiced(here), await drafted(here)
    charged.update(open_)
    assert without_zeros(charged) == without_zeros(used(records))
    by_user = {user: totals.cost_pico for (user,), totals in await store.reports.summary(Filter(), ["user"])}
    assert sum(by_user.values()) == sum(charged.values())
    numbers = sorted(each.number or "" for each in await here.billing.list(InvoiceFilter(), limit=10**6))
    for issued in ("2026", "2027"):
        of_year = [number for number in numbers if number.startswith(f"TK-{issued}")]
        assert of_year == [f"TK-{issued}-{n:06d}" for n in range(1, len(of_year) + 1)]
    for payer, month in year.dice.sample(sorted(place for place, cost in open_.items() if cost), 5):
        draft = await here.billing.draft(payer, month)
        adjusted = [item for item in draft.adjustments if item.month == month]
        if any(each.payer == payer and each.invoice_id for each in await here.billing.drafts(month)):
            assert draft.lines == ()  # what is open of an invoiced month is late, on the next
        else:
            costs = [item.cost_exact_usd for item in draft.lines] + [item.cost_exact_usd for item in adjusted]
            assert sum(map(parse_usd, costs)) == open_[payer, month]
    await store.close()
    assert verify(tmp_path / "year.db").faults == ()
