"""A gateway without its edges: the real services over a memory store, on a clock that only a history moves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from argon2 import PasswordHasher

from tests.services.in_memory import BOOTSTRAP
from tests.simulation.pool import ALIASES, CONTEXTS, Machine, WatchedSelection, client_of
from tollkeeper.rules.admission import Refused
from tollkeeper.rules.ids import request_id
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.accounts.end_users import EndUsers
from tollkeeper.services.accounts.passwords import Passwords
from tollkeeper.services.accounts.pepper import Pepper
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.ledger.adjustments import Adjustments
from tollkeeper.services.ledger.observers import Observers
from tollkeeper.services.limits.admission import Admission
from tollkeeper.services.limits.backfill import Backfill
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.models.prices import Prices
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.queue.line import Bounds
from tollkeeper.services.requests.dispatched import DispatchedRequests
from tollkeeper.services.requests.idempotency import IdempotencyKeys
from tollkeeper.services.upstreams.descriptions import Facts
from tollkeeper.services.upstreams.registry import Registry, Upstream
from tollkeeper.services.watching.metrics import Metrics
from tollkeeper.services.watching.totals import RunningTotals
from tollkeeper.store.memory.counters import MemoryCounters, MemoryReservation
from tollkeeper.store.memory.ledger import MemoryLedger
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.counters import AdmissionRequest
from tollkeeper.store.ports.records import Record, lost

OVERHEAD = 64
IMAGE = 1500
"""The most tokens of one image."""
BOUNDS = Bounds(size=10, size_per_user=6)
SECRETS = Pepper(b"pepper" * 6)


class Time:
    """Milliseconds since the epoch, and the same moment as monotonic seconds."""

    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now(self) -> int:
        return self.ms

    def clock(self) -> float:
        return self.ms / 1000


class SteppedLoop(asyncio.SelectorEventLoop):
    """Its timers wait for the simulated clock."""

    def __init__(self, time: Time) -> None:
        self._simulated = time
        super().__init__()
        self._clock_resolution = 1e-6  # seconds since 1970 are no more exact than that, so timers may be late

    def time(self) -> float:
        return self._simulated.clock()


async def turn() -> None:
    """Let everything run that waits for nothing but its turn."""
    for _ in range(20):
        await asyncio.sleep(0)


class FixedFacts(FactsCache):
    """Knows its models without asking an upstream; those in `waits` are told after a while."""

    waits: dict[asyncio.Task[Any] | None, Callable[[], Awaitable[None]]]

    def cached(self, deployment: Deployment) -> Facts | None:
        return None if asyncio.current_task() in self.waits else _facts(deployment)

    async def of(self, deployment: Deployment) -> Facts:
        [facts] = await self.of_each([deployment])
        return facts

    async def of_each(self, deployments: Sequence[Deployment]) -> list[Facts]:
        wait = self.waits.pop(asyncio.current_task(), None)
        if wait is not None:
            await wait()
        return [*map(_facts, deployments)]


def _facts(deployment: Deployment) -> Facts:
    return Facts(None, CONTEXTS[deployment.model], OVERHEAD, IMAGE)


class WatchedLedger(MemoryLedger):
    """Tells what is settled, at once and once for each request."""

    def __init__(self, tables: Tables, settled: dict[str, Record]) -> None:
        super().__init__(tables)
        self.known = settled

    def settle(self, record: Record) -> asyncio.Future[None]:
        self.known.setdefault(record.request_id, record)
        return super().settle(record)


class WatchedCounters(MemoryCounters):
    """Tells of every decision right after it fell: (request, at, what was taken or why nothing was)."""

    def __init__(self, decided: Callable[[AdmissionRequest, int, MemoryReservation | Refused], None]) -> None:
        super().__init__()
        self._decided = decided

    async def admit(self, asked: AdmissionRequest, at: int) -> MemoryReservation:
        try:
            taken = await super().admit(asked, at)
        except Refused as refused:
            self._decided(asked, at, refused)
            raise
        self._decided(asked, at, taken)
        return taken


class World:
    """`decided` hears every decision of admission. `settled` is what the counters must show: all that was settled,
    durable or not; a crash leaves what was durable."""

    def __init__(
        self,
        time: Time,
        rng: random.Random,
        strict_input: bool,
        decided: Callable[..., None],
        given: Callable[[Deployment, float], None],
        tables: Tables,
        machines: Mapping[str, Machine],
    ) -> None:
        self._rng = rng
        self._strict_input = strict_input
        self._decided = decided
        self._given = given
        self.machines = machines
        self.asking: list[Any] = []
        self.time = time
        self.tables = tables
        self.settled: dict[str, Record] = dict(tables.records)
        self.store = MemoryStore()
        self.store._tables = tables
        self.store._ledger = self.store.ledger = WatchedLedger(tables, self.settled)
        store = self.store
        for part in (
            *(store.reports, store.accounts, store.sessions, store.prices, store.aliases),
            *(store.installation, store.audit, store.idempotency, store.events),
        ):
            cast(Any, part)._tables = tables
        now = time.now
        ledger = self.store.ledger
        observers = Observers()
        self.requests = DispatchedRequests(ledger, observers, now, time.clock)
        observers.add(
            Metrics("0", lambda: ledger.failing, lambda: len(self.requests.active), observers.failures),
            RunningTotals(ledger, self.store.reports, now),
        )
        self.keys = IdempotencyKeys(store.idempotency, now)
        self.counters = WatchedCounters(decided)
        self.counting = Backfill(self.counters, ledger, self.store.reports, now)
        self.accounts = Accounts(
            self.store.accounts,
            self.store.sessions,
            self.store.teams,
            self.store.installation,
            SECRETS.digest,
            Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
            now,
            outbox=Outbox(self.store.events, now),
            end_users=EndUsers(
                self.store.end_users,
                now,
                limits_changed=self.counting.prepare,
                begun=self.counting.begin,
                forgotten=self.counting.drop,
                ended=self.requests.end_by_end_user,
            ),
            bootstrap=SECRETS.digest(BOOTSTRAP),
            credentials_ended=self.requests.end_by_credential,
            suspended=self.requests.end_by_user,
            limits_changed=self.counting.prepare,
        )
        self.prices = Prices(self.store.prices, now)
        self.registry = Registry(lambda config: client_of(machines[config.id]))
        self.catalog = Catalog(self.registry, patience=1, clock=time.clock)
        self.aliases = Aliases(self.store.aliases, now)
        self.resolver = Resolver(self.registry, self.catalog, self.aliases, Pins(self.store.pins, now))
        self.selection = WatchedSelection(BOUNDS, self.catalog, clock=time.clock)
        self.selection.given = given
        self.facts = FixedFacts(self.catalog, patience=1)
        self.facts.waits = {}
        self.admission = Admission(self.counters, self.facts, default_max_tokens=400, strict_input=strict_input)
        self.adjustments = Adjustments(ledger, self.counters, self.accounts.owners_of, observers, now, self.mint)

    async def start(self) -> None:
        """As the gateway starts: what is in the store is loaded, and counted."""
        await self.accounts.load()
        await self.prices.load()
        await self.aliases.load()
        await self.counting.start(self.accounts.owners())
        for machine in self.machines.values():
            self._seeded(self.registry.add(machine.config))
        await self.catalog.refresh()
        if not self.aliases.table:
            await self.aliases.replace(ALIASES, Actor("@simulation"))

    async def save(self, machine: Machine) -> None:
        """An admin saves this upstream, changed or not."""
        machine.rests = {}  # what was asked before the change says nothing of it now
        self._seeded(self.registry.replace(machine.config))
        await self.catalog.refresh()

    def upstream(self, name: str) -> Upstream:
        return next(each for each in self.registry if each.config.id == name)

    def _seeded(self, upstream: Upstream) -> None:
        upstream.health._chance = self._rng.random
        if upstream.config.kind.shows_loaded_by:
            upstream.load.loaded = upstream.load.loaded or frozenset()

    def mint(self, at: int) -> str:
        return request_id(at, self._rng.randbytes(8))

    async def reborn(self) -> World:
        """The gateway after a kill: all that was in memory is gone, and open intents are records of what was lost."""
        old, tables = self.tables, Tables()
        tables.users, tables.keys, tables.values = dict(old.users), dict(old.keys), dict(old.values)
        tables.prices, tables.aliases, tables.audit = list(old.prices), dict(old.aliases), list(old.audit)
        tables.records, tables.claims = dict(old.records), dict(old.claims)
        for name, intent in sorted(old.intents.items()):
            tables.records[name] = lost(intent, self.time.ms)
        world = World(self.time, self._rng, self._strict_input, self._decided, self._given, tables, self.machines)
        await world.start()
        return world
