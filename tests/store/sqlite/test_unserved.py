"""What a process that was killed left open."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.store.values import EVERYTHING, NOON, an_intent, settled
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.usage import NO_USAGE
from tollkeeper.store.clamp import MAX_COST, MAX_TOKENS
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def opened(path: Path) -> SqliteStore:
    return await open_store(path, now=lambda: NOON)


async def test_intents_of_a_killed_process_become_lost_records(path: Path) -> None:
    store = await opened(path)
    kept, left = an_intent(NOON - 2), an_intent(NOON - 1)
    store.ledger.intend(kept)
    await store.ledger.intend(left)
    await store.ledger.settle(settled(kept))
    await store.close()
    again = await open_store(path, now=lambda: NOON + 9)
    assert again.lost_at_start == 1
    lost = await again.reports.record(left.request_id)
    assert lost is not None
    assert (lost.status, lost.cost_pico, lost.settled_at, lost.created_at) == ("lost", 0, NOON + 9, NOON - 1)
    assert (lost.user_id, lost.model, lost.stream, lost.metadata) == (left.user_id, left.model, True, None)
    sums = await again.reports.summary(EVERYTHING, ["status"])
    assert {group: row.requests for group, row in sums} == {("completed",): 1, ("lost",): 1}
    await again.close()
    third = await opened(path)
    assert third.lost_at_start == 0
    await third.close()


@pytest.mark.parametrize("in_one_commit", [True, False])
async def test_a_lost_record_names_the_upstream_of_the_last_attempt(path: Path, in_one_commit: bool) -> None:
    store = await opened(path)
    first = an_intent(NOON, upstream="first")
    journalled = store.ledger.intend(first)
    if not in_one_commit:
        await journalled
    await store.ledger.intend(replace(first, upstream="second", model="other:latest"))
    await store.close()
    again = await opened(path)
    lost = await again.reports.record(first.request_id)
    assert (again.lost_at_start, lost and (lost.upstream, lost.model)) == (1, ("second", "other:latest"))
    await again.close()


async def test_a_lost_record_tells_what_it_may_have_used_at_most(path: Path) -> None:
    store = await opened(path)
    told, absurd = (
        an_intent(NOON, bound_tokens=700, bound_cost_pico=2_660_000_000),
        an_intent(NOON + 1, bound_tokens=10**30, bound_cost_pico=10**40),
    )
    store.ledger.intend(told)
    await store.ledger.intend(absurd)
    await store.close()
    again = await opened(path)
    lost = [await again.reports.record(intent.request_id) for intent in (told, absurd)]
    await again.close()
    assert [(record.metadata, record.cost_pico, record.usage) for record in lost if record] == [
        ('{"bound_tokens":700,"bound_cost_usd":"0.00266"}', 0, NO_USAGE),
        (f'{{"bound_tokens":{MAX_TOKENS},"bound_cost_usd":"{format_usd(MAX_COST)}"}}', 0, NO_USAGE),
    ]
    assert verify(path).ok
