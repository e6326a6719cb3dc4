"""Running totals by themselves; as a stream shows them: test_live.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.in_memory import START, Clock, record
from tollkeeper.rules.usage import Usage
from tollkeeper.services.watching.totals import TOP, RunningTotals, Table
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.ports.reports import Totals

DAY = 86_400_000
USAGE = Usage(prompt_tokens=10, completion_tokens=20)


class Bench:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        self.totals = RunningTotals(self.store.ledger, self.store.reports, self.clock)
        self.count = 0

    async def settle(self, **fields: Any) -> Record:
        self.count += 1
        usual = {"request_id": f"req_{self.count:04}", "created_at": self.clock(), "usage": USAGE, "cost_pico": 5}
        made = record(**(usual | fields))
        commit = self.store.ledger.settle(made)
        self.totals.settled(made, None)
        await commit
        return made


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_nothing_is_kept_until_somebody_looks(bench: Bench) -> None:
    await bench.settle()
    assert bench.totals.today.total.requests == 0
    assert bench.totals.changed(10) == []
    assert repr(bench.totals) == "RunningTotals(not kept)"


async def test_what_was_settled_before_and_since_is_counted_once(bench: Bench) -> None:
    await bench.settle()
    await bench.totals.keep()
    await bench.settle(status="failed")
    await bench.totals.keep()
    assert bench.totals.today.total.totals() == Totals(2, 20, 0, 0, 40, 0, 10)
    assert bench.totals.today.total.errors == 1
    assert repr(bench.totals) == "RunningTotals(kept)"


async def test_those_of_one_user_are_of_nobody_else(bench: Bench) -> None:
    totals = bench.totals = RunningTotals(bench.store.ledger, bench.store.reports, bench.clock, user_id="alice")
    for user_id in ("alice", "bob"):
        await bench.settle(user_id=user_id)
    await totals.keep()
    for user_id in ("alice", "bob"):
        await bench.settle(user_id=user_id)
    for span in (totals.today, totals.month):
        assert span.total.totals() == Totals(2, 20, 0, 0, 40, 0, 10)
        assert span.by == {}


async def test_who_changed_is_reported_once_those_first_who_wait_longest(bench: Bench) -> None:
    await bench.totals.keep()
    for user_id in ("alice", "bob", "alice", "carol"):
        await bench.settle(user_id=user_id)
    assert bench.totals.changed(2) == ["alice", "bob"]
    assert bench.totals.changed(2) == ["carol"]
    assert bench.totals.changed(2) == []


async def test_an_adjustment_counts_for_its_user_and_for_no_model(bench: Bench) -> None:
    await bench.totals.keep()
    await bench.settle(endpoint=ADJUSTMENT, model="", usage=Usage(), cost_pico=-3)
    today = bench.totals.today
    assert (today.total.requests, today.total.cost_pico) == (0, -3)
    assert today.of_user("alice").cost_pico == -3
    assert not today.by["model"].rows


async def test_a_new_day_begins_with_nothing_and_the_month_goes_on(bench: Bench) -> None:
    await bench.totals.keep()
    await bench.settle()
    bench.clock.ms += DAY
    bench.totals.turn(bench.clock())
    assert bench.totals.today.total.requests == 0
    assert bench.totals.month.total.requests == 1


async def test_what_is_forgotten_is_read_anew(bench: Bench) -> None:
    await bench.totals.keep()
    await bench.settle()
    bench.totals.forget()
    assert not bench.totals.kept
    await bench.settle()
    await bench.totals.keep()
    assert bench.totals.today.total.requests == 2


def test_the_first_ten_are_found_among_those_who_were_and_those_who_changed() -> None:
    table = Table()
    for number in range(TOP + 5):
        table.add(f"user-{number:02}", record(user_id=f"user-{number:02}", created_at=START, cost_pico=100 - number))
    assert [name for name, _ in table.top()] == [f"user-{number:02}" for number in range(TOP)]
    table.add("user-14", record(cost_pico=1000))
    assert table.top()[0][0] == "user-14"
    table.add("user-14", record(cost_pico=-1050))
    assert [name for name, _ in table.top()] == [f"user-{number:02}" for number in range(TOP)]
