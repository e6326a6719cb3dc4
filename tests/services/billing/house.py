"""Billing over a store, with a clock that a test sets, and requests and refunds to bill."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from tollkeeper.rules.ids import request_id
from tollkeeper.rules.invoices import PayerId, Seller
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import month_bounds, parse_month, parse_time
from tollkeeper.rules.usage import Usage
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.billing.billing import Billing
from tollkeeper.services.billing.parties import Party, Terms
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.ports.store import Store

ROOT = Actor("@bootstrap", "127.0.0.1")
OCTOBER, NOVEMBER, DECEMBER = (parse_month(f"2026-{month}") for month in (10, 11, 12))
DAY = 86_400_000
ANN, BOB = PayerId("user", "ann"), PayerId("user", "bob")
TEAM = PayerId("team", "team_1")
TERMS = Terms(Seller("Tollkeeper Ltd", "1 Toll Road", "GB1"), "TK", 14, {"VAT": 190_000})
PRICE = Price(0, "llama3.2:1b", 150_000, 600_000, 75_000, None, 0, 0)
"""0.15 $ a million tokens in, 0.60 $ out; half of that where they are cached."""


class Named(Struct, frozen=True):
    """A user or team, as billing sees it."""

    name: str | None
    address: str | None = None
    tax_id: str | None = None


@dataclass
class House:
    """Billing, and what it bills. `now` is the time."""

    store: Store
    billing: Billing
    clock: list[int]
    parties: dict[PayerId, Party]
    prices: dict[str, Price] = field(default_factory=dict)

    @property
    def now(self) -> int:
        return self.clock[0]

    @now.setter
    def now(self, at: int | str) -> None:
        self.clock[0] = parse_time(at) if isinstance(at, str) else at

    async def price(self, price: Price) -> Price:
        audit = AuditEntry(self.now, "admin", "price.add", price.model, "{}", None)
        [added] = await self.store.prices.add([price], audit)
        self.prices[price.model] = added
        return added

    async def used(self, at: int, prompt: int = 1000, completion: int = 100, **fields: Any) -> Record:
        """A request that ended: of `llama3.2:1b` where no model is given, by the price of that."""
        return await self.settle(self.request(at, prompt, completion, **fields))

    def request(self, at: int, prompt: int = 1000, completion: int = 100, **fields: Any) -> Record:
        usage = fields.pop("usage", Usage(prompt, 0, 0, completion, 0))
        model = fields.setdefault("model", "llama3.2:1b")
        price = fields.pop("price", self.prices.get(model))
        cost = {} if price is None else {"cost_pico": price.cost(usage), "price_id": price.id}
        return Record(**{
            "request_id": request_id(at, os.urandom(8)), "created_at": at, "settled_at": at + 700, "user_id": "ann",
            "key_id": "key_1", "requested_model": model, "endpoint": "/v1/chat/completions", "upstream": "default",
            "stream": False, "status": "completed", "usage": usage, **cost, **fields,
        })  # fmt: skip

    async def adjusted(self, at: int, cost_pico: int, reason: str = "an outage", **fields: Any) -> Record:
        metadata = msgspec.json.encode({"reason": reason, "by": "admin"}).decode()
        return await self.settle(self.request(
            at, model="", endpoint=ADJUSTMENT, upstream="", key_id=None, usage=Usage(), cost_pico=cost_pico,
            metadata=metadata, **fields,
        ))  # fmt: skip

    async def settle(self, *records: Record) -> Record:
        futures = [self.store.ledger.settle(record) for record in records]
        for future in futures:
            await future
        return records[-1]


def house(store: Store, terms: Terms = TERMS, patience: float = 60) -> House:
    """Billing over a store, at noon of 2 December 2026."""
    clock = [DECEMBER + DAY + DAY // 2]

    def now() -> int:
        return clock[0]

    parties: dict[PayerId, Party] = {
        ANN: Named("Ann Lee", "2 Main Street", "DE2"), BOB: Named("Bob"), TEAM: Named("Blue"),
    }  # fmt: skip
    billing = Billing(store, terms, parties.get, now, outbox=Outbox(store.events, now), patience=patience)
    return House(store, billing, clock, parties)


async def finalize_all(store: Store, now: int) -> None:
    """Invoice all records that end before the month of `now`."""
    found = house(store)
    found.now = now
    for month in await found.billing.open_months():
        await found.billing.finalize(month, by=ROOT)


def end_of(month: int) -> int:
    return month_bounds(month)[1]


async def only_invoice(here: House) -> str:
    """The number of the only invoice of November."""
    [issued] = (await here.billing.finalize("2026-11", by=ROOT)).issued
    return issued.number
