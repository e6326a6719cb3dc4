"""What every engine keeps of events, and of their deliveries."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import ANN, AUDIT, NOON
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.events import Delivery, Event
from tollkeeper.store.ports.store import Store

FIRST = Event("evt_1", NOON, "key.created", '{"a":1}', "ann")
SECOND = Event("evt_2", NOON + 1, "upstream.down", "{}")
THIRD = Event("evt_3", NOON + 2, "budget.threshold", "{}", "ann", "team_1")


def delivery(name: str, event: Event = FIRST, target: str = "wh_1", **fields) -> Delivery:
    made = Delivery(name, event.id, "webhook", target, NOON, NOON)
    return replace(made, **fields)


async def planned(store: Store, *deliveries: Delivery) -> None:
    await store.events.add([FIRST, SECOND, THIRD])
    for event in (FIRST, SECOND, THIRD):
        await store.events.plan(event.id, [each for each in deliveries if each.event_id == event.id])


async def test_events_come_newest_first_page_by_page(store: Store) -> None:
    await store.events.add([SECOND, FIRST, THIRD])
    assert await store.events.events(limit=2) == [THIRD, SECOND]
    assert await store.events.events(limit=2, after="evt_2") == [FIRST]


async def test_events_are_found_by_type_user_and_team(store: Store) -> None:
    await store.events.add([FIRST, SECOND, THIRD])
    assert await store.events.events(limit=9, types=["key.created", "upstream.down"]) == [SECOND, FIRST]
    assert await store.events.events(limit=9, user_id="ann") == [THIRD, FIRST]
    assert await store.events.events(limit=9, team_id="team_1") == [THIRD]


async def test_an_event_that_is_saved_twice_stays_as_it_was(store: Store) -> None:
    await store.events.add([FIRST])
    await store.events.plan(FIRST.id, [])
    await store.events.add([replace(FIRST, data="{}"), SECOND])
    assert await store.events.events(limit=9) == [SECOND, FIRST]
    assert await store.events.unplanned(9) == [SECOND]


async def test_the_event_of_a_change_is_saved_with_it_or_neither_is(store: Store, engine: Engine) -> None:
    await store.accounts.save(users=[ANN], audit=AUDIT, events=[FIRST])
    assert await store.events.events(limit=9) == [FIRST]
    engine.break_it()
    with pytest.raises(StoreError):
        await store.accounts.save(users=[replace(ANN, user_id="bob")], audit=AUDIT, events=[SECOND])
    engine.mend_it()
    assert await store.events.events(limit=9) == [FIRST]


async def test_an_event_is_planned_once(store: Store) -> None:
    await store.events.add([FIRST, SECOND])
    assert await store.events.unplanned(1) == [FIRST]
    await store.events.plan(FIRST.id, [delivery("dlv_1")])
    await store.events.plan(FIRST.id, [delivery("dlv_2")])
    assert await store.events.unplanned(9) == [SECOND]
    assert await store.events.due(NOON, 9) == [(delivery("dlv_1"), FIRST)]


async def test_the_most_overdue_deliveries_are_due_first(store: Store) -> None:
    late, early = delivery("dlv_1", next_at=NOON - 1), delivery("dlv_2", next_at=NOON - 2)
    await planned(store, late, early, delivery("dlv_3", next_at=NOON + 1))
    assert [due.delivery for due in await store.events.due(NOON, 9)] == [early, late]
    assert [due.delivery for due in await store.events.due(NOON, 1)] == [early]
    assert await store.events.next_due() == NOON - 2


async def test_a_busy_target_leaves_the_turn_to_others(store: Store) -> None:
    await planned(store, delivery("dlv_1"), delivery("dlv_2", target="wh_2"))
    assert [due.delivery.id for due in await store.events.due(NOON, 1, busy=["wh_1"])] == ["dlv_2"]


async def test_a_busy_channel_leaves_the_turn_to_the_other(store: Store) -> None:
    await planned(store, delivery("dlv_1", channel="email", target="ops@example.com"), delivery("dlv_2"))
    assert [due.delivery.id for due in await store.events.due(NOON, 1, without="email")] == ["dlv_2"]


async def test_a_delivery_is_claimed_once_until_the_claim_lapses(store: Store) -> None:
    await planned(store, delivery("dlv_1"))
    [(due, _)] = await store.events.due(NOON, 9)
    assert await store.events.claim(due, NOON + 1000)
    assert not await store.events.claim(due, NOON + 1000)
    assert await store.events.due(NOON, 9) == []
    assert len(await store.events.due(NOON + 1000, 9)) == 1


async def test_what_was_delivered_or_is_dead_is_not_due(store: Store) -> None:
    await planned(store, delivery("dlv_1"), delivery("dlv_2"))
    for name, status in (("dlv_1", "delivered"), ("dlv_2", "dead")):
        await store.events.save(delivery(name, status=status, count=3, tries='[{"at":1}]'))
    assert await store.events.due(NOON, 9) == []
    assert await store.events.next_due() is None
    assert not await store.events.claim(delivery("dlv_2"), NOON + 1)
    [(dead, _)] = await store.events.deliveries(target="wh_1", limit=9, status="dead")
    assert (dead.id, dead.count, dead.tries) == ("dlv_2", 3, '[{"at":1}]')


async def test_deliveries_to_one_target_come_newest_first(store: Store) -> None:
    await planned(store, delivery("dlv_1"), delivery("dlv_2", SECOND), delivery("dlv_3", target="wh_2"))
    found = await store.events.deliveries(target="wh_1", limit=9)
    assert [(due.delivery.id, due.event) for due in found] == [("dlv_2", SECOND), ("dlv_1", FIRST)]
    assert [due.delivery.id for due in await store.events.deliveries(target="wh_1", limit=9, after="dlv_2")] == [
        "dlv_1"
    ]


async def test_deliveries_are_found_by_what_became_of_them_and_by_id(store: Store) -> None:
    dead, mailed = delivery("dlv_1", status="dead"), delivery("dlv_2", target="a@b.example", channel="email")
    await planned(store, dead, mailed)
    assert await store.events.deliveries(limit=9) == [(mailed, FIRST), (dead, FIRST)]
    assert await store.events.deliveries(limit=9, status="dead") == [(dead, FIRST)]
    assert await store.events.deliveries(limit=9, channel="email") == [(mailed, FIRST)]
    assert await store.events.delivery("dlv_1") == (dead, FIRST)
    assert await store.events.delivery("dlv_9") is None


async def test_the_dead_are_tried_for_another_day_one_or_all(store: Store) -> None:
    dead = [delivery(name, status="dead", count=14) for name in ("dlv_1", "dlv_2", "dlv_3")]
    await planned(store, *dead, delivery("dlv_4", status="delivered"), delivery("dlv_5", target="wh_2", status="dead"))
    assert await store.events.revive(NOON + 5, target="wh_1", only="dlv_1") == 1
    assert await store.events.revive(NOON + 6, target="wh_1", only="dlv_4") == 0
    assert await store.events.revive(NOON + 7, target="wh_1") == 2
    due = [each.delivery for each in await store.events.due(NOON + 9, 9)]
    assert [(each.id, each.began_at, each.next_at) for each in due if each.count == 0] == [
        ("dlv_1", NOON + 5, NOON + 5),
        ("dlv_2", NOON + 7, NOON + 7),
        ("dlv_3", NOON + 7, NOON + 7),
    ]


async def test_what_is_deleted_stays_deleted(store: Store) -> None:
    await planned(store, delivery("dlv_1"))
    await store.webhooks.delete("wh_1", AUDIT)
    await store.events.save(delivery("dlv_1", status="delivered"))
    assert await store.events.deliveries(target="wh_1", limit=9) == []


async def test_old_events_are_forgotten_but_for_those_on_their_way(store: Store) -> None:
    await store.events.add([FIRST, SECOND, THIRD])
    await store.events.plan(FIRST.id, [delivery("dlv_1", status="delivered")])
    await store.events.plan(SECOND.id, [delivery("dlv_2", SECOND)])
    await store.events.forget(NOON + 9)
    assert await store.events.events(limit=9) == [THIRD, SECOND]
    assert [due.delivery.id for due in await store.events.deliveries(target="wh_1", limit=9)] == ["dlv_2"]


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await planned(store, delivery("dlv_1"))
    engine.break_it()
    with pytest.raises(StoreError):
        await store.events.add([replace(FIRST, id="evt_9")])
    with pytest.raises(StoreError):
        await store.events.claim(delivery("dlv_1"), NOON + 1)
    engine.mend_it()
    assert len(await store.events.events(limit=9)) == 3
    assert await store.events.next_due() == NOON
