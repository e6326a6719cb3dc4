"""The live feed over a memory store, with a clock that the test sets; ticks come when the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.services.in_memory import ROOT, START, InMemoryAccounts, record, registry_of
from tollkeeper.rules.errors import Forbidden, LedgerUnavailable, RateLimited
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.usage import Usage
from tollkeeper.services.ledger.observers import Observers, Refusal
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.queue.line import Bounds
from tollkeeper.services.queue.selection import Selection
from tollkeeper.services.streams import MOST_STREAMS
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.watching.live import KEPT, MOST_CHANGED, MOST_WAITING, Live, State
from tollkeeper.services.watching.metrics import Metrics
from tollkeeper.services.watching.pool import Pool
from tollkeeper.services.watching.totals import RunningTotals, Tally
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Filter, Totals

DAY = 86_400_000
MIDNIGHT = START - START % DAY + DAY
DECEMBER = MIDNIGHT + 10 * DAY
USAGE = Usage(prompt_tokens=10, completion_tokens=20)
HERE = UpstreamConfig("a", OLLAMA, "http://127.0.0.1:1", slots=1)


class Studio:
    """`states` are what was written, with "snapshot" or "tick"."""

    def __init__(self) -> None:
        self.house = InMemoryAccounts()
        observers = Observers()
        registry = registry_of(HERE)
        catalog = Catalog(registry, patience=1)
        self.line = Selection(Bounds(), catalog, clock=lambda: self.house.clock() / 1000).line
        self.deployment = Deployment("tiny:latest", next(iter(registry)), "tiny:latest")
        self.metrics = Metrics("0", lambda: None, lambda: 0, observers.failures, queued=self.line.__len__)
        self.totals = RunningTotals(self.house.store.ledger, self.house.store.reports, self.house.clock)
        observers.add(self.metrics, self.totals)
        self.observers = observers
        self.states: list[tuple[str, State]] = []
        self.count = 0
        self.live = Live(
            self.totals,
            self.metrics,
            self.house.accounts,
            Pool(registry, catalog, self.line),
            self.house.clock,
            snapshot=self._writer("snapshot"),
            tick=self._writer("tick"),
        )

    def _writer(self, name: str) -> Callable[[State], bytes]:
        def write(state: State) -> bytes:
            self.states.append((name, state))
            return f"{name} {state.number}".encode()

        return write

    async def settle(self, **fields: Any) -> Record:
        """A record of alice's, settled as the data plane does."""
        self.count += 1
        usual = {"created_at": self.house.clock(), "usage": USAGE, "cost_pico": 5}
        made = record(request_id=f"req_{self.count:04}", **(usual | fields))
        self.observers.settled(made, None)
        await self.house.store.ledger.settle(made)
        return made

    def tick(self, ms: int = 1000) -> None:
        self.house.clock.ms += ms
        self.live.tick()

    async def open(self, credential: str = "key", check: Callable[[], object] = lambda: None) -> AsyncIterator[bytes]:
        await self.live.open(credential)
        return self.live.events(check)

    @property
    def state(self) -> State:
        return self.states[-1][1]


@pytest.fixture
async def studio() -> Studio:
    studio = Studio()
    for name in ("alice", "bob"):
        await studio.house.accounts.create_user(name, ROOT)
    return studio


def names(studio: Studio) -> list[str]:
    return [user.user_id for user in studio.state.users]


def used(tally: Tally) -> tuple[int, int, int]:
    totals = tally.totals()
    return totals.requests, totals.prompt_tokens + totals.completion_tokens, totals.cost_pico


async def test_a_snapshot_first_then_ticks(studio: Studio) -> None:
    events = await studio.open()
    assert await anext(events) == b"snapshot 0"
    studio.tick()
    assert await anext(events) == b"tick 1"
    studio.tick()
    assert await anext(events) == b"tick 2"


async def test_who_missed_a_tick_gets_all_anew(studio: Studio) -> None:
    events = await studio.open()
    await anext(events)
    studio.tick()
    studio.tick()
    assert await anext(events) == b"snapshot 2"
    assert [point.at for point in studio.state.series] == [START + 1000, START + 2000]


async def test_what_was_used_before_counts_and_what_is_used_since(studio: Studio) -> None:
    await studio.settle()
    await studio.settle(user_id="bob", model="big:70b", status="failed", cost_pico=50)
    events = await studio.open()
    await anext(events)
    assert used(studio.state.today) == (2, 60, 55)
    assert studio.state.today.errors == studio.state.month.errors == 1
    await studio.settle(status="failed")
    studio.tick()
    await anext(events)
    assert used(studio.state.today) == used(studio.state.month) == (3, 90, 60)
    assert studio.state.today.errors == 2
    assert [(user.user_id, used(user.today)) for user in studio.state.users] == [
        ("bob", (1, 30, 50)),
        ("alice", (2, 60, 10)),
    ]
    assert [name for name, _, _ in studio.state.models] == ["big:70b", "tiny:latest"]


async def test_nothing_is_kept_or_computed_while_nobody_looks(studio: Studio) -> None:
    assert not listens(studio)
    await studio.settle()
    studio.tick()
    assert studio.states == []
    assert studio.totals.today.total.requests == 0
    await anext(await studio.open())
    assert listens(studio)
    studio.live.close("key")
    assert not listens(studio)
    written = len(studio.states)
    studio.tick()
    assert len(studio.states) == written
    assert not studio.totals.month.by["user"].rows


def listens(studio: Studio) -> bool:
    return studio.totals.kept


async def test_all_who_look_get_the_same_bytes_made_once(studio: Studio) -> None:
    streams = [await studio.open(f"key {n}") for n in range(20)]
    first = [await anext(stream) for stream in streams]
    studio.tick()
    second = [await anext(stream) for stream in streams]
    assert all(each is first[0] for each in first)
    assert all(each is second[0] for each in second)
    assert [(name, state.number) for name, state in studio.states] == [("snapshot", 0), ("tick", 1)]


async def test_all_of_one_tick_are_told_of_the_same_changes(studio: Studio) -> None:
    early = await studio.open("early")
    await anext(early)
    await studio.settle()
    studio.tick()
    await anext(early)
    await anext(await studio.open("late"))
    (before, told), (after, shown) = studio.states[-2:]
    assert (before, after, told.number) == ("tick", "snapshot", shown.number)
    assert [change.user_id for change in shown.changed] == [change.user_id for change in told.changed] == ["alice"]


async def test_one_reading_for_all_who_come_at_once(studio: Studio) -> None:
    reports = studio.house.store.reports
    asked: list[object] = []
    summary = reports.summary

    async def counted(*args: Any, **fields: Any) -> Any:
        asked.append(args)
        return await summary(*args, **fields)

    reports.summary = counted  # type: ignore[method-assign]
    await asyncio.gather(*(studio.open(f"key {n}") for n in range(10)))
    assert len(asked) == 5


async def test_settlements_while_the_past_is_read_count_once(studio: Studio) -> None:
    await studio.settle()
    opening = asyncio.create_task(studio.open())
    for _ in range(20):
        await studio.settle()
        await asyncio.sleep(0)
    await anext(await opening)
    assert used(studio.state.today) == (21, 630, 105)


async def test_a_day_and_a_month_turn(studio: Studio) -> None:
    studio.house.clock.ms = MIDNIGHT - 1500
    await studio.settle()
    events = await studio.open()
    await anext(events)
    studio.tick()
    late = await studio.settle(created_at=MIDNIGHT - 400)
    await anext(events)
    assert used(studio.state.today) == (2, 60, 10)
    studio.tick()
    await anext(events)
    assert (used(studio.state.today), used(studio.state.month)) == ((0, 0, 0), (2, 60, 10))
    assert (studio.state.users, studio.state.models) == ([], [])
    # Of yesterday, settled today: as the ledger has it, it is yesterday's.
    await studio.settle(created_at=late.created_at)
    await studio.settle()
    studio.tick()
    await anext(events)
    assert (used(studio.state.today), used(studio.state.month)) == ((1, 30, 5), (4, 120, 20))
    studio.house.clock.ms = DECEMBER - 500
    studio.tick()
    await anext(events)
    assert (used(studio.state.today), used(studio.state.month)) == ((0, 0, 0), (0, 0, 0))


async def test_the_first_record_of_a_day_turns_it_before_its_tick(studio: Studio) -> None:
    studio.house.clock.ms = DECEMBER - 10
    events = await studio.open()
    await anext(events)
    studio.house.clock.ms = DECEMBER + 10
    await studio.settle()
    studio.tick()
    await anext(events)
    assert used(studio.state.today) == used(studio.state.month) == (1, 30, 5)


async def test_the_first_ten_are_those_of_the_ledger(studio: Studio) -> None:
    for n in range(30):
        await studio.settle(user_id=f"user-{n:02}", cost_pico=n * 10)
    events = await studio.open()
    await anext(events)
    assert names(studio) == [f"user-{n:02}" for n in range(29, 19, -1)]
    await studio.settle(user_id="user-03", cost_pico=1000)
    await studio.settle(user_id="user-21", cost_pico=2)
    studio.tick()
    await anext(events)
    expected = ["user-03", *(f"user-{n:02}" for n in range(29, 20, -1))]
    assert names(studio) == expected
    # A refund takes one out of them, and lets in one that nothing happened to.
    await studio.settle(user_id="user-03", cost_pico=-1020, endpoint="adjustment", model="", usage=Usage())
    studio.tick()
    await anext(events)
    assert names(studio) == [f"user-{n:02}" for n in range(29, 19, -1)]
    assert "" not in [name for name, _, _ in studio.state.models]


async def test_equal_costs_are_ranked_by_requests(studio: Studio) -> None:
    await studio.settle(user_id="alice", cost_pico=0)
    for _ in range(2):
        await studio.settle(user_id="bob", cost_pico=0)
    await anext(await studio.open())
    assert names(studio) == ["bob", "alice"]


async def test_those_with_most_in_line_follow_the_first_of_today(studio: Studio) -> None:
    await studio.settle(user_id="alice")
    line = studio.line
    tickets = [line.enter("alice", 1, [[studio.deployment]])]
    assert line.take_at_once(tickets[0])
    waiting = {"alice": 1, "bob": 3} | {f"user-{n:02}": 2 for n in range(MOST_WAITING)}
    for user, count in waiting.items():
        for _ in range(count):
            tickets.append(line.enter(user, 1, [[studio.deployment]]))
            line.join(tickets[-1])
    await anext(await studio.open())
    state = studio.state
    assert [(user.user_id, user.in_flight, user.queued) for user in state.users[:3]] == [
        ("alice", 1, 1),
        ("bob", 0, 3),
        ("user-00", 0, 2),
    ]
    assert names(studio) == ["alice", "bob", *(f"user-{n:02}" for n in range(MOST_WAITING - 1))]
    assert (state.in_flight, state.queued) == (1, len(line)) == (1, 24)
    assert [(name, running) for name, _, running in state.models] == [("tiny:latest", 1)]
    studio.tick()
    assert studio.live._points[-1].queued == 24
    for ticket in reversed(tickets):
        ticket.leave()


async def test_users_that_changed_are_told_of_once_and_none_is_forgotten(studio: Studio) -> None:
    names = [f"user-{n:03}" for n in range(MOST_CHANGED + 20)]
    for name in names:
        await studio.house.accounts.create_user(name, ROOT)
    events = await studio.open()
    await anext(events)
    assert studio.state.changed == []
    for name in names:
        await studio.settle(user_id=name)
    studio.tick()
    await anext(events)
    first = [change.user_id for change in studio.state.changed]
    assert len(first) == MOST_CHANGED
    assert used(studio.state.changed[0].month) == (1, 30, 5)
    studio.tick()
    await anext(events)
    assert sorted(first + [change.user_id for change in studio.state.changed]) == names
    studio.tick()
    await anext(events)
    assert studio.state.changed == []


async def test_rates_are_those_of_the_last_ten_seconds(studio: Studio) -> None:
    events = await studio.open()
    for _ in range(20):
        await studio.settle(cost_pico=1_000_000)
        await studio.settle(status="failed", cost_pico=0)
        studio.tick()
    await anext(events)
    rates = studio.state.rates
    assert (rates.requests, rates.tokens, rates.errors, rates.cost_pico_per_minute) == (2, 60, 1, 60_000_000)
    for _ in range(10):
        studio.tick()
    await anext(events)
    assert (studio.state.rates.requests, studio.state.rates.cost_pico_per_minute) == (0, 0)


async def test_the_series_holds_five_minutes_without_gaps(studio: Studio) -> None:
    for _ in range(KEPT + 5):
        await studio.settle()
        studio.tick()
    await anext(await studio.open())
    series = studio.state.series
    assert len(series) == KEPT == 300
    assert [point.at for point in series] == [START + 1000 * n for n in range(6, KEPT + 6)]
    assert {(point.requests, point.tokens, point.cost_pico, point.errors) for point in series} == {(1, 30, 5, 0)}


async def test_who_may_no_longer_look_is_sent_away_at_the_next_tick(studio: Studio) -> None:
    may = True

    def check() -> None:
        if not may:
            raise Forbidden("No longer.")

    events = await studio.open(check=check)
    await anext(events)
    may = False
    studio.tick()
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_a_credential_has_so_many_streams_at_most(studio: Studio) -> None:
    for _ in range(MOST_STREAMS):
        await studio.live.open("key")
    with pytest.raises(RateLimited):
        await studio.live.open("key")
    await studio.live.open("another")
    studio.live.close("key")
    await studio.live.open("key")


async def test_a_reading_that_fails_leaves_nothing_behind_and_is_tried_again(studio: Studio) -> None:
    reports = studio.house.store.reports
    summary, reports.summary = reports.summary, _fails  # type: ignore[method-assign, assignment]
    results = await asyncio.gather(*(studio.live.open("key") for _ in range(3)), return_exceptions=True)
    assert {str(result) for result in results} == {"broken"}
    assert not studio.totals.kept
    reports.summary = summary  # type: ignore[method-assign]
    await studio.settle()
    for _ in range(MOST_STREAMS):
        await studio.live.open("key")
    await anext(studio.live.events(lambda: None))
    assert used(studio.state.today) == (1, 30, 5)


async def _fails(*_: object, **__: object) -> None:
    raise RuntimeError("broken")


async def test_a_ledger_that_does_not_write_is_told_after_a_while(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollkeeper.services.watching.live.COMMIT_PATIENCE", 0.01)
    monkeypatch.setattr(studio.house.store.ledger, "mark", asyncio.get_running_loop().create_future)
    with pytest.raises(LedgerUnavailable):
        await studio.live.open("key")
    assert not studio.totals.kept


async def test_a_stop_ends_all_streams_and_begins_no_more(studio: Studio) -> None:
    events = await studio.open()
    await anext(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    studio.live.stop()
    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(StopAsyncIteration):
        await anext(await studio.open())


async def test_the_sums_are_the_ledgers(studio: Studio) -> None:
    events = await studio.open()
    for n in range(50):
        await studio.settle(user_id=f"user-{n % 7}", model=f"model-{n % 3}", cost_pico=n * 3 - 20)
    studio.tick()
    await anext(events)
    [(_, whole)] = await studio.house.store.reports.summary(Filter(since=MIDNIGHT - DAY), [])
    assert studio.state.today.totals() == Totals(
        whole.requests, whole.prompt_tokens, 0, 0, whole.completion_tokens, 0, whole.cost_pico
    )
    by_user = dict(await studio.house.store.reports.summary(Filter(), ["user"]))
    assert {user.user_id: user.today.totals().cost_pico for user in studio.state.users} == {
        name: totals.cost_pico for (name,), totals in by_user.items()
    }


async def test_refusals_are_counted(studio: Studio) -> None:
    events = await studio.open()
    await anext(events)
    assert studio.state.refused == 0
    for user in ("alice", "bob"):
        studio.observers.refused(Refusal("/v1/chat/completions", 429, "rate_limit_exceeded", user))
    studio.tick()
    await anext(events)
    assert studio.state.refused == 2
