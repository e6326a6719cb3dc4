"""A gateway without its edges: the real services over a memory store, on a clock that only a history moves."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, cast

from argon2 import PasswordHasher

from tests.services.house import BOOTSTRAP
from tollkeeper.rules.admission import Refused
from tollkeeper.rules.ids import request_id
from tollkeeper.services.accounts import Accounts
from tollkeeper.services.adjustments import Adjustments
from tollkeeper.services.admission import Admission
from tollkeeper.services.catalog import Catalog, Facts, Route
from tollkeeper.services.counting import Counting
from tollkeeper.services.figures import Figures
from tollkeeper.services.metrics import Metrics
from tollkeeper.services.passwords import Passwords
from tollkeeper.services.prices import Prices
from tollkeeper.services.runs import Runs
from tollkeeper.services.secrets import Secrets
from tollkeeper.services.upstream.config import Kind, UpstreamConfig
from tollkeeper.services.upstream.ports import Client
from tollkeeper.store.counting import Asked
from tollkeeper.store.memory.counters import MemoryCounters, MemoryTaken
from tollkeeper.store.memory.ledger import MemoryLedger
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import Record, lost

OVERHEAD = 64
IMAGE = 1500
"""The most tokens of one image."""
KINDS: dict[str, Kind] = {"small:latest": "ollama", "large": "openai-compatible"}
CONTEXTS = {"small:latest": 600, "large": None}
SECRETS = Secrets(b"pepper" * 6)


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

    def time(self) -> float:
        return self._simulated.clock()


async def turn() -> None:
    """Let everything run that waits for nothing but its turn."""
    for _ in range(14):
        await asyncio.sleep(0)


class FixedCatalog(Catalog):
    """Knows its models without asking an upstream; those in `waits` are told after a while."""

    waits: dict[asyncio.Task[Any] | None, Callable[[], Awaitable[None]]]

    async def facts(self, route: Route) -> Facts:
        wait = self.waits.pop(asyncio.current_task(), None)
        if wait is not None:
            await wait()
        return Facts(None, CONTEXTS[route.model], OVERHEAD, IMAGE)


class WatchedLedger(MemoryLedger):
    """Tells what is settled, at once and once for each request."""

    def __init__(self, tables: Tables, settled: dict[str, Record]) -> None:
        super().__init__(tables)
        self.known = settled

    def settle(self, record: Record) -> asyncio.Future[None]:
        self.known.setdefault(record.request_id, record)
        return super().settle(record)


class WatchedCounters(MemoryCounters):
    """Tells of every decision right after it fell: (asked, at, what was taken or why nothing was)."""

    def __init__(self, decided: Callable[[Asked, int, MemoryTaken | Refused], None]) -> None:
        super().__init__()
        self._decided = decided

    async def admit(self, asked: Asked, at: int) -> MemoryTaken:
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
        self, time: Time, rng: random.Random, strict_input: bool, decided: Callable[..., None], tables: Tables
    ) -> None:
        self._rng = rng
        self._strict_input = strict_input
        self._decided = decided
        self.asking: list[Any] = []
        self.time = time
        self.tables = tables
        self.settled: dict[str, Record] = dict(tables.records)
        self.store = MemoryStore()
        self.store._tables = tables
        self.store._ledger = self.store.ledger = WatchedLedger(tables, self.settled)
        for part in (self.store.reports, self.store.accounts, self.store.sessions, self.store.book, self.store.audit):
            cast(Any, part)._tables = tables
        now = time.now
        ledger = self.store.ledger
        figures = Figures(ledger, self.store.reports, now)
        self.runs = Runs(ledger, Metrics("0", lambda: ledger.failing), figures, now, time.clock)
        self.counters = WatchedCounters(decided)
        self.counting = Counting(self.counters, ledger, self.store.reports, now)
        self.accounts = Accounts(
            self.store.accounts,
            self.store.sessions,
            self.store.book,
            SECRETS.digest,
            Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
            now,
            bootstrap=SECRETS.digest(BOOTSTRAP),
            cut=self.runs.cut_credentials,
            limits_changed=self.counting.prepare,
        )
        self.prices = Prices(self.store.book, now)
        self.catalog = FixedCatalog([], self.store.book, now, patience=1)
        self.catalog.waits = {}
        self.admission = Admission(
            self.counters, self.catalog, now, default_max_tokens=400, strict_input=strict_input
        )  # fmt: skip
        self.adjustments = Adjustments(ledger, self.counters, figures, now, self.mint)

    async def start(self) -> None:
        """As the gateway starts: what is in the store is loaded, and counted."""
        await self.accounts.load()
        await self.prices.load()
        users = self.accounts.users()
        await self.counting.start([*users, *(key for user in users for key in self.accounts.keys_of(user.user_id))])

    def mint(self, at: int) -> str:
        return request_id(at, self._rng.randbytes(8))

    async def reborn(self) -> World:
        """The gateway after a kill: all that was in memory is gone, and open intents are records of what was lost."""
        old, tables = self.tables, Tables()
        tables.users, tables.keys, tables.values = dict(old.users), dict(old.keys), dict(old.values)
        tables.prices, tables.aliases, tables.audit = list(old.prices), dict(old.aliases), list(old.audit)
        tables.records = dict(old.records)
        for name, intent in sorted(old.intents.items()):
            tables.records[name] = lost(intent, self.time.ms)
        world = World(self.time, self._rng, self._strict_input, self._decided, tables)
        await world.start()
        return world


def route_of(model: str) -> Route:
    """Where a model is; nobody ever connects to it."""
    return Route(model, UpstreamConfig(model, KINDS[model], "http://127.0.0.1:1"), cast(Client, None))
