"""Budgets whose use a test sets, and the events that alerts on them make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tests.services.in_memory import START, Clock, record
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.owners import END_USER, KEY, TEAM, USER, Owner, Owners, Scope
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.alerts.budgets import BudgetAlerts
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.limits.usage import LimitUsage
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.counters import PastUse

USD = 10**12


@dataclass
class Budgets:
    """Ann, with a key, in a team, for an end user, on real counters. `owners` are by scope; `gone` are users who cannot
    be found. `again` is another process, or the same after a restart."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    counters: MemoryCounters = field(default_factory=MemoryCounters)
    owners: dict[Scope, Owner] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
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
            self,
            self.clock,
            default=self.default,
            whole_budget=self.whole_budget,
            spent=spent,
        )

    async def owners_of_use(
        self, user_id: str, key_id: str | None, team_id: str | None, end_user_id: str | None
    ) -> Owners:
        scopes = [("user", user_id), ("team", team_id), ("end_user", end_user_id)]
        if key_id is not None:
            scopes.append(("key", "key_1"))
        return tuple(owner for scope, owner in self.owners.items() if scope in scopes)

    async def limit_owner(self, kind: str, owner_id: str, user_id: str | None) -> Owner | None:
        assert user_id == (None if kind == "team" else "ann")
        return self.owners.get((kind, owner_id))

    def has_user(self, user_id: str) -> bool:
        return user_id not in self.gone

    def limit(
        self,
        counts: Mapping[str, int],
        *,
        alerts: tuple[int, ...] | None = None,
        models: Mapping[str, dict[str, int]] | None = None,
        key: Limits = NO_LIMITS,
        team: Limits = NO_LIMITS,
        end_user: Limits = NO_LIMITS,
    ) -> Owner:
        """Give ann these limits; returns her as their owner."""
        ann = Owner(USER, "ann", Limits(dict(counts), alerts=alerts, models=dict(models or {})), ("ann",))
        of_key = Owner(KEY, "key_1", key, ("ann",), ("key_1", "key_2"))
        of_team = Owner(TEAM, "blue", team, teams=("blue",))
        of_end_user = Owner(END_USER, "eu_1", end_user, ("ann",), end_users=("eu_1",))
        self.owners = {owner.scope: owner for owner in (ann, of_key, of_team, of_end_user)}
        return ann

    async def use(self, amount: int, name: str = "cost_usd_per_month", *scope: str) -> None:
        """Ann uses this much."""
        await self.counters.add([PastUse(scope or ("user", "ann"), name, amount, self.clock.ms)])
        used = record(user_id="ann", key_id="key_2", team_id="blue", end_user_id="eu_1")
        self.alerts.settled(used, None)

    async def told(self) -> list[tuple[str, str, int]]:
        """What was reported, oldest first: the event, the limit, the percentage. Checks first."""
        await self.alerts.check()
        return [(event, data["limit"], data["percent"]) for event, data in await self.data()]

    async def data(self) -> list[tuple[str, dict[str, Any]]]:
        events = sorted(await self.store.events.events(limit=99), key=lambda event: event.at)
        found = [(event.type, msgspec.json.decode(event.data)) for event in events]
        return sorted(found, key=lambda event: event[1]["percent"])


__all__ = ["START", "USD", "Budgets"]
