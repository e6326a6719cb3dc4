"""What every engine keeps of open alerts."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import NOON
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.alerts import Alert
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.store import Store

EVENT = Event("evt_1", NOON, "budget.threshold", "{}", "ann")
ALERT = Alert("user", "ann", "", "cost_usd_per_month", 80, NOON, 80, NOON, "evt_1", "ann")
LATER = replace(ALERT, model="tiny", at=NOON + 1, event_id="evt_2")


async def test_an_alert_is_opened_with_its_event(store: Store) -> None:
    assert await store.alerts.open(ALERT, EVENT)
    assert await store.alerts.open(LATER, replace(EVENT, id="evt_2"))
    assert await store.alerts.load() == [LATER, ALERT]
    assert [event.id for event in await store.events.events(limit=9)] == ["evt_2", "evt_1"]


async def test_of_many_who_find_the_same_one_reports_it(store: Store) -> None:
    tries = [store.alerts.open(ALERT, replace(EVENT, id=f"evt_{number}")) for number in range(20)]
    assert sorted(await asyncio.gather(*tries)) == [False] * 19 + [True]
    assert len(await store.events.events(limit=99)) == 1


async def test_a_later_window_opens_it_anew_and_an_earlier_one_does_not(store: Store) -> None:
    await store.alerts.open(ALERT, EVENT)
    next_month = replace(ALERT, window=NOON + 9, event_id="evt_2")
    assert await store.alerts.open(next_month, replace(EVENT, id="evt_2"))
    assert not await store.alerts.open(replace(ALERT, window=NOON + 8), replace(EVENT, id="evt_3"))
    assert await store.alerts.load() == [next_month]


async def test_what_is_closed_may_be_opened_again(store: Store) -> None:
    await store.alerts.open(ALERT, EVENT)
    over = replace(EVENT, id="evt_2", type="upstream.up")
    assert await store.alerts.close([ALERT.key], [over])
    assert not await store.alerts.close([ALERT.key], [replace(over, id="evt_3")])
    assert await store.alerts.load() == []
    assert await store.events.events(limit=9) == [over, EVENT]
    assert await store.alerts.open(ALERT, replace(EVENT, id="evt_4"))


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.alerts.open(ALERT, EVENT)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.alerts.open(LATER, replace(EVENT, id="evt_2"))
    with pytest.raises(StoreError):
        await store.alerts.close([ALERT.key])
    engine.mend_it()
    assert await store.alerts.load() == [ALERT]
    assert await store.events.events(limit=9) == [EVENT]
