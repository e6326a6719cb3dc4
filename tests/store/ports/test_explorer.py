"""What every engine promises of the explorer: its figures, groups, order and pages; and whatever is asked of whatever
records, both engines answer alike."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.store.values import ANN, AUDIT, EVERYTHING, NOON, a_record
from tollkeeper.rules.histograms import Percentiles
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.store import memory, sqlite
from tollkeeper.store.ports.explorer import Figure, Figures, Question, Row, Snapshot
from tollkeeper.store.ports.records import ADJUSTMENT, Record, RecordStatus
from tollkeeper.store.ports.refusals import RefusalKey
from tollkeeper.store.ports.reports import Filter, Group, Totals
from tollkeeper.store.ports.store import Store
from tollkeeper.store.sqlite.verify import verify

HOUR = 3_600_000
DAY = 24 * HOUR
BLUE = '{"project":"blue","run":"7"}'
PACE = RefusalKey(NOON, "ann", "key_1", "llama3.2:1b", 429, "rate_limit_exceeded", "requests_per_minute")


async def settle(store: Store, *records: Record) -> None:
    for record in records:
        store.ledger.settle(record)
    await store.ledger.flush()


def whole(question: Question, snapshot: Snapshot) -> tuple[list[Row], list[Row]]:
    """All rows, and some of them once more."""
    every = [row for rows in snapshot.rows(question) for row in rows]
    return every, snapshot.some(question, [group for group, _ in every[1:4]])


async def rows(store: Store, question: Question) -> dict[Any, Figures]:
    return dict((await store.explorer.explore(question)).rows)


async def requests(store: Store, which: Filter, *group_by: str) -> dict[tuple[str, ...], int]:
    found = await rows(store, Question(which, group_by))
    return {group: figures.totals.requests for group, figures in found.items()}


async def test_the_figures_of_a_group_and_of_all(store: Store) -> None:
    await settle(
        store,
        a_record(latency_ms=60, first_token_ms=None),
        a_record(status="failed", latency_ms=7000, first_token_ms=120, cost_pico=0),
        a_record(endpoint=ADJUSTMENT, model="", usage=NO_USAGE, cost_pico=-5, first_token_ms=None),
        a_record(user_id="bob", status="lost", latency_ms=60, first_token_ms=None),
    )
    await store.refusals.add([(PACE, 3), (PACE._replace(user_id="cleo"), 2)])
    found = await store.explorer.explore(Question(EVERYTHING, ["user"]))
    assert found.rows == [
        (("ann",), Figures(Totals(2, 20, 4, 2, 10, 6, 20), 1, 3, Percentiles(175, 243), Percentiles(100, 9500))),
        (("bob",), Figures(Totals(1, 10, 2, 1, 5, 3, 25), 1, 0)),
        (("cleo",), Figures(refused=2)),
    ]
    assert found.total.totals == Totals(3, 30, 6, 3, 15, 9, 45)
    assert (found.total.errors, found.total.refused) == (2, 5)
    assert found.total.latency_ms == Percentiles(100, 9500)
    assert found.total.first_token_ms == Percentiles(175, 243)


@pytest.mark.parametrize("group_by", [(), ("model",), ("user",), ("key", "team"), ("tag:project",)])
async def test_lost_requests_have_no_durations(store: Store, group_by: Sequence[str]) -> None:
    await settle(
        store,
        *(a_record(status="lost", latency_ms=0, first_token_ms=None) for _ in range(6)),
        *(a_record(latency_ms=7000, first_token_ms=None) for _ in range(5)),
    )
    # In the middle of those of which it is known.
    [(_, found)] = (await store.explorer.explore(Question(EVERYTHING, group_by))).rows
    assert (found.totals.requests, found.latency_ms) == (11, Percentiles(7500, 9750))
    cut = Filter(since=NOON - HOUR + 1, until=NOON + 1)
    [(_, found)] = (await store.explorer.explore(Question(cut, group_by))).rows
    assert (found.totals.requests, found.latency_ms) == (11, Percentiles(7500, 9750))


async def test_no_groups_are_one_row_and_groups_of_nothing_none(store: Store) -> None:
    for which in (EVERYTHING, Filter(since=NOON, until=NOON), Filter(user_id="nobody", since=NOON)):
        assert (await store.explorer.explore(Question(which))).rows == [((), Figures(refused=0))]
        assert (await store.explorer.explore(Question(which, ["user", "day"]))).rows == []


async def test_what_cancels_out_is_left_out(store: Store) -> None:
    correction = a_record(endpoint=ADJUSTMENT, model="", upstream="", usage=NO_USAGE, cost_pico=-5)
    await settle(store, a_record(), correction, replace(a_record(), **{**_fields(correction), "cost_pico": 5}))
    assert [*await rows(store, Question(EVERYTHING, ["model"]))] == [("llama3.2:1b",)]


def _fields(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in Record.__struct_fields__ if name != "request_id"}


@pytest.mark.parametrize(
    ("order_by", "ascending", "expected"),
    [
        (None, False, "abcd"),
        ("requests", False, "dbca"),
        ("requests", True, "abcd"),
        ("total_tokens", False, "dcba"),
        ("cost_usd", False, "cabd"),
        ("cost_usd", True, "dabc"),
        ("errors", False, "bacd"),
        ("refused", False, "abcd"),
        ("latency_p95", False, "bdca"),
        ("latency_p50", True, "dcba"),
        ("first_token_p50", False, "cdba"),
    ],
)
async def test_the_order_of_groups(store: Store, order_by: Figure, ascending: bool, expected: str) -> None:
    await settle(
        store,
        a_record(user_id="a", cost_pico=2_000_000, endpoint=ADJUSTMENT, latency_ms=9, usage=NO_USAGE),
        a_record(user_id="b", cost_pico=2_000_000, latency_ms=9000, first_token_ms=20, status="failed"),
        a_record(user_id="c", cost_pico=3_000_001, latency_ms=30, first_token_ms=9000, usage=Usage(10, 0, 0, 90)),
        a_record(user_id="d", cost_pico=-1, latency_ms=7, first_token_ms=300),
        a_record(user_id="d", cost_pico=-999_999, latency_ms=8000, first_token_ms=300, usage=Usage(100, 0, 0, 90)),
    )
    found = await store.explorer.explore(Question(EVERYTHING, ["user"], order_by, ascending))
    assert "".join(user for (user,), _ in found.rows) == expected


async def test_pages_have_each_group_once_and_say_whether_more_follow(store: Store) -> None:
    await settle(store, *(a_record(user_id=f"user {n}", cost_pico=n // 2) for n in range(7)))
    seen: list[str] = []
    for offset in (0, 3, 6):
        found = await store.explorer.explore(Question(EVERYTHING, ["user"], "cost_usd", limit=3, offset=offset))
        assert found.more is (offset < 6)
        assert found.total.totals.requests == 7
        seen += [user for (user,), _ in found.rows]
    assert seen == ["user 6", "user 4", "user 5", "user 2", "user 3", "user 0", "user 1"]


async def test_pages_fit_together_whatever_is_recorded_meanwhile(store: Store) -> None:
    await settle(store, *(a_record(user_id=f"user {n}", cost_pico=n) for n in range(6)))
    question = Question(EVERYTHING, ["user"], "cost_usd", limit=2)
    first = await store.explorer.explore(question)
    seen = first.rows
    for offset in (2, 4):
        await settle(store, a_record(user_id="user 0", cost_pico=99), a_record(user_id=f"new {offset}", cost_pico=50))
        found = await store.explorer.explore(replace(question, offset=offset, upto=first.upto))
        assert found.total == first.total
        seen += found.rows
    assert [(user, figures.totals.cost_pico) for (user,), figures in seen] == [
        (f"user {n}", n) for n in (5, 4, 3, 2, 1, 0)
    ]


async def test_some_groups_alone_in_another_period(store: Store) -> None:
    await settle(store, *(a_record(NOON - DAY, user_id=name) for name in "abc"), a_record(user_id="d"))
    before = Question(Filter(since=NOON - 2 * DAY, until=NOON), ["user", "model"])
    wanted = [(name, "llama3.2:1b") for name in "cad"]
    found = await store.explorer.explore_groups(before, wanted)
    assert [group for group, _ in found.rows] == wanted[:2]
    assert (found.more, found.total.totals.requests) == (False, 3)
    day = replace(before, group_by=["day", "hour"])
    label = datetime.fromtimestamp((NOON - DAY) / 1000, UTC)
    hour = (f"{label:%Y-%m-%d}", f"{label:%Y-%m-%dT%H}:00:00Z")
    assert [group for group, _ in (await store.explorer.explore_groups(day, [hour])).rows] == [hour]


async def test_tags_are_groups_and_filters(store: Store) -> None:
    await settle(
        store,
        a_record(metadata=BLUE, upstream="near"),
        a_record(metadata='{"project":"red"}', upstream="far"),
        a_record(metadata=None),
        a_record(metadata='{"bound_tokens":7,"project":"none"}', status="lost"),
        a_record(metadata='{"project":"none","by":"root"}', endpoint=ADJUSTMENT, cost_pico=4),
    )
    assert await requests(store, EVERYTHING, "tag:project") == {("",): 2, ("blue",): 1, ("red",): 1}
    assert await requests(store, EVERYTHING, "tag:project", "upstream") == {
        ("", "ollama"): 2, ("blue", "near"): 1, ("red", "far"): 1}  # fmt: skip
    assert await requests(store, Filter(tag=("project", "blue"))) == {(): 1}
    assert await requests(store, Filter(tag=("project", "")), "tag:project") == {("",): 2}
    assert await requests(store, Filter(tag=("run", "7")), "tag:project") == {("blue",): 1}
    assert await requests(store, Filter(tag=("run", "")), "tag:project") == {("",): 2, ("red",): 1}
    found = await store.explorer.explore_groups(Question(EVERYTHING, ["tag:project"]), [("red",), ("",), ("none",)])
    assert [group for group, _ in found.rows] == [("red",), ("",)]


async def test_records_are_listed_by_a_tag(store: Store) -> None:
    given_records = [a_record(NOON + n * 20 * 60_000, metadata=BLUE if n % 3 else None) for n in range(12)]
    await settle(store, *given_records)
    tagged = [record.request_id for record in reversed(given_records) if record.metadata]
    which, seen = Filter(tag=("project", "blue")), list[str]()
    while page := await store.reports.records(which, limit=3, after=seen[-1] if seen else None):
        seen += [record.request_id for record in page]
    assert seen == tagged
    others = await store.reports.records(replace(which, tag=("project", "")), limit=9, after=None)
    assert [record.request_id for record in others] == [r.request_id for r in reversed(given_records) if not r.metadata]
    part = replace(which, since=given_records[2].created_at, until=given_records[8].created_at)
    found = await store.reports.records(part, limit=9, after=None)
    assert [record.request_id for record in found] == [one for one in tagged if one in {
        record.request_id for record in given_records[2:8]}]  # fmt: skip


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("tag", [None, ("project", "blue"), ("run", "")])
async def test_a_period_has_its_end_however_many_records_are_pruned(
    store: Store, kept: bool, tag: tuple[str, str] | None
) -> None:
    months = [NOON, NOON + 31 * DAY, NOON + 62 * DAY]
    document = BLUE if tag and tag[1] else '{"project":"blue"}'
    await settle(store, *(a_record(at, metadata=document) for at in months))
    assert await store.ledger.prune(months[-1] + (0 if kept else 1)) == 3 - kept
    for at in months:
        which = Filter(since=at - DAY, until=at + DAY, tag=tag)
        assert await requests(store, which) == {(): 1}
        if tag is None:
            [(_, found)] = await store.reports.summary(which, ())
            assert found.requests == 1


@pytest.mark.parametrize("before", [0, 1, 40, 60, 90])
async def test_the_parts_of_a_period_add_up_to_it_whatever_was_pruned(store: Store, before: int) -> None:
    minute = HOUR // 60
    await settle(store, *(a_record(NOON + n * minute, metadata=BLUE if n % 3 else None) for n in range(120)))
    await store.ledger.prune(NOON + before * minute)
    for group_by, figures in (((), {(): 120}), (("tag:project",), {("blue",): 80, ("",): 40})):
        for cuts in ([0, 30, 60, 120], [0, 10, 45, 50, 75, 120], [0, 59, 61, 120]):
            parts: dict[tuple[str, ...], int] = {}
            for start, end in pairwise(cuts):
                span = Filter(since=NOON + start * minute, until=NOON + end * minute)
                for place, count in (await requests(store, span, *group_by)).items():
                    parts[place] = parts.get(place, 0) + count
            assert parts == figures


async def test_an_hour_whose_records_are_pruned_is_of_the_period_in_which_it_begins(store: Store) -> None:
    half = HOUR // 2
    await settle(store, *(a_record(NOON + n * half // 30) for n in range(60)))
    await store.ledger.prune(NOON + HOUR)
    for since, until, found in (
        (NOON, NOON + half, 60),
        (NOON + half, NOON + HOUR, 0),
        (NOON, NOON + HOUR, 60),
        (NOON - half, NOON + 1, 60),
        (NOON + 1, NOON + half, 0),
        (NOON - half, NOON, 0),
    ):
        assert await requests(store, Filter(since=since, until=until)) == {(): found}
        assert (await store.reports.summary(Filter(since=since, until=until), ()))[0][1].requests == found


async def test_what_was_pruned_of_one_tag_has_no_other(store: Store) -> None:
    await settle(store, *(a_record(NOON + n, metadata=BLUE) for n in range(3)), a_record(NOON + 3, metadata=None))
    await store.ledger.prune(NOON + 2)
    assert await requests(store, Filter(tag=("run", "7")), "tag:project") == {("",): 2, ("blue",): 1}
    assert await requests(store, Filter(tag=("run", "7"), until=NOON + 2), "tag:project") == {("",): 2}
    assert await requests(store, Filter(tag=("run", "")), "tag:project") == {("",): 1}


async def test_metadata_with_a_nul_has_no_tags(store: Store) -> None:
    await settle(
        store,
        a_record(metadata='{"project":"blue\\u0000red","run":"1"}'),
        a_record(metadata='{"pro\\u0000ject":"blue","project":"red"}'),
        a_record(metadata='{"project":"\\\\\\u0000","run":"1"}'),
        a_record(metadata='{"project":"\\\\u0000"}'),  # a backslash, and five letters
    )
    for which in (EVERYTHING, Filter(since=NOON - 1), Filter(until=NOON + 1)):
        assert await requests(store, which, "tag:project") == {("",): 3, ("\\u0000",): 1}
    assert await requests(store, EVERYTHING, "tag:run") == {("",): 4}
    assert await requests(store, Filter(tag=("project", "")), "tag:run") == {("",): 3}
    found = await store.reports.records(Filter(tag=("project", "\\u0000")), limit=9, after=None)
    assert [record.metadata for record in found] == ['{"project":"\\\\u0000"}']


async def test_no_key_is_a_selection_of_its_own(store: Store) -> None:
    await settle(store, a_record(key_id=None, metadata=BLUE), a_record(), a_record(key_id="key_2", metadata=BLUE))
    for tag in (None, ("project", "blue")):
        which = Filter(key_id="", tag=tag)
        assert await requests(store, which) == {(): 1}
        assert await requests(store, which, "user", "model", "team") == {("ann", "llama3.2:1b", ""): 1}
        assert [record.key_id for record in await store.reports.records(which, limit=9, after=None)] == [None]
        assert (await store.reports.summary(which, ()))[0][1].requests == 1


async def test_tags_stay_when_records_are_pruned_and_go_with_who_is_forgotten(store: Store) -> None:
    users, _ = await store.accounts.save(users=[replace(ANN, status="closed")], audit=AUDIT)
    await settle(
        store,
        a_record(NOON, metadata=BLUE, user_id="bob"),
        a_record(NOON, metadata=BLUE),
        a_record(NOON + 1, metadata=BLUE, user_id="bob"),
        a_record(NOON + 2, metadata=BLUE),
    )
    assert await store.ledger.prune(NOON + 1) == 2
    assert await requests(store, EVERYTHING, "tag:project") == {("blue",): 4}
    assert await store.reports.records(Filter(tag=("project", "blue"), until=NOON + 1), limit=9, after=None) == []
    await store.erasure.erase(users[0], replace(AUDIT, action="user.erase"))
    assert await requests(store, EVERYTHING, "tag:project") == {("",): 2, ("blue",): 2}
    assert await requests(store, Filter(tag=("project", "blue")), "user") == {("bob",): 2}


# From here on: any records, any question, in both engines.

NOVEMBER, DECEMBER = 1_793_491_200_000, 1_796_083_200_000
MOMENTS = st.one_of(
    st.integers(NOON - HOUR, NOON + 3 * HOUR),
    st.integers(NOVEMBER - 40 * DAY, DECEMBER + 40 * DAY),
    st.sampled_from(
        (NOON, NOON + HOUR, NOON + HOUR - 1, NOVEMBER, NOVEMBER - 1, DECEMBER, DECEMBER - 1, DECEMBER + DAY)
    ),
)
TOKENS = st.integers(0, 1000)
DURATIONS = st.integers(0, 400_000)
RECORDS = st.builds(
    lambda at, usage, **fields: a_record(at, usage=usage, **fields),
    MOMENTS,
    st.builds(Usage, TOKENS, TOKENS, TOKENS, TOKENS, TOKENS),
    user_id=st.sampled_from(["ann", "bob", "Zoë"]),
    key_id=st.sampled_from(["key_1", "key_2", None]),
    model=st.sampled_from(["llama3.2:1b", "moondream:latest"]),
    status=st.sampled_from(get_args(RecordStatus)),
    team_id=st.sampled_from(["blue", "red", None]),
    end_user_id=st.sampled_from(["eu_1", None]),
    upstream=st.sampled_from(["near", "far"]),
    endpoint=st.sampled_from(["/v1/messages", "/v1/embeddings"]),
    metadata=st.sampled_from(
        [
            *(None, None, '{"job":"a"}', '{"job":"b","run":"1"}', '{"a \\"b\\" c":"x","job":""}'),
            *('{"job":"a\\u0000","run":"1"}', '{"job\\u0000":"a","job":"b"}', '{"job":"\\\\u0000","run":"1"}'),
        ]
    ),
    cost_pico=st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-2_000_000, 2_000_000),
    latency_ms=DURATIONS,
    first_token_ms=st.none() | DURATIONS,
)
REFUSALS = st.tuples(
    st.builds(
        PACE._replace,
        minute=MOMENTS.map(lambda at: at - at % 60_000),
        user_id=st.sampled_from(["ann", "cleo", ""]),
        key_id=st.sampled_from(["key_1", ""]),
        model=st.sampled_from(["llama3.2:1b", ""]),
    ),
    st.integers(1, 9),
)
MAYBE = st.none() | MOMENTS
TAGS = ("job", "run", 'a "b" c')
FILTERS = st.builds(
    Filter,
    user_id=st.none() | st.sampled_from(["ann", "bob"]),
    key_id=st.none() | st.sampled_from(["", "key_2"]),
    model=st.none() | st.just("llama3.2:1b"),
    status=st.none() | st.sampled_from(["completed", "failed"]),
    team_id=st.none() | st.sampled_from(["", "blue"]),
    end_user_id=st.none() | st.sampled_from(["", "eu_1"]),
    upstream=st.none() | st.just("far"),
    endpoint=st.none() | st.just("/v1/embeddings"),
    tag=st.none() | st.tuples(st.sampled_from(TAGS), st.sampled_from(["", "a", "b", "1", "x"])),
    since=MAYBE,
    until=MAYBE,
    users=st.none() | st.lists(st.sampled_from(["ann", "bob", "Zoë"]), unique=True),
)
PLAIN = st.builds(Filter, since=MAYBE, until=MAYBE)
GROUPS = st.builds(
    lambda groups, tag: [*groups, *tag],
    st.lists(st.sampled_from(get_args(Group)), unique=True, max_size=3),
    st.just([]) | st.just([]) | st.sampled_from(TAGS).map(lambda name: [f"tag:{name}"]),
)
QUESTIONS = st.builds(
    Question,
    FILTERS | PLAIN,
    GROUPS,
    st.none() | st.sampled_from(get_args(Figure)),
    st.booleans(),
    limit=st.integers(1, 4),
    offset=st.integers(0, 2),
    upto=st.none() | st.integers(1, 14),
)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "ledger.db"

    async def make() -> None:
        await (await sqlite.open_store(path, now=lambda: NOON)).close()

    asyncio.run(make())
    return path


@pytest.mark.long
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    given_records=st.lists(RECORDS, max_size=14),
    refused=st.lists(REFUSALS, max_size=4),
    asked=st.lists(QUESTIONS, min_size=1, max_size=8),
    other=st.tuples(MAYBE, MAYBE),
    pruned=MAYBE,
)
def test_both_engines_answer_alike(
    empty_database: Path,
    tmp_path: Path,
    given_records: Sequence[Record],
    refused: Sequence[tuple[RefusalKey, int]],
    asked: Sequence[Question],
    other: tuple[int | None, int | None],
    pruned: int | None,
) -> None:
    async def check(plain: Store, real: Store) -> None:
        for store in (plain, real):
            await settle(store, *given_records)
            await store.refusals.add(refused)
            gone = 0 if pruned is None else await store.ledger.prune(pruned)
        for any_question in asked:
            # Of records that were pruned, no numbers are known.
            upto = any_question.upto and max(any_question.upto, gone)
            question = replace(any_question, upto=upto)
            expected = await plain.explorer.explore(question)
            assert await real.explorer.explore(question) == expected
            groups = [group for group, _ in expected.rows]
            assert await real.explorer.on_snapshot(partial(whole, question)) == await plain.explorer.on_snapshot(
                partial(whole, question)
            )
            before = replace(question, which=replace(question.which, since=other[0], until=other[1]))
            assert await real.explorer.explore_groups(before, groups) == await plain.explorer.explore_groups(
                before, groups
            )

    async def check_both() -> None:
        path = tmp_path / "ledger.db"
        shutil.copy(empty_database, path)
        plain, real = await memory.open_store(), await sqlite.open_store(path, now=lambda: NOON)
        try:
            await check(plain, real)
        finally:
            await plain.close()
            await real.close()
        assert verify(path).faults == ()

    asyncio.run(check_both())
