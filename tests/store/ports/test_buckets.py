"""What every engine promises of sums by bucket of time: they are the ledger's, however they are cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.store.sqlite.older import earlier_revision
from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.rules.usage import Usage
from tollkeeper.store import memory, sqlite
from tollkeeper.store.ports.buckets import Bucket, BucketQuery
from tollkeeper.store.ports.records import ADJUSTMENT, EMBEDDING_ENDPOINTS, TEXT_ENDPOINTS, Record
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.ports.store import Store
from tollkeeper.store.sqlite.verify import verify
from tollkeeper.wire.dialects import DIALECTS

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MIDNIGHT = NOON - 12 * HOUR
MOST = 1000
ALL_DAY = BucketQuery(MIDNIGHT, MIDNIGHT + DAY, "day")


async def settle(store: Store, *records: Record) -> None:
    for record in records:
        store.ledger.settle(record)
    await store.ledger.flush()


async def requests(store: Store, query: BucketQuery) -> list[tuple[Any, ...]]:
    return [(found.at, *found.group, found.totals.requests) for found in await store.buckets.sums(query, most=MOST)]


async def test_a_bucket_has_the_records_made_in_it_from_its_first_moment_to_before_its_end(store: Store) -> None:
    await settle(store, *(a_record(NOON + at) for at in (-1, 0, HOUR - 1, HOUR)))
    hours = replace(ALL_DAY, width="hour")
    assert await requests(store, hours) == [(NOON - HOUR, 1), (NOON, 2), (NOON + HOUR, 1)]
    assert await requests(store, ALL_DAY) == [(MIDNIGHT, 4)]


async def test_minutes_count_all_of_a_record_at_its_admission(store: Store) -> None:
    await settle(store, a_record(NOON + MINUTE - 1, settled_at=NOON + 5 * MINUTE))
    [found] = await store.buckets.sums(replace(ALL_DAY, width="minute"), most=MOST)
    assert found == Bucket(NOON, (), Totals(1, 10, 2, 1, 5, 3, 25))


async def test_a_span_may_begin_and_end_anywhere(store: Store) -> None:
    await settle(store, *(a_record(NOON + at) for at in (4, 5, HOUR + 5, 2 * HOUR + 4, 2 * HOUR + 5)))
    for width in ("minute", "hour", "day"):
        found = await requests(store, BucketQuery(NOON + 5, NOON + 2 * HOUR + 5, width))
        assert sum(counted for *_, counted in found) == 3
    assert await requests(store, BucketQuery(NOON + 5, NOON + 5, "hour")) == []
    assert await requests(store, BucketQuery(NOON + 5, NOON + 6, "day")) == [(MIDNIGHT, 1)]


async def test_groups_have_their_values_in_the_order_asked_for(store: Store) -> None:
    await settle(store, a_record(), a_record(user_id="bob", key_id=None), a_record(model="b:1", team_id="red"))
    found = await requests(store, replace(ALL_DAY, group_by=["model", "user", "team", "key"]))
    assert found == [
        (MIDNIGHT, "b:1", "ann", "red", "key_1", 1),
        (MIDNIGHT, "llama3.2:1b", "ann", "", "key_1", 1),
        (MIDNIGHT, "llama3.2:1b", "bob", "", "", 1),
    ]


@pytest.mark.parametrize("width", ["minute", "hour", "day"])
@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"users": ["bob", "nobody"]}, 1),
        ({"keys": ["", "key_2"]}, 1),
        ({"models": ["m:1", "llama3.2:1b"]}, 3),
        ({"users": ["ann", "bob"], "models": ["m:1"]}, 0),
        ({"users": []}, 0),
        ({"teams": ["red"]}, 1),
        ({"teams": [""], "users": ["bob", "eve"]}, 1),
    ],
)
async def test_filters_leave_what_has_one_of_their_values(
    store: Store, filters: dict[str, Any], left: int, width: Any
) -> None:
    await settle(store, a_record(), a_record(user_id="bob"), a_record(user_id="eve", key_id=None, team_id="red"))
    found = await requests(store, replace(ALL_DAY, width=width, **filters))
    assert sum(counted for *_, counted in found) == left


@pytest.mark.parametrize("width", ["minute", "hour", "day"])
async def test_text_and_embeddings_are_told_apart_by_endpoint(store: Store, width: Any) -> None:
    embedding = a_record(endpoint="/v1/embeddings", usage=Usage(prompt_tokens=7), cost_pico=3)
    await settle(
        store,
        a_record(endpoint="/api/chat"),
        embedding,
        a_record(endpoint="/api/embed"),
        a_record(endpoint="/v1/moderations"),
        a_record(endpoint=ADJUSTMENT, model="", usage=Usage(), cost_pico=-4),
    )

    async def totals(work: Any, **more: Any) -> list[Totals]:
        query = replace(ALL_DAY, width=width, work=work, **more)
        return [found.totals for found in await store.buckets.sums(query, most=MOST)]

    [text] = await totals("text")
    [embeddings] = await totals("embeddings")
    [everything] = await totals("all")
    assert (text.requests, text.prompt_tokens, text.cost_pico) == (1, 10, 21)
    assert (embeddings.requests, embeddings.prompt_tokens, embeddings.cost_pico) == (2, 17, 28)
    assert (everything.requests, everything.cost_pico) == (4, 74)
    assert (await totals("text", group_by=["user"]))[0] == text
    assert (await totals("embeddings", users=["ann"]))[0] == embeddings


async def test_no_more_than_the_first_groups_are_read(store: Store) -> None:
    await settle(store, *(a_record(NOON + hour * HOUR, user_id=user) for hour in range(3) for user in "abc"))
    query = replace(ALL_DAY, width="hour", group_by=["user"])
    found = await store.buckets.sums(query, most=4)
    assert [(each.at, each.group) for each in found[:3]] == [(NOON, ("a",)), (NOON, ("b",)), (NOON, ("c",))]
    assert [each.at for each in found[3:]] == [NOON + HOUR]


async def test_sums_by_hour_and_endpoint_outlive_the_records(store: Store) -> None:
    await settle(store, a_record(), a_record(endpoint="/v1/embeddings"), a_record(NOON + DAY))
    assert await store.buckets.newest_pruned() is None
    await store.ledger.prune(NOON + HOUR)
    assert await store.buckets.newest_pruned() == NOON + 700
    assert await requests(store, replace(ALL_DAY, work="text")) == [(MIDNIGHT, 1)]
    assert await requests(store, replace(ALL_DAY, work="embeddings")) == [(MIDNIGHT, 1)]


async def test_parts_of_an_hour_that_is_pruned_add_up_to_it(store: Store) -> None:
    await settle(store, *(a_record(MIDNIGHT + n * HOUR // 4) for n in range(4)))
    await store.ledger.prune(MIDNIGHT + HOUR // 2)
    spans = [(0, 10), (10, HOUR // 2), (HOUR // 2, HOUR)]
    parts = [await requests(store, BucketQuery(MIDNIGHT + a, MIDNIGHT + b, "hour")) for a, b in spans]
    assert parts == [[(MIDNIGHT, 2)], [], [(MIDNIGHT, 2)]]


WORKS = ("text", "embeddings", "all")
RECORDS = st.lists(
    st.builds(
        lambda at, **fields: a_record(MIDNIGHT + at, **fields),
        at=st.integers(0, 2 * DAY),
        user_id=st.sampled_from(["ann", "bob"]),
        key_id=st.sampled_from([None, "key_1"]),
        team_id=st.sampled_from([None, "red"]),
        model=st.sampled_from(["a:1", "b:1"]),
        status=st.sampled_from(["completed", "failed"]),
        endpoint=st.sampled_from(["/v1/chat/completions", "/v1/embeddings", "/v1/rerank", ADJUSTMENT]),
        cost_pico=st.integers(-(10**9), 10**15),
    ),
    max_size=30,
)
PRUNED = st.none() | st.integers(0, 2 * DAY)
QUERIES = st.builds(
    BucketQuery,
    since=st.integers(MIDNIGHT - 1, MIDNIGHT + 2 * DAY),
    until=st.integers(MIDNIGHT, MIDNIGHT + 2 * DAY + 1),
    width=st.sampled_from(["minute", "hour", "day"]),
    group_by=st.lists(st.sampled_from(["user", "key", "model", "team"]), unique=True),
    work=st.sampled_from(WORKS),
    users=st.none() | st.just(["ann"]),
    keys=st.none() | st.just([""]),
    models=st.none() | st.just(["a:1"]),
    teams=st.none() | st.just(["red"]),
)


@pytest.mark.long
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(given_records=RECORDS, queries=st.lists(QUERIES, min_size=1, max_size=6), pruned=PRUNED)
async def test_both_engines_agree_on_every_query(
    tmp_path_factory: pytest.TempPathFactory,
    given_records: list[Record],
    queries: list[BucketQuery],
    pruned: int | None,
) -> None:
    plain = await memory.open_store()
    real = await sqlite.open_store(tmp_path_factory.mktemp("buckets") / "ledger.db", now=lambda: NOON)
    try:
        for store in (plain, real):
            await settle(store, *given_records)
            if pruned is not None:
                await store.ledger.prune(MIDNIGHT + pruned)
        for query in queries:
            assert await real.buckets.sums(query, most=MOST) == await plain.buckets.sums(query, most=MOST)
        [(_, expected)] = await plain.reports.summary(EVERYTHING, ())
        whole = await real.buckets.sums(BucketQuery(MIDNIGHT, MIDNIGHT + 3 * DAY, "day"), most=MOST)
        assert sum(found.totals.cost_pico for found in whole) == expected.cost_pico
    finally:
        await real.close()
        await plain.close()


def paths(*, generating: bool) -> set[str]:
    return {each.path for one in DIALECTS for each in one.endpoints if each.generates is generating and not each.counts}


def test_text_endpoints_are_those_that_generate() -> None:
    assert paths(generating=True) == TEXT_ENDPOINTS
    assert paths(generating=False) > EMBEDDING_ENDPOINTS


async def test_a_database_of_before_sums_by_endpoint_gets_those_of_its_records(tmp_path: Path) -> None:
    store = await sqlite.open_store(tmp_path / "ledger.db", now=lambda: NOON)
    await settle(store, a_record(), *(a_record(endpoint="/api/embed", key_id=key) for key in (None, "key_1", None)))
    query = replace(ALL_DAY, work="embeddings", group_by=["key"])
    expected = await store.buckets.sums(query, most=MOST)
    await store.close()
    path = tmp_path / "older.db"
    earlier_revision(path, 20, tmp_path / "ledger.db")
    again = await sqlite.open_store(path, now=lambda: NOON)
    assert await again.buckets.sums(query, most=MOST) == expected
    assert [(found.group, found.totals.requests) for found in expected] == [(("",), 2), (("key_1",), 1)]
    await again.close()
    assert verify(path).faults == ()
