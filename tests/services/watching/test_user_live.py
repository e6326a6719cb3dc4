"""The live view of users over a memory store, with a clock that the test sets; ticks come when the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.services.in_memory import ROOT, InMemoryAccounts, record, registry_of
from tollkeeper.rules.errors import Forbidden, LedgerUnavailable, RateLimited
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.owners import Owner
from tollkeeper.rules.usage import Usage
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.ledger.observers import Observers, Refusal
from tollkeeper.services.limits.usage import LimitUsage, OwnerStatuses
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.queue.line import Bounds
from tollkeeper.services.queue.selection import Selection
from tollkeeper.services.streams import MOST_STREAMS
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.watching.pool import Pool
from tollkeeper.services.watching.totals import RunningTotals
from tollkeeper.services.watching.user_live import REPEATED, Reading, UserLive
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.counters import LimitStatus
from tollkeeper.store.ports.records import Record

DAY = 86_400_000
USAGE = Usage(prompt_tokens=10, completion_tokens=20)
HERE = UpstreamConfig("a", OLLAMA, "http://127.0.0.1:1", slots=1)


class CountedUsage(LimitUsage):
    """What is used of a month's tokens is what was settled; `read` are the owners that were read, `before_end` is
    called in the midst of a reading."""

    def __init__(self) -> None:
        self.used: dict[str, int] = {}
        self.read: list[str] = []
        self.before_end: Callable[[], None] = lambda: None
        self.failing: Exception | None = None

    async def whole(self, owner: Owner) -> OwnerStatuses:
        self.read.append(owner.id)
        if self.failing is not None:
            raise self.failing
        used = self.used.get(owner.id, 0)
        self.before_end()
        return OwnerStatuses({"tokens_per_month": LimitStatus("tokens_per_month", 1000, used, 0, None)}, {})


class Studio:
    """`written` are the readings that became events, in order."""

    def __init__(self) -> None:
        self.house = InMemoryAccounts()
        self.usage = CountedUsage()
        observers = Observers()
        registry = registry_of(HERE)
        catalog = Catalog(registry, patience=1)
        line = Selection(Bounds(), catalog, clock=lambda: self.house.clock() / 1000).line
        self.written: list[Reading] = []
        store = self.house.store
        self.live = UserLive(
            lambda user_id: RunningTotals(store.ledger, store.reports, self.house.clock, user_id=user_id),
            self.house.accounts,
            self.usage,
            Pool(registry, catalog, line),
            self.house.clock,
            write=self._write,
        )
        observers.add(self.live)
        self.observers = observers
        self.count = 0

    async def _write(self, number: int, at: int, reading: Reading) -> bytes:
        self.written.append(reading)
        return f"event {len(self.written)}".encode()

    def settle_now(self, user_id: str = "alice", **fields: Any) -> Record:
        self.count += 1
        usual = {"created_at": self.house.clock(), "usage": USAGE, "cost_pico": 5}
        made = record(request_id=f"req_{self.count:04}", user_id=user_id, **(usual | fields))
        self.usage.used[user_id] = self.usage.used.get(user_id, 0) + 30
        self.observers.settled(made, None)
        return made

    async def settle(self, user_id: str = "alice", **fields: Any) -> None:
        await self.house.store.ledger.settle(self.settle_now(user_id, **fields))

    async def tick(self, ms: int = 1000) -> None:
        self.house.clock.ms += ms
        await self.live.tick()

    async def open(self, user_id: str = "alice", check: Callable[[], object] = lambda: None) -> AsyncIterator[bytes]:
        await self.live.open(user_id, user_id, "yours")
        return self.live.events(user_id, check)

    def shown(self) -> tuple[int, int, int]:
        """Requests and tokens of the month, and what is used of their limit."""
        last = self.written[-1]
        tokens = last.month.prompt_tokens + last.month.completion_tokens
        return last.month.requests, tokens, last.limits.all_models["tokens_per_month"].used


@pytest.fixture
async def studio() -> Studio:
    studio = Studio()
    for name in ("alice", "bob"):
        await studio.house.accounts.create_user(name, ROOT)
    return studio


async def test_what_was_used_before_counts_and_what_is_used_since(studio: Studio) -> None:
    await studio.settle()
    await studio.settle("bob")
    events = await studio.open()
    assert await anext(events) == b"event 1"
    assert studio.shown() == (1, 30, 30)
    await studio.settle()
    await studio.settle("bob")
    await studio.tick()
    assert await anext(events) == b"event 2"
    assert studio.shown() == (2, 60, 60)
    assert studio.written[-1].today == studio.written[-1].month


async def test_without_a_change_there_is_an_event_every_few_seconds(studio: Studio) -> None:
    events = await studio.open()
    await anext(events)
    coming = asyncio.ensure_future(anext(events))
    for _ in range(REPEATED - 1):
        await studio.tick()
    await asyncio.sleep(0)
    assert (coming.done(), len(studio.written)) == (False, 1)
    await studio.tick()
    assert await coming == b"event 2"


async def test_totals_and_limits_are_of_one_moment(studio: Studio) -> None:
    events = await studio.open()
    await anext(events)

    def settle_once() -> None:
        studio.usage.before_end = lambda: None
        studio.settle_now()

    studio.usage.before_end = settle_once  # the limits are read, the totals are not yet
    await studio.tick()
    await anext(events)
    assert studio.shown() == (1, 30, 30)


async def test_a_refusal_shows_and_so_does_the_team(studio: Studio) -> None:
    accounts = studio.house.accounts
    events = await studio.open()
    await anext(events)
    assert (studio.written[-1].refused, studio.written[-1].team) == (0, None)
    studio.observers.refused(Refusal("/v1/chat/completions", 429, "rate_limit_exceeded", "alice"))
    studio.observers.refused(Refusal("/v1/chat/completions", 429, "rate_limit_exceeded", "bob"))
    await studio.tick()
    await anext(events)
    assert studio.written[-1].refused == 1
    await accounts.teams.create("research", ROOT)
    await accounts.update_user("alice", ROOT, UserChange(team="research"))
    await studio.tick()
    await anext(events)
    last = studio.written[-1]
    assert last.team is not None
    assert (last.team.team_id, last.team_limits is None) == ("research", False)


async def test_a_day_and_a_month_turn(studio: Studio) -> None:
    await studio.settle()
    events = await studio.open()
    await anext(events)
    await studio.tick(DAY)
    await anext(events)
    assert (studio.written[-1].today.requests, studio.written[-1].month.requests) == (0, 1)
    await studio.tick(11 * DAY)
    await anext(events)
    assert studio.written[-1].month.requests == 0


async def test_nobody_is_read_whom_nobody_watches(studio: Studio) -> None:
    await studio.settle()
    await studio.tick()
    assert studio.usage.read == []
    await studio.open()
    await studio.open()
    await studio.tick()
    assert set(studio.usage.read) == {"alice"}
    for _ in range(2):
        studio.live.close("alice", "alice")
    assert repr(studio.live) == "UserLive(0 streams, 0 users)"
    studio.usage.read.clear()
    await studio.tick()
    assert studio.usage.read == []


async def test_two_who_watch_one_user_get_the_same_bytes_read_once(studio: Studio) -> None:
    feeds = [await studio.open(), await studio.open()]
    first = [await anext(feed) for feed in feeds]
    assert first[0] is first[1]
    studio.usage.read.clear()
    await studio.settle()
    await studio.tick()
    later = [await anext(feed) for feed in feeds]
    assert later[0] is later[1]
    assert studio.usage.read == ["alice"]


async def test_two_hundred_who_are_watched_leave_others_their_turns(studio: Studio) -> None:
    feeds = []
    for number in range(200):
        await studio.house.accounts.create_user(f"user{number}", ROOT)
        feeds.append(await studio.open(f"user{number}"))
        await anext(feeds[-1])
        studio.settle_now(f"user{number}")
    turns = read = most = 0

    async def others() -> None:
        nonlocal turns, read, most
        while True:
            turns += 1
            most, read = max(most, len(studio.usage.read) - read), len(studio.usage.read)
            await asyncio.sleep(0)

    read = len(studio.usage.read)
    running = asyncio.ensure_future(others())
    await studio.tick()
    running.cancel()
    assert turns >= 200
    assert most == 1  # from one turn to the next, no more than one of them is read
    for feed in feeds:
        await anext(feed)
    assert len(studio.written) == 400


async def test_who_may_no_longer_watch_is_sent_away_at_the_next_tick(studio: Studio) -> None:
    allowed = True

    def check() -> None:
        if not allowed:
            raise Forbidden("no")

    events = await studio.open(check=check)
    await anext(events)
    allowed = False
    await studio.tick()
    assert [event async for event in events] == []


async def test_a_user_has_so_many_streams_at_most(studio: Studio) -> None:
    for _ in range(MOST_STREAMS):
        await studio.open()
    with pytest.raises(RateLimited, match="streams of yours"):
        await studio.open()
    await studio.live.open("alice", "an admin", "this key or session")
    await studio.open("bob")
    assert studio.live.streams == MOST_STREAMS + 2


async def test_a_reading_that_fails_is_not_sent_and_the_next_is(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    events = await studio.open()
    await anext(events)
    studio.usage.failing = StoreError("the counters are gone")
    await studio.settle()
    await studio.tick()
    assert "cannot be read: the counters are gone" in caplog.text
    studio.usage.failing = None
    await studio.tick()
    assert await anext(events) == b"event 2"


async def test_a_first_reading_that_fails_leaves_nothing_behind(studio: Studio) -> None:
    studio.usage.failing = LedgerUnavailable("no")
    with pytest.raises(LedgerUnavailable):
        await studio.open()
    assert repr(studio.live) == "UserLive(0 streams, 0 users)"


async def test_the_streams_of_one_who_is_forgotten_end(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    events = await studio.open()
    await anext(events)
    monkeypatch.delitem(studio.house.accounts._users, "alice")
    await studio.tick()
    assert [event async for event in events] == []


async def test_a_stop_ends_all_streams_and_begins_no_more(studio: Studio) -> None:
    events = await studio.open()
    await anext(events)
    studio.live.stop()
    assert [event async for event in events] == []
    assert [event async for event in await studio.open("bob")] == []
