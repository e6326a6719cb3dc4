"""Budgets whose use a test sets, and the events that alerts on them make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.services.in_memory import START, Clock
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.owners import END_USER, KEY, USER, Owner, Owners
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.alerts.budgets import BudgetAlerts
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.limits.usage import LimitUsage
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.counters import PastUse

USD = 10**12
MIA = Owner(END_USER, "eu_1", Limits({"requests_total": 5}), ("ann",), end_users=("eu_1",))
"""Somebody for whom ann's key acts."""


@dataclass
class Budgets:
    """Ann, with a key, on real counters. `again` is another process, or the same after a restart."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    counters: MemoryCounters = field(default_factory=MemoryCounters)
    owners: dict[tuple[str, str | None], Owners] = field(default_factory=dict)
    default: tuple[int, ...] = (80, 100)
    whole_budget: int | None = None
    whole_cost: int = 0

    def __post_init__(self) -> None:
        self.alerts = self.again()
        self.limit({"cost_usd_per_month": 10 * USD})

    def again(self) -> BudgetAlerts:
        outbox = Outbox(self.store.events, self.clock)
        self.book = AlertBook(self.store.alerts, outbox)

        async def spent(since: int) -> int:
            return self.whole_cost

        return BudgetAlerts(
            self.book,
            outbox,
            LimitUsage(self.counters, self.clock),
            self.owners_of,
            self.clock,
            default=self.default,
            whole_budget=self.whole_budget,
            spent=spent,
        )

    def owners_of(self, user_id: str, key_id: str | None, end_user_id: str | None) -> Owners:
        owners = self.owners.get((user_id, key_id), ())
        return owners if end_user_id is None else (*owners, MIA)

    def limit(
        self,
        counts: Mapping[str, int],
        *,
        alerts: tuple[int, ...] | None = None,
        models: Mapping[str, dict[str, int]] | None = None,
        key: Limits = NO_LIMITS,
    ) -> Owner:
        """Give ann these limits; returns her as their owner."""
        ann = Owner(USER, "ann", Limits(dict(counts), alerts=alerts, models=dict(models or {})), ("ann",))
        of_key = Owner(KEY, "key_1", key, ("ann",), ("key_1", "key_2"))
        self.owners = {("ann", None): (ann,), ("ann", "key_2"): (ann, of_key)}
        return ann

    async def use(self, amount: int, name: str = "cost_usd_per_month", *scope: str) -> None:
        """Ann uses this much, in a session."""
        await self.counters.add([PastUse(scope or ("user", "ann"), name, amount, self.clock.ms)])
        self.alerts._used.add(("ann", "key_2", None))

    async def told(self) -> list[tuple[str, str, int]]:
        """What was reported, oldest first: the event, the limit, the percentage. Checks first."""
        await self.alerts.check()
        return [(event, data["limit"], data["percent"]) for event, data in await self.data()]

    async def data(self) -> list[tuple[str, dict[str, Any]]]:
        events = sorted(await self.store.events.events(limit=99), key=lambda event: event.at)
        found = [(event.type, msgspec.json.decode(event.data)) for event in events]
        return sorted(found, key=lambda event: event[1]["percent"])


__all__ = ["START", "USD", "Budgets"]
