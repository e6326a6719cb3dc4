"""Corrections: a record of their own in the ledger, the counters and the sums. Their path: tests/control/"""

from __future__ import annotations

import json
from typing import Any, cast

from tests.services.in_memory import START, Clock
from tollkeeper.rules.ids import request_id
from tollkeeper.rules.owners import TEAM, USER, Owner
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.ledger.adjustments import Adjustments
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.ports.reports import Filter


class Noting(Observer):
    def __init__(self) -> None:
        self.seen: list[tuple[Record, int | None]] = []

    def settled(self, record: Record, allowance: int | None) -> None:
        self.seen.append((record, allowance))


class NotingCounters:
    def __init__(self) -> None:
        self.adjusted: list[tuple[object, ...]] = []

    def adjust(self, *what: object) -> None:
        self.adjusted.append(what)


async def test_an_adjustment_is_a_record_that_counters_and_observers_get() -> None:
    store, noting, counters = MemoryStore(), Noting(), NotingCounters()
    adjustments = Adjustments(
        store.ledger,
        cast(Any, counters),
        lambda user_id: [Owner(USER, user_id), Owner(TEAM, "blue")],
        noting,
        Clock(),
        lambda at: request_id(at, b"12345678"),
    )
    made = await adjustments.adjust("alice", -5, "a refund", Actor("root"))
    [record] = await store.reports.records(Filter(), limit=10, after=None)
    assert record == made
    assert (record.user_id, record.cost_pico, record.endpoint) == ("alice", -5, ADJUSTMENT)
    assert record.created_at == record.settled_at == START
    assert json.loads(record.metadata or "") == {"reason": "a refund", "by": "root"}
    assert noting.seen == [(made, None)]
    assert record.team_id == "blue"
    assert counters.adjusted == [(("user", "alice"), -5, START), (("team", "blue"), -5, START)]
