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
