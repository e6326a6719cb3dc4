"""Upstreams that are down, and a ledger that cannot be written."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from tests.services.in_memory import Clock
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.alerts.conditions import Condition, Conditions
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.events import Event

UP, DOWN, UNKNOWN = Condition("up"), Condition("down", "it fails its probe"), Condition(None)


@dataclass
class House:
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: Clock = field(default_factory=Clock)
    upstreams: dict[str, Condition] = field(default_factory=dict)
    failing: str | None = None
    unsaved: list[Event] = field(default_factory=list)

    async def start(self) -> None:
        outbox = Outbox(self.store.events, self.clock)
        book = AlertBook(self.store.alerts, outbox)
        await book.load()
        self.conditions = Conditions(book, outbox, lambda: self.failing, lambda: self.upstreams, self._send)

    async def _send(self, event: Event) -> None:
        self.unsaved.append(event)

    async def told(self) -> list[tuple[str, dict[str, Any]]]:
        self.clock.ms += 1
        await self.conditions.check()
        events = sorted(await self.store.events.events(limit=99), key=lambda event: event.id)
        return [(event.type, msgspec.json.decode(event.data)) for event in events]


@pytest.fixture
async def house() -> House:
    made = House()
    await made.start()
    return made


async def test_an_upstream_is_reported_when_it_goes_down_and_when_it_is_up_again(house: House) -> None:
    house.upstreams = {"gpu": UP}
    assert await house.told() == []
    house.upstreams = {"gpu": DOWN}
    down = ("upstream.down", {"upstream": "gpu", "reason": "it fails its probe"})
    assert await house.told() == [down]
    assert await house.told() == [down]
    house.upstreams = {"gpu": UNKNOWN}
    assert await house.told() == [down]
    house.upstreams = {"gpu": UP}
    up = ("upstream.up", {"upstream": "gpu", "down_since": "2026-11-20T12:00:00.125Z"})
    assert await house.told() == [down, up]
    house.upstreams = {"gpu": DOWN}
    assert [event for event, _ in await house.told()] == ["upstream.down", "upstream.up", "upstream.down"]


async def test_a_restart_reports_neither_twice(house: House) -> None:
    house.upstreams = {"gpu": DOWN}
    await house.told()
    await house.start()
    house.upstreams = {"gpu": UNKNOWN}
    await house.told()
    house.upstreams = {"gpu": DOWN}
    assert len(await house.told()) == 1
    await house.start()
    house.upstreams = {"gpu": UP}
    assert [event for event, _ in await house.told()] == ["upstream.down", "upstream.up"]


async def test_an_upstream_that_is_removed_or_disabled_is_not_reported_as_up(house: House) -> None:
    house.upstreams = {"gpu": DOWN}
    await house.told()
    house.upstreams = {}
    assert len(await house.told()) == 1
    house.upstreams = {"gpu": UP}
    assert len(await house.told()) == 1


async def test_a_ledger_that_fails_is_reported_at_once_and_saved_when_it_writes_again(house: House) -> None:
    house.failing = house.store.fail = "the disk is full"
    for _ in range(3):
        await house.conditions.check()
        await asyncio.sleep(0)
    [sent] = house.unsaved
    assert (sent.type, msgspec.json.decode(sent.data)) == ("ledger.failing", {"reason": "the disk is full"})
    house.failing = None
    await house.conditions.check()  # it still cannot be saved
    house.store.fail = None
    failing, recovered = await house.told()
    assert failing == ("ledger.failing", {"reason": "the disk is full"})
    assert recovered == (
        "ledger.recovered",
        {"failed_at": "2026-11-20T12:00:00.123Z", "reason": "the disk is full"},
    )
    assert sent.id in [event.id for event in await house.store.events.events(limit=9)]
    assert len(await house.told()) == 2


async def test_an_upstream_that_goes_down_while_nothing_can_be_saved_is_reported_later(house: House) -> None:
    house.store.fail = "the disk is full"
    house.upstreams = {"gpu": DOWN}
    assert await house.told() == []
    house.store.fail = None
    assert [event for event, _ in await house.told()] == ["upstream.down"]


async def test_a_fault_does_not_end_the_watch(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tollkeeper.services.alerts.conditions.CHECK_EVERY", 0)
    calls: list[int] = []
    again = asyncio.Event()

    async def check() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a fault of the gateway")
        again.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(house.conditions, "check", check)
    running = asyncio.create_task(house.conditions.run())
    async with asyncio.timeout(5):
        await again.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
