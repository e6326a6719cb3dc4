"""New events."""

from __future__ import annotations

from tests.services.events.rig import Clock
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.events import Event


async def test_an_event_is_of_now_or_of_an_earlier_moment() -> None:
    outbox = Outbox(MemoryStore().events, Clock(5), entropy=bytes)
    event = outbox.event("key.created", {"a": 1}, user_id="ann", team_id="t")
    assert event == Event("evt_000000000005" + "00" * 8, 5, "key.created", '{"a":1}', "ann", "t")
    assert outbox.event("key.created", {}, at=3).at == 3


async def test_ids_sort_by_time_and_differ() -> None:
    clock = Clock(5)
    outbox = Outbox(MemoryStore().events, clock)
    first, second = outbox.event("key.created", {}), outbox.event("key.created", {})
    clock.ms = 6
    later = outbox.event("key.created", {})
    assert first.id != second.id
    assert max(first.id, second.id) < later.id


async def test_whoever_sends_hears_of_what_was_saved() -> None:
    store = MemoryStore()
    outbox = Outbox(store.events, Clock(5))
    heard: list[int] = []
    outbox.on_saved.append(lambda: heard.append(1))
    event = outbox.event("key.created", {})
    assert heard == []
    await outbox.add([event])
    assert heard == [1]
    assert await store.events.events(limit=9) == [event]
