"""What every engine counts of refused requests."""

from __future__ import annotations

import asyncio

import pytest

from tests.store.engines import Engine
from tests.store.values import NOON, a_record
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.refusals import RefusalFilter, RefusalGroup, RefusalKey, RefusalSum
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.ports.store import Store
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, MINUTE_MS, day_of, hour_of, minute_of

AT = hour_of(NOON) + HOUR_MS
ALL = RefusalFilter()
PACE = RefusalKey(AT, "ann", "key_1", "tiny", 429, "rate_limit_exceeded", "requests_per_minute")
TOKENS = PACE._replace(limit="tokens_per_minute")
OF_BOB = RefusalKey(AT + MINUTE_MS, "bob", "key_2", "", 403, "account_suspended", "")
UNKNOWN = RefusalKey(AT + DAY_MS, "", "", "", 401, "invalid_api_key", "")


async def sums(store: Store, *groups: RefusalGroup, which: RefusalFilter = ALL) -> list[RefusalSum]:
    rows, total = await store.refusals.summary(which, groups, limit=100)
    assert sum(row.count for row in rows) == total
    return rows


@pytest.fixture
async def counted(store: Store) -> Store:
    await store.refusals.add([(PACE, 5), (TOKENS, 2), (OF_BOB, 3), (UNKNOWN, 9)])
    return store


async def test_they_are_summed_by_every_group(counted: Store) -> None:
    last, later = UNKNOWN.minute, OF_BOB.minute
    assert await sums(counted, "user") == [
        RefusalSum(9, last, user_id=""), RefusalSum(7, AT, user_id="ann"), RefusalSum(3, later, user_id="bob"),
    ]  # fmt: skip
    assert await sums(counted, "key") == [
        RefusalSum(9, last, key_id=""), RefusalSum(7, AT, key_id="key_1"), RefusalSum(3, later, key_id="key_2"),
    ]  # fmt: skip
    assert await sums(counted, "model") == [RefusalSum(12, last, model=""), RefusalSum(7, AT, model="tiny")]
    assert await sums(counted, "reason") == [
        RefusalSum(9, last, status=401, code="invalid_api_key", limit=""),
        RefusalSum(5, AT, status=429, code="rate_limit_exceeded", limit="requests_per_minute"),
        RefusalSum(3, later, status=403, code="account_suspended", limit=""),
        RefusalSum(2, AT, status=429, code="rate_limit_exceeded", limit="tokens_per_minute"),
    ]
    assert await sums(counted, "day") == [
        RefusalSum(10, later, day=day_of(AT)), RefusalSum(9, last, day=day_of(last)),
    ]  # fmt: skip
    assert await sums(counted, "user", "hour") == [
        RefusalSum(9, last, user_id="", hour=AT + DAY_MS),
        RefusalSum(7, AT, user_id="ann", hour=AT),
        RefusalSum(3, later, user_id="bob", hour=AT),
    ]


async def test_counts_add_up(counted: Store) -> None:
    await counted.refusals.add([(PACE, 10), (PACE._replace(minute=AT + MINUTE_MS), 1)])
    assert await sums(counted, "user", which=RefusalFilter("ann")) == [RefusalSum(18, AT + MINUTE_MS, user_id="ann")]


@pytest.mark.parametrize(
    ("which", "count"),
    [
        (RefusalFilter("ann"), 7),
        (RefusalFilter("nobody"), 0),
        (RefusalFilter(""), 9),
        (RefusalFilter(key_id="key_2"), 3),
        (RefusalFilter("ann", "key_2"), 0),
        (RefusalFilter(since=AT + MINUTE_MS), 12),
        (RefusalFilter(until=AT + MINUTE_MS), 7),
        (RefusalFilter("bob", since=AT, until=AT + DAY_MS), 3),
    ],
)
async def test_they_are_selected(counted: Store, which: RefusalFilter, count: int) -> None:
    assert sum(row.count for row in await sums(counted, "user", which=which)) == count


async def test_of_many_groups_the_largest_are_given_and_all_are_counted(counted: Store) -> None:
    rows, total = await counted.refusals.summary(ALL, ["user"], limit=1)
    assert (rows, total) == ([RefusalSum(9, UNKNOWN.minute, user_id="")], 19)


async def test_minutes_are_folded_into_their_hour_and_no_sum_changes(counted: Store) -> None:
    other = PACE._replace(minute=AT + 30 * MINUTE_MS)
    late = PACE._replace(minute=AT + HOUR_MS)
    await counted.refusals.add([(other, 4), (late, 1), (late._replace(minute=late.minute + MINUTE_MS), 1)])
    before = [(row.user_id, row.count) for row in await sums(counted, "user", "hour", "reason")]
    for _ in range(2):
        await counted.refusals.fold(AT + HOUR_MS)
        assert [(row.user_id, row.count) for row in await sums(counted, "user", "hour", "reason")] == before
        within = RefusalFilter(since=AT + 1, until=AT + HOUR_MS)
        assert await sums(counted, "user", which=within) == [], "what is left of the hour begins with it"
        after = RefusalFilter("ann", since=AT + HOUR_MS + 1)
        assert len(await sums(counted, "user", which=after)) == 1, "later minutes stay"


async def test_what_could_not_be_added_is_not(store: Store, engine: Engine) -> None:
    engine.break_it()
    with pytest.raises(StoreError):
        await store.refusals.add([(PACE, 1)])
    engine.mend_it()
    assert await sums(store, "user") == []
    store.ledger.settle(a_record(user_id="ann"))
    await asyncio.shield(store.ledger.flush())
    await store.refusals.add([(PACE, 1)])
    assert await sums(store, "user") == [RefusalSum(1, AT, user_id="ann")]
    assert len(await store.reports.records(Filter(user_id="ann"), limit=9, after=None)) == 1


async def test_a_user_without_records_is_still_themselves_with_one(store: Store, engine: Engine) -> None:
    await store.refusals.add([(PACE, 1), (OF_BOB, 1)])
    store.ledger.settle(a_record(user_id="ann"))
    await asyncio.shield(store.ledger.flush())
    assert [row.user_id for row in await sums(store, "user", which=RefusalFilter("ann"))] == ["ann"]
    assert len(await store.reports.records(Filter(user_id="ann"), limit=9, after=None)) == 1
    assert minute_of(AT) == AT
