"""The explorer of the memory engine, by values; what every engine promises is in `tests/store/ports/`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.rules.histograms import Percentiles
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.store.memory import MemoryStore, open_store
from tollkeeper.store.ports.explorer import Figure, Figures, Question
from tollkeeper.store.ports.records import ADJUSTMENT
from tollkeeper.store.ports.refusals import RefusalKey
from tollkeeper.store.ports.reports import Filter, Totals

DAY = 86_400_000
PACE = RefusalKey(NOON, "ann", "key_1", "llama3.2:1b", 429, "rate_limit_exceeded", "requests_per_minute")
OF_CLEO = PACE._replace(user_id="cleo", model="huge")


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    store = await open_store()
    for record in (
        a_record(NOON, latency_ms=60, first_token_ms=None, metadata='{"project":"blue"}'),
        a_record(NOON, status="failed", upstream="second", latency_ms=7000, cost_pico=0),
        a_record(NOON - DAY, user_id="bob", status="failed", endpoint="/api/chat", usage=Usage(100, 0, 0, 1)),
        a_record(NOON, user_id="bob", endpoint=ADJUSTMENT, model="", upstream="", usage=NO_USAGE, cost_pico=-5),
    ):
        store.ledger.settle(record)
    await store.ledger.flush()
    await store.refusals.add(
        [(PACE, 3), (PACE._replace(user_id="cleo", model="huge"), 2), (PACE._replace(minute=0), 9)]
    )
    yield store
    await store.close()


async def test_figures_of_one_group(store: MemoryStore) -> None:
    found = await store.explorer.explore(Question(Filter(user_id="ann"), ["user"]))
    figures = Figures(Totals(2, 20, 4, 2, 10, 6, 25), 1, 12, Percentiles(175, 243), Percentiles(100, 9500))
    assert (found.rows, found.more, found.total) == ([(("ann",), figures)], False, figures)


async def test_an_adjustment_is_no_request_and_took_no_time(store: MemoryStore) -> None:
    found = await store.explorer.explore(Question(Filter(user_id="bob", since=NOON)))
    assert found.rows == [((), Figures(Totals(cost_pico=-5), refused=0))]


async def test_without_usage_there_is_one_row_without_groups_and_none_with(store: MemoryStore) -> None:
    nobodys = Filter(user_id="nobody")
    assert (await store.explorer.explore(Question(nobodys))).rows == [((), Figures(refused=0))]
    assert (await store.explorer.explore(Question(nobodys, ["day"]))).rows == []


async def test_who_was_only_refused_has_a_row_without_requests(store: MemoryStore) -> None:
    found = await store.explorer.explore(Question(EVERYTHING, ["user", "model"]))
    assert [(place, each.totals.requests, each.refused) for place, each in found.rows] == [
        (("ann", "llama3.2:1b"), 2, 12),
        (("bob", ""), 0, 0),
        (("bob", "llama3.2:1b"), 1, 0),
        (("cleo", "huge"), 0, 2),
    ]


@pytest.mark.parametrize("group", ["upstream", "endpoint", "status", "team", "end_user", "tag:project"])
async def test_refusals_do_not_have_every_group(store: MemoryStore, group: str) -> None:
    found = await store.explorer.explore(Question(EVERYTHING, ["user", group]))
    assert {each.refused for _, each in found.rows} == {found.total.refused} == {None}


@pytest.mark.parametrize(
    "which",
    [
        Filter(status="failed"),
        Filter(team_id=""),
        Filter(end_user_id=""),
        Filter(upstream="second"),
        Filter(endpoint="/v1/chat/completions"),
        Filter(tag=("project", "")),
    ],
)
async def test_refusals_do_not_have_every_filter(store: MemoryStore, which: Filter) -> None:
    found = await store.explorer.explore(Question(which, ["user"]))
    assert found.rows
    assert {each.refused for _, each in found.rows} == {found.total.refused} == {None}


@pytest.mark.parametrize(
    ("which", "refused"),
    [
        (Filter(user_id="cleo"), 2),
        (Filter(users=["cleo", "bob"]), 2),
        (Filter(key_id="key_2"), 0),
        (Filter(model="huge"), 2),
        (Filter(since=NOON), 5),
        (Filter(until=NOON), 9),
    ],
)
async def test_refusals_of_a_selection(store: MemoryStore, which: Filter, refused: int) -> None:
    assert (await store.explorer.explore(Question(which))).total.refused == refused


@pytest.mark.parametrize(
    ("group", "found"),
    [
        ("upstream", {"ollama": 2, "second": 1, "": 0}),
        ("endpoint", {"/v1/chat/completions": 2, "/api/chat": 1, ADJUSTMENT: 0}),
        ("tag:project", {"blue": 1, "": 2}),
        ("tag:other", {"": 3}),
    ],
)
async def test_groups_of_what_only_requests_have(store: MemoryStore, group: str, found: dict[str, int]) -> None:
    rows = (await store.explorer.explore(Question(EVERYTHING, [group]))).rows
    assert {place[0]: each.totals.requests for place, each in rows} == found


@pytest.mark.parametrize(
    ("which", "requests"),
    [
        (Filter(upstream="second"), 1),
        (Filter(endpoint="/api/chat"), 1),
        (Filter(tag=("project", "blue")), 1),
        (Filter(tag=("project", "")), 2),
        (Filter(tag=("project", "red")), 0),
    ],
)
async def test_filters_by_what_only_requests_have(store: MemoryStore, which: Filter, requests: int) -> None:
    assert (await store.explorer.explore(Question(which))).total.totals.requests == requests


@pytest.mark.parametrize(
    ("order_by", "ascending", "order"),
    [
        (None, False, ["ann", "bob", "cleo"]),
        ("requests", False, ["ann", "bob", "cleo"]),
        ("requests", True, ["cleo", "bob", "ann"]),
        ("prompt_tokens", False, ["bob", "ann", "cleo"]),
        ("errors", False, ["ann", "bob", "cleo"]),
        ("refused", True, ["bob", "cleo", "ann"]),
        ("latency_p95", False, ["ann", "bob", "cleo"]),
        ("latency_p95", True, ["bob", "ann", "cleo"]),
    ],
)
async def test_the_order_of_rows(
    store: MemoryStore, order_by: Figure | None, ascending: bool, order: list[str]
) -> None:
    question = Question(EVERYTHING, ["user"], order_by=order_by, ascending=ascending)
    assert [place[0] for place, _ in (await store.explorer.explore(question)).rows] == order


async def test_pages_of_rows_have_the_total_of_all(store: MemoryStore) -> None:
    first = await store.explorer.explore(Question(EVERYTHING, ["user"], limit=2))
    last = await store.explorer.explore(Question(EVERYTHING, ["user"], limit=2, offset=2))
    assert [place[0] for place, _ in [*first.rows, *last.rows]] == ["ann", "bob", "cleo"]
    assert (first.more, last.more) == (True, False)
    assert first.total == last.total
    assert first.total.totals.requests == 3


async def test_named_groups_are_found_in_another_period(store: MemoryStore) -> None:
    before = Question(Filter(since=NOON - DAY, until=NOON), ["user", "day"])
    wanted = [("ann", "2026-11-19"), ("bob", "2026-11-19"), ("bob", "2026-11-20")]
    found = await store.explorer.explore_groups(before, wanted)
    assert [(place, each.totals.requests) for place, each in found.rows] == [(("bob", "2026-11-19"), 1)]
    assert (found.more, found.total.totals.requests, found.total.refused) == (False, 1, 0)
