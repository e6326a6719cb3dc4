"""How much work the line does before the loop gets its turn, when it is full."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from tests.services.queue.machines import Machine, Option, can_serve, leap, line_of, only, turns
from tollkeeper.rules import waiting_time
from tollkeeper.rules.errors import ServerOverloaded
from tollkeeper.rules.waiting_time import Forecast, Rival
from tollkeeper.services.queue import station
from tollkeeper.services.queue.line import REVIEWED_AT_ONCE, Bounds, Line
from tollkeeper.services.queue.ticket import EFFORT_AT_ONCE, Ticket

USERS = 300


class Work:
    """`forecasts`, the rivals that they went `through`, and those that were `seen` anew, by the time of the loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forecasts: Counter[float] = Counter()
        self.through: Counter[float] = Counter()
        self.seen: Counter[float] = Counter()
        as_rival = station.Flow.as_rival

        def forecast(start: float, turn: Any, own: float, hold: float, rivals: Iterable[Rival], *rest: Any) -> Forecast:
            listed = list(rivals)
            self.forecasts[now()] += 1
            self.through[now()] += len(listed)
            return waiting_time.forecast(start, turn, own, hold, listed, *rest)

        def count(flow: Any, *given: Any) -> Rival:
            self.seen[now()] += 1
            return as_rival(flow, *given)

        monkeypatch.setattr(station, "forecast", forecast)
        monkeypatch.setattr(station.Flow, "as_rival", count)

    def forget(self) -> None:
        for each in (self.forecasts, self.through, self.seen):
            each.clear()


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


def now() -> float:
    return asyncio.get_running_loop().time()


async def fill(
    line: Line[Option], choices: list[list[Option]], told: list[str] | None = None
) -> list[asyncio.Task[None]]:
    """Have one request of each user wait behind one that runs. `told`: who hears of a place."""
    tasks = []
    for number in range(USERS + 1):
        ticket = line.enter(f"user-{number}", 1, choices)
        if told is not None:
            ticket.watch(hearer(told, ticket))
        tasks.append(asyncio.create_task(hold(ticket)))
    await turns()
    assert len(line) == USERS
    return tasks


async def hold(ticket: Ticket[Option]) -> None:
    with ticket:
        await ticket.slot()
        await asyncio.Event().wait()


def hearer(told: list[str], ticket: Ticket[Option]) -> Any:
    def hear(*_: float) -> None:
        ticket.told = None  # the next is news, too
        told.append(ticket.user)

    return hear


async def end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_of_many_who_are_told_their_places_some_are_at_a_time_and_all_in_turn(work: Work):
    async def main() -> None:
        told: list[str] = []
        line = line_of()
        tasks = await fill(line, only(Option("m", Machine("a"))), told)
        assert len(told) == USERS, "each when it began to wait"
        told.clear()
        work.forget()
        await asyncio.sleep(1.9)
        assert Counter(told) == {f"user-{number}": 1 for number in range(1, USERS + 1)}
        assert max(work.through.values()) <= EFFORT_AT_ONCE
        assert len(work.forecasts) > 1
        assert sum(work.seen.values()) < USERS * USERS / 20, "forecasts share what they know of the others"
        await asyncio.sleep(1.0)
        assert set(Counter(told).values()) == {2}
        await end(tasks)

    leap(main())


def test_those_who_time_out_together_are_turned_away_some_at_a_time(work: Work):
    async def main() -> None:
        line = line_of(Bounds(timeout=10.0))
        tasks = await fill(line, only(Option("m", Machine("a"))))
        await asyncio.sleep(11)
        errors = [task.exception() for task in tasks[1:] if task.done()]
        assert [type(error) for error in errors] == [ServerOverloaded] * USERS
        assert sum(work.forecasts.values()) == USERS
        assert max(work.through.values()) <= EFFORT_AT_ONCE
        assert sum(work.seen.values()) < USERS * USERS / 20
        await end(tasks)

    leap(main())


def test_refusals_of_a_full_line_share_what_they_know_of_those_in_it(work: Work):
    async def main() -> None:
        line = line_of(Bounds(size=USERS))
        choices = only(Option("m", Machine("a")))
        tasks = await fill(line, choices)
        for number in range(50):
            with pytest.raises(ServerOverloaded) as refused:
                await line.enter(f"late-{number}", 1, choices).slot()
            assert refused.value.retry_after is not None
        assert (sum(work.forecasts.values()), sum(work.seen.values())) == (50, USERS)
        await end(tasks)

    leap(main())


async def test_when_an_upstream_goes_down_each_who_waits_is_reconsidered_once_and_some_in_a_turn():
    """All of them move to the next class."""
    line, first, second = line_of(), Machine("a"), Machine("b")
    asked = 0

    def count(option: Option, at: float) -> bool:
        nonlocal asked
        asked += 1
        return can_serve(option, at)

    line._can_serve = count
    tasks = await fill(line, [[Option("m", first)], [Option("m", second)]])
    first.due = None
    asked = 0
    line.changed("a")
    each_turn = [asked]
    while True:
        before = asked
        await asyncio.sleep(0)
        if asked == before:
            break
        each_turn.append(asked - before)
    assert line.statistics()["b"][:2] == (USERS - 1, 1)
    a_ticket = 5
    assert len(each_turn) == USERS / REVIEWED_AT_ONCE
    assert max(each_turn) <= a_ticket * REVIEWED_AT_ONCE + 10
    line.changed()  # twice in a turn is once
    line.changed()
    await turns(10)
    assert asked <= 3 * a_ticket * USERS
    await end(tasks)


async def test_who_left_before_being_reconsidered_is_left_alone():
    line, first, second = line_of(), Machine("a"), Machine("b")
    tasks = await fill(line, [[Option("m", first)], [Option("m", second)]])
    first.due = None
    line.changed("a")
    tasks[-1].cancel()
    await turns(10)
    assert line.statistics()["b"][:2] == (USERS - 2, 1)
    await end(tasks)
