"""Counters begin with what was used: as much as if all records had been counted, whatever limits there are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.store.values import NOON, a_record
from tollkeeper.rules.admission import Demand
from tollkeeper.rules.limits import COUNTED, NO_LIMITS, Limits
from tollkeeper.rules.owners import USER, Owner
from tollkeeper.rules.terms import terms_of
from tollkeeper.rules.usage import Usage
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.limits.backfill import Backfill
from tollkeeper.services.limits.usage import LimitUsage
from tollkeeper.store import memory
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.counters import AdmissionRequest, PastUse
from tollkeeper.store.ports.records import ADJUSTMENT, Record, requests_of

MINUTE = 60_000
DAY = 24 * 60 * MINUTE
MODELS = ("llama3.2:1b", "moondream:latest")
COUNTS = st.dictionaries(st.sampled_from(sorted(COUNTED)), st.just(10**9), max_size=3)
LIMITS = st.builds(
    lambda counts, models: Limits(counts=counts, models=models),
    COUNTS,
    st.dictionaries(st.sampled_from([*MODELS, "moondream"]), COUNTS, max_size=2),
)
OWNERS = st.tuples(*[LIMITS] * 5).map(lambda limits: [owner_of(account) for account in _accounts(*limits)])
RECORDS = st.builds(
    lambda age, whose, usage, **fields: a_record(NOON - age, user_id=whose[0], key_id=whose[1], usage=usage, **fields),
    st.integers(0, 3 * MINUTE) | st.integers(0, 26 * 60 * MINUTE) | st.integers(0, 70 * DAY),
    st.sampled_from([("ann", "key_1"), ("ann", "key_2"), ("ann", None), ("bob", "key_3"), ("bob", None)]),
    st.builds(Usage, st.integers(0, 99), completion_tokens=st.integers(0, 99)),
    model=st.sampled_from(MODELS),
    endpoint=st.sampled_from(["/v1/chat/completions", ADJUSTMENT]),
    cost_pico=st.integers(0, 99),
)


def _accounts(ann: Limits, bob: Limits, first: Limits, second: Limits, third: Limits) -> Iterator[User | Key]:
    yield User("ann", "user", "active", None, 0, limits=ann)
    yield User("bob", "user", "active", None, 0, limits=bob)
    yield Key("key_1", "ann", None, "sk-", b"1", 0, limits=first)
    yield Key("key_2", "ann", None, "sk-", b"2", 0, limits=second, origin="key_1")
    yield Key("key_3", "bob", None, "sk-", b"3", 0, limits=third)


async def _counted(records: list[Record]) -> MemoryCounters:
    """Every limit there could be, for everything that any could be on."""
    counters = MemoryCounters()
    for record in records:
        key_id = "key_1" if record.key_id == "key_2" else record.key_id or ""
        amounts = {"requests": requests_of(record), "tokens": record.usage.total_tokens, "cost": record.cost_pico}
        for owner in (("user", record.user_id), ("key", key_id)):
            for scope, (name, (quantity, span)) in product((owner, (*owner, record.model)), COUNTED.items()):
                by_admission = quantity == "requests" or span == "month"
                if amounts[quantity]:
                    at = record.created_at if by_admission else record.settled_at
                    await counters.add([PastUse(scope, name, amounts[quantity], at)])
    return counters


def _by_settlement(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.settled_at)


async def _used(counters: MemoryCounters, owners: list[Owner]) -> list[Mapping[str, Any]]:
    usage = LimitUsage(counters, lambda: NOON + 1)
    return [await use(owner) for owner in owners for use in (usage.of, usage.by_model)]


@settings(max_examples=100)
@given(owners=OWNERS, records=st.lists(RECORDS, max_size=15).map(_by_settlement))
def test_what_is_read_is_enough_for_any_limits(owners: list[Owner], records: list[Record]) -> None:
    async def compare() -> None:
        store = await memory.open_store()
        for record in records:
            await store.ledger.settle(record)
        whole, started, prepared = await _counted(records), MemoryCounters(), MemoryCounters()
        await Backfill(started, store.ledger, store.reports, lambda: NOON + 1).start(owners)
        assert await _used(started, owners) == (used := await _used(whole, owners))
        later = Backfill(prepared, store.ledger, store.reports, lambda: NOON + 1)
        await later.start(replace(owner, limits=NO_LIMITS) for owner in owners)
        for owner in owners:
            await later.prepare(owner)
        assert await _used(prepared, owners) == used
        await store.close()

    asyncio.run(compare())


async def test_nothing_is_kept_of_a_key_that_is_forgotten() -> None:
    """Not even of limits that it had before."""
    store = await memory.open_store()
    counters = MemoryCounters()
    counting = Backfill(counters, store.ledger, store.reports, lambda: NOON)
    empty = repr(counters)
    counts = {"tokens_total": 10**6, "requests_per_day": 5}
    before = Limits(counts=counts, models={"moondream": counts, "llama3.2:1b": counts})
    now = Limits(counts={"tokens_per_month": 10**6})
    key = Key("key_2", "ann", None, "sk-", b"2", 0, limits=before, origin="key_1")
    await counting.start([owner_of(key)])
    for limits in (before, now):
        await counting.prepare(owner := owner_of(replace(key, limits=limits)))
        terms = terms_of((Owner(USER, "ann"), owner), "moondream:latest")
        counters.settle(await counters.admit(AdmissionRequest(terms, Demand()), NOON), "moondream:latest", 7, 0, NOON)
    assert (await LimitUsage(counters, lambda: NOON).of(owner))["tokens_per_month"].used == 7
    counting.drop(owner)
    counters.drop(("user", "ann"))
    assert repr(counters) == empty
    assert counters.held() == 0
    assert counting._keys == {}
    await store.close()
