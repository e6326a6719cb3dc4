"""What every engine's reports promise; above all that sums agree, however they are cut."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.rules.ids import request_id
from tollkeeper.rules.usage import Usage
from tollkeeper.store import memory, sqlite
from tollkeeper.store.ports.record_order import Order, OrderBy
from tollkeeper.store.ports.records import ADJUSTMENT, Record, RecordStatus, tags_of
from tollkeeper.store.ports.reports import Filter, Group, Spending, Totals
from tollkeeper.store.ports.store import Store

HOUR = 3_600_000


async def settle(store: Store, *records: Record) -> None:
    for record in records:
        store.ledger.settle(record)
    await store.ledger.flush()


async def ids(store: Store, which: Filter, limit: int = 1000, after: str | None = None) -> list[str]:
    return [record.request_id for record in await store.reports.records(which, limit=limit, after=after)]


async def test_records_come_newest_first_in_pages_without_gaps(store: Store) -> None:
    given = [a_record(NOON + n // 3) for n in range(25)]
    await settle(store, *given)
    expected = sorted((record.request_id for record in given), reverse=True)
    seen: list[str] = []
    while page := await ids(store, EVERYTHING, limit=10, after=seen[-1] if seen else None):
        assert len(page) <= 10
        seen += page
    assert seen == expected


async def test_a_span_holds_its_first_moment_and_not_its_last(store: Store) -> None:
    given = [a_record(NOON + n) for n in range(5)]
    await settle(store, *given)
    assert await ids(store, Filter(since=NOON + 1, until=NOON + 3)) == [given[2].request_id, given[1].request_id]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (Filter(user_id="bob"), {"user_id": "bob"}),
        (Filter(key_id="key_2"), {"key_id": "key_2"}),
        (Filter(model="moondream:latest"), {"model": "moondream:latest"}),
        (Filter(status="failed"), {"status": "failed"}),
    ],
)
async def test_a_filter_leaves_only_what_it_names(store: Store, which: Filter, expected: dict[str, Any]) -> None:
    await settle(store, a_record(), chosen := a_record(**expected))
    assert await ids(store, which) == [chosen.request_id]
    assert [sums.requests for _, sums in await store.reports.summary(which, [])] == [1]


ORDERS = [Order(by, descending=descending) for by in get_args(OrderBy) for descending in (True, False)]


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_records_come_in_every_order_in_pages_without_gaps_both_ways(store: Store, order: Order) -> None:
    """Many of them equal in the figure: then their ids decide."""
    given = [
        a_record(
            NOON + n // 3 * HOUR // 3,
            cost_pico=n * 7 % 5 - 2,
            latency_ms=n * 11 % 4,
            user_id="ann" if n % 6 else "bob",
            metadata='{"project":"blue"}' if n % 2 else None,
        )
        for n in range(25)
    ]
    await settle(store, *given)
    selections: list[tuple[Filter, Callable[[Record], bool]]] = [
        (EVERYTHING, lambda _: True),
        (Filter(user_id="ann", since=NOON + 1), lambda one: one.user_id == "ann" and one.created_at > NOON),
        (Filter(tag=("project", "blue")), lambda one: one.metadata is not None),
        (Filter(tag=("project", "blue"), until=NOON + HOUR), lambda one: one in given[1:9:2]),
        (Filter(tag=("project", "")), lambda one: one.metadata is None),
    ]
    for which, matches in selections:
        expected = sorted(filter(matches, given), key=order.place, reverse=order.descending)
        for way, rows in ((order, expected), (order.reverse, expected[::-1])):
            seen: list[Record] = []
            while page := await store.reports.records(
                which, limit=4, after=way.write_cursor(seen[-1]) if seen else None, order=way
            ):
                assert len(page) <= 4
                seen += page
            assert seen == rows


async def test_the_beginning_of_an_id_finds_its_records_and_their_sums(store: Store) -> None:
    given = [
        replace(a_record(at), request_id=request_id(at, bytes([n] * 8)))
        for n, at in enumerate([NOON] * 3 + [NOON + 2 * HOUR])
    ]
    await settle(store, *given)
    for beginning in (
        "req_",
        "r",
        given[0].request_id[:9],
        given[0].request_id[:16],
        given[2].request_id[:18],
        given[3].request_id,
    ):
        for which in (Filter(request_id=beginning), Filter(request_id=beginning, since=NOON, until=NOON + HOUR)):
            expected = [
                record.request_id
                for record in given[::-1]
                if record.request_id.startswith(beginning) and (which.until is None or record.created_at < which.until)
            ]
            assert await ids(store, which) == expected
            assert [sums.requests for _, sums in await store.reports.summary(which, [])] == [len(expected)]
    for beginning in ("req_x", "request", given[0].request_id + "0", "%", given[0].request_id.upper()):
        assert await ids(store, Filter(request_id=beginning)) == []
        assert (await store.reports.summary(Filter(request_id=beginning), []))[0][1] == Totals()


async def test_an_unknown_record_is_none(store: Store) -> None:
    assert await store.reports.record("req_none") is None


async def test_hours_days_and_absent_keys_have_names(store: Store) -> None:
    await settle(store, a_record(NOON, key_id=None), a_record(NOON + HOUR + 5))
    groups = [group for group, _ in await store.reports.summary(EVERYTHING, ["day", "hour", "key"])]
    assert groups == [
        ("2026-11-20", "2026-11-20T12:00:00Z", ""),
        ("2026-11-20", "2026-11-20T13:00:00Z", "key_1"),
    ]


async def test_no_groups_is_one_row_and_groups_of_nothing_are_none(store: Store) -> None:
    assert await store.reports.summary(EVERYTHING, []) == [((), Totals())]
    assert await store.reports.summary(Filter(since=5, until=5), []) == [((), Totals())]
    assert await store.reports.summary(EVERYTHING, ["user"]) == []


async def test_sums_beyond_64_bits_are_exact(store: Store) -> None:
    most = 2**63 - 1
    await settle(store, *(a_record(NOON + n * 1000, cost_pico=most) for n in range(5)), a_record(cost_pico=-3))
    whole = await store.reports.summary(EVERYTHING, [])
    ragged = await store.reports.summary(Filter(since=NOON - 1, until=NOON + 4999), [])
    assert whole == ragged
    assert whole[0][1].cost_pico == 5 * most - 3


async def test_a_span_beyond_all_time_is_everything(store: Store) -> None:
    await settle(store, a_record())
    assert len(await ids(store, Filter(since=-1, until=2**60))) == 1
    assert (await store.reports.summary(Filter(since=-1, until=2**60 + 1), []))[0][1].requests == 1


# From here on: any records, any span, any groups, against sums added up by hand.

NOVEMBER, DECEMBER = 1_793_491_200_000, 1_796_083_200_000
EDGES = (NOON, NOON + HOUR, NOON + HOUR - 1, NOVEMBER, NOVEMBER - 1, DECEMBER, DECEMBER - 1)
MOMENTS = st.integers(NOON - HOUR, NOON + 3 * HOUR) | st.sampled_from(EDGES)
TOKENS = st.integers(0, 10**7)
RECORDS = st.builds(
    lambda at, usage, **fields: a_record(at, usage=usage, **fields),
    MOMENTS,
    st.builds(Usage, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS, st.booleans()),
    user_id=st.sampled_from(["ann", "bob", "Zoë"]),
    key_id=st.sampled_from(["key_1", "key_2", None]),
    model=st.sampled_from(["llama3.2:1b", "moondream:latest"]),
    status=st.sampled_from(get_args(RecordStatus)),
    team_id=st.sampled_from(["blue", "red", None]),
    end_user_id=st.sampled_from(["eu_1", None]),
    upstream=st.sampled_from(["near", "far"]),
    endpoint=st.sampled_from(["/v1/messages", "/v1/embeddings"]),
    metadata=st.sampled_from([None, '{"job":"a"}', '{"job":"b","run":"1"}']),
    cost_pico=st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-2_000_000, 2_000_000),
)
MAYBE = st.none() | MOMENTS
FILTERS = st.builds(
    Filter,
    user_id=st.none() | st.sampled_from(["ann", "bob"]),
    key_id=st.none() | st.just("key_2"),
    model=st.none() | st.just("llama3.2:1b"),
    status=st.none() | st.sampled_from(["completed", "failed"]),
    team_id=st.none() | st.sampled_from(["", "blue"]),
    end_user_id=st.none() | st.sampled_from(["", "eu_1"]),
    upstream=st.none() | st.just("far"),
    endpoint=st.none() | st.just("/v1/embeddings"),
    tag=st.none() | st.sampled_from([("job", "a"), ("job", ""), ("run", "1")]),
    since=MAYBE,
    until=MAYBE | st.just(2**60),
    users=st.none() | st.lists(st.sampled_from(["ann", "bob", "Zoë"]), unique=True),
)
GROUPS = st.lists(st.sampled_from(get_args(Group)), unique=True)


def obvious(records: Sequence[Record], which: Filter, group_by: Sequence[Group]) -> dict[tuple[str, ...], list[int]]:
    sums: dict[tuple[str, ...], list[int]] = {} if group_by else {(): [0] * 7}
    for record in records:
        if which.since is not None and record.created_at < which.since:
            continue
        if which.until is not None and record.created_at >= which.until:
            continue
        if any(
            getattr(which, name) not in (None, getattr(record, name))
            for name in ("user_id", "key_id", "model", "status", "upstream", "endpoint")
        ):
            continue
        if which.tag is not None and tags_of(record).get(which.tag[0], "") != which.tag[1]:
            continue
        if any(getattr(which, name) not in (None, getattr(record, name) or "") for name in ("team_id", "end_user_id")):
            continue
        if which.users is not None and record.user_id not in which.users:
            continue
        at = datetime.fromtimestamp(record.created_at / 1000, UTC)
        names: dict[Group, str] = {
            "user": record.user_id,
            "key": record.key_id or "",
            "model": record.model,
            "status": record.status,
            "team": record.team_id or "",
            "end_user": record.end_user_id or "",
            "day": f"{at:%Y-%m-%d}",
            "hour": f"{at:%Y-%m-%dT%H}:00:00Z",
            "upstream": record.upstream,
            "endpoint": record.endpoint,
        }
        row = sums.setdefault(tuple(names[group] for group in group_by), [0] * 7)
        usage = record.usage
        figures = [1, usage.prompt_tokens, usage.cached_tokens, usage.cache_write_tokens, usage.completion_tokens]
        for place, figure in enumerate([*figures, usage.reasoning_tokens, record.cost_pico]):
            row[place] += figure
    return sums


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "ledger.db"

    async def make() -> None:
        await (await sqlite.open_store(path, now=lambda: NOON)).close()

    asyncio.run(make())
    return path


@pytest.mark.long
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    given_records=st.lists(RECORDS, max_size=12),
    again=st.lists(st.integers(0, 11), max_size=3),
    asked=st.lists(st.tuples(FILTERS, GROUPS), min_size=1, max_size=6),
)
def test_every_summary_is_the_sum_of_the_records(
    empty_database: Path,
    tmp_path: Path,
    given_records: list[Record],
    again: list[int],
    asked: list[tuple[Filter, list[Group]]],
) -> None:
    async def check(store: Store) -> None:
        await settle(store, *given_records)
        repeated = [given_records[place % len(given_records)] for place in again if given_records]
        await settle(store, *(replace(record, cost_pico=1) for record in repeated))
        for which, group_by in asked:
            found = await store.reports.summary(which, group_by)
            expected = obvious(given_records, which, group_by)
            assert [group for group, _ in found] == sorted(expected)
            for group, sums in found:
                assert sums == Totals(*expected[group])
            for upto in range(0, len(given_records) + 1, 4):
                found = await store.reports.summary(which, group_by, upto=upto)
                expected = obvious(given_records[:upto], which, group_by)
                none = Totals()
                assert {group: sums for group, sums in found if sums != none} == {
                    group: sums for group, figures in expected.items() if (sums := Totals(*figures)) != none
                }

    async def check_both() -> None:
        path = tmp_path / "ledger.db"
        shutil.copy(empty_database, path)
        for opening in (sqlite.open_store(path, now=lambda: NOON), memory.open_store()):
            store: Store = await opening
            try:
                await check(store)
            finally:
                await store.close()

    asyncio.run(check_both())


async def test_what_upstreams_cost_by_day_counts_pruned_records_and_no_adjustments(store: Store) -> None:
    day = 24 * HOUR
    today = NOON - NOON % day
    large = 5 * 10**18
    await settle(
        store,
        a_record(NOON - 2 * day, upstream="a", cost_pico=1),
        a_record(today - 1, upstream="a", cost_pico=20),
        a_record(today, upstream="a", cost_pico=300),
        a_record(NOON, upstream="b", cost_pico=large - 1),
        a_record(NOON, upstream="b", cost_pico=large),
        a_record(NOON, upstream="c", cost_pico=0),
        a_record(NOON, upstream="", endpoint=ADJUSTMENT, cost_pico=-7),
    )
    of_today = [Spending("a", today, 300), Spending("b", today, 2 * large - 1)]
    assert await store.reports.spending(NOON) == of_today
    everything = [Spending("a", today - 2 * day, 1), Spending("a", today - day, 20), *of_today]
    assert await store.reports.spending(0) == everything
    await store.ledger.prune(today)
    assert await store.reports.spending(0) == everything


async def test_when_models_were_last_used_counts_pruned_records_by_the_hour_and_no_adjustments(store: Store) -> None:
    day = 86_400_000
    await settle(
        store,
        a_record(NOON - 40 * day + 5, model="old"),
        a_record(NOON - 40 * day + 5, model="tiny"),
        a_record(NOON - day, model="tiny"),
        a_record(NOON - 7, model="tiny"),
        a_record(NOON, model="", endpoint=ADJUSTMENT),
    )
    assert await store.reports.last_used() == {
        "old": NOON - 40 * day + 5,
        "tiny": NOON - 7,
    }
    await store.ledger.prune(NOON - 30 * day)
    assert await store.reports.last_used() == {"old": NOON - 40 * day, "tiny": NOON - 7}
