"""The alerts that are open."""

from __future__ import annotations

from msgspec.structs import replace

from tests.services.in_memory import START, Clock
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.alerts import Alert

ALERT = Alert("user", "ann", "", "tokens_total", 80, 0, 80, START, "evt_1", "ann")


async def test_nodes_see_what_others_open_and_close() -> None:
    store = MemoryStore()
    outbox = Outbox(store.events, Clock())
    heard: list[int] = []
    outbox.on_saved.append(lambda: heard.append(1))
    ours, theirs = AlertBook(store.alerts, outbox), AlertBook(store.alerts, outbox)
    event = outbox.event("budget.threshold", {})
    await ours.open(ALERT, event)
    await theirs.open(ALERT, replace(event, id="evt_2"))
    assert heard == [1]  # one of the two
    assert ours.all() == theirs.all() == [ALERT]
    assert ours.of("user", "ann") == [ALERT]
    assert ours.of("user", "bob") == []
    await theirs.close([ALERT.key])
    assert ours.get(ALERT.key) == ALERT
    await ours.load()
    assert ours.get(ALERT.key) is None


async def test_who_is_second_knows_it_by_the_event_of_the_first() -> None:
    store = MemoryStore()
    outbox = Outbox(store.events, Clock())
    ours, theirs = AlertBook(store.alerts, outbox), AlertBook(store.alerts, outbox)
    event = outbox.event("budget.threshold", {})
    await ours.open(ALERT, event)
    await theirs.open(replace(ALERT, event_id="evt_2", at=START + 1), replace(event, id="evt_2"))
    assert theirs.all() == [ALERT]


async def test_what_is_read_does_not_undo_what_was_opened_meanwhile() -> None:
    store = MemoryStore()
    outbox = Outbox(store.events, Clock())
    book = AlertBook(store.alerts, outbox)
    load = store.alerts.load

    async def slowly() -> list[Alert]:
        found = await load()
        if not found:
            await book.open(ALERT, outbox.event("budget.threshold", {}))
        return found

    store.alerts.load = slowly  # type: ignore[method-assign]
    await book.load()
    assert book.all() == [ALERT]


async def test_the_alerts_of_a_user_who_was_erased_are_forgotten() -> None:
    store = MemoryStore()
    outbox = Outbox(store.events, Clock())
    book = AlertBook(store.alerts, outbox)
    for alert in (ALERT, replace(ALERT, id="bob", event_id="evt_2", user_id="bob")):
        await book.open(alert, replace(outbox.event("budget.threshold", {}), id=alert.event_id))
    book.forget("ann")
    assert [alert.id for alert in book.all()] == ["bob"]
    assert book.of("user", "ann") == []
