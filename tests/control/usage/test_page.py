"""A page of records, and the cursors on both sides of it."""

from __future__ import annotations

import pytest

from tests.services.in_memory import START, record
from tollkeeper.control.usage.page import RecordPage, Rows, read_page
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.reports import Filter

NAMES = ["req_1", "req_2", "req_3"]


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    for number, name in enumerate(NAMES):
        await store.ledger.settle(record(request_id=name, created_at=START, cost_pico=number % 2))
    return store


async def page(store: MemoryStore, **query: object) -> Rows:
    return await read_page(store.reports, Filter(), RecordPage.model_validate(query))


def ids(rows: Rows) -> list[str]:
    return [each.request_id for each in rows.records]


async def test_a_list_that_fits_has_no_other_pages(store: MemoryStore) -> None:
    whole = await page(store, order_by="created_at")
    assert (ids(whole), whole.next, whole.previous) == (NAMES, None, None)


async def test_a_page_that_is_full_on_the_way_back_may_be_the_first(store: MemoryStore) -> None:
    back = await page(store, limit=2, before="req_1")
    assert (ids(back), back.next, back.previous) == (["req_3", "req_2"], "req_2", None)


async def test_beyond_either_end_is_nothing(store: MemoryStore) -> None:
    for query in ({"after": "req_1"}, {"before": "req_3"}):
        assert await page(store, **query) == Rows([], None, None)


async def test_equal_figures_are_told_apart_by_their_ids(store: MemoryStore) -> None:
    first = await page(store, order_by="-cost_usd", limit=2)
    assert (ids(first), first.next) == (["req_2", "req_3"], "cost_usd~0~req_3")
    assert ids(await page(store, order_by="-cost_usd", after=first.next)) == ["req_1"]


async def test_a_cursor_of_another_order_is_refused(store: MemoryStore) -> None:
    with pytest.raises(Unprocessable, match="'after' must be a cursor"):
        await page(store, order_by="latency_ms", after="cost_usd~0~req_3")
