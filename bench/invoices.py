"""How long it takes to close a month, with many payers and records.

    python -m bench.invoices [--users 10000] [--records 1000000] [--keep FOLDER]

The database is written beforehand: a month of records, spread evenly over its days, over all users and 5 models, one in
a hundred of the users' requests for a team. Then, one after the other: the sums of the month by payer, which the
admins' page of it shows; the draft of a user; the month's invoices, each in a transaction of its own; the same page
again; the look for late records that a second finalizing takes; and the verification of one invoice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import uvloop

from bench.database import asked_database, write_records
from tollkeeper.app.ids import RequestIds
from tollkeeper.rules.invoices import PayerId
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import format_month, month_bounds, parse_month
from tollkeeper.rules.usage import Usage
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.billing.billing import Billing
from tollkeeper.services.billing.parties import Terms
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.ports.records import Record
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.wire.openai.request import CHAT

T = TypeVar("T")
new_id = RequestIds()
MONTH = parse_month("2026-10")
END = month_bounds(MONTH)[1]
MODELS, TEAMS = 5, 20
BENCH = Actor("bench")
PRICE = Price(0, "*", 150_000, 600_000, 75_000, None, 0, 0)


class Measured(NamedTuple):
    """One figure: what was done, the seconds that passed, those of CPU that all threads took, which other programs on
    the machine change less, and the seconds that it may take; None: any."""

    name: str
    seconds: float
    cpu: float
    most: float | None = None


async def prepare(path: Path, users: int, records: int) -> None:
    """Write a price and the records of a month."""
    store = await open_store(path, now=lambda: END)
    [price] = await store.prices.add([PRICE], BENCH.entry(END, "bench", "*", {}))
    await store.close()
    await asyncio.to_thread(write_records, path, records, partial(_record, users=users, count=records, price=price))


def _record(number: int, *, users: int, count: int, price: Price) -> Record:
    at = MONTH + (END - MONTH) * number // count
    user, model = number * 7919 % users, f"model-{number % MODELS}:latest"
    usage = Usage(26, 3, 0, 64 + user % 100, 0)
    return Record(
        request_id=new_id(at),
        created_at=at,
        settled_at=at + 700,
        user_id=f"user-{user:05}",
        key_id=f"key_{user}",
        team_id=f"team_{user % TEAMS}" if number % 100 == 0 else None,
        model=model,
        requested_model=model,
        endpoint=CHAT.path,
        upstream="default",
        stream=True,
        status="completed",
        usage=usage,
        price_id=price.id,
        cost_pico=price.cost(usage),
        latency_ms=700,
    )


async def measure(path: Path) -> list[Measured]:
    """Close the month, and measure each step."""
    store: SqliteStore = await open_store(path, now=lambda: END)
    billing = Billing(store, Terms(), lambda _: None, lambda: END, outbox=Outbox(store.events, lambda: END))
    month = format_month(MONTH)
    found = []

    async def timed(name: str, work: Awaitable[T], most: float | None = None) -> T:
        began, used = time.perf_counter(), time.process_time()
        result = await work
        found.append(Measured(name, time.perf_counter() - began, time.process_time() - used, most))
        return result

    payers = await timed("sums of the month by payer", billing.drafts(month), 0.2)
    await timed("draft of a user", billing.draft(PayerId("user", "user-00007"), month))
    done = await timed(f"{len(payers)} invoices", billing.finalize(month, by=BENCH), 60)
    assert len(done.issued) == len(payers)
    await timed("sums of the month, finalized", billing.drafts(month), 0.2)
    await timed("what stands in the way of its close", billing.check(month), 0.2)
    await timed("finalizing once more", billing.finalize(month, by=BENCH))
    assert await timed("verification of one invoice", billing.verify(done.issued[0].number)) == []
    await store.close()
    return found


async def run(path: Path, users: int, records: int) -> list[Measured]:
    if not path.exists():
        await prepare(path, users, records)
    return await measure(path)


def main() -> None:
    with asked_database("bench.invoices", "How long it takes to close a month.", "invoices.db") as asked:
        print(f"{'milliseconds':40}{'':12}{'CPU':>12}")
        for each in uvloop.run(run(*asked)):
            bound = "" if each.most is None else f"   at most {each.most * 1000:,.0f}"
            print(f"{each.name:40}{each.seconds * 1000:12,.1f}{each.cpu * 1000:12,.1f}{bound}")


if __name__ == "__main__":
    main()
