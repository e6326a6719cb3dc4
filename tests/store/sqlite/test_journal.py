"""A journal: what of the ledger's file follows a number, as it is shipped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.values import NOON, a_record, an_intent
from tollkeeper.store.sql.rows import USER_PLACE
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.journal import SqliteJournal
from tollkeeper.store.sqlite.readers import Readers


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path / "a.db", now=lambda: NOON)
    yield store
    await store.close()


@pytest.fixture
async def journal(store: SqliteStore, tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    readers = Readers(tmp_path / "a.db")
    yield SqliteJournal(readers)
    await readers.close()


async def test_an_empty_one_has_nothing(journal: SqliteJournal) -> None:
    batch = await journal.batch(0, NOON)
    assert (batch.records, batch.metadata, batch.identities, batch.oldest_open) == ([], [], [], None)


async def test_a_batch_is_what_follows_with_what_belongs_to_it(store: SqliteStore, journal: SqliteJournal) -> None:
    records = [a_record(NOON + n, user_id=f"user-{n}", metadata=f'{{"n":"{n}"}}' if n % 2 else None) for n in range(6)]
    for record in records:
        await store.ledger.settle(record)
    whole = await journal.batch(0, NOON)
    assert [row[0] for row in whole.records] == [record.request_id for record in records]
    batch = await journal.batch(2, NOON + 5, most=3)
    assert batch.records == whole.records[2:5]
    assert (batch.after, batch.hash_before, batch.at) == (2, whole.records[1][-1], NOON + 5)
    assert [(row[0], row[2]) for row in batch.metadata] == [(records[3].request_id, '{"n":"3"}')]
    assert dict(batch.identities) == {row[USER_PLACE]: f"user-{n}" for n, row in enumerate(batch.records, 2)}
    assert (await journal.batch(6, NOON)).records == []


async def test_it_tells_the_earliest_admission_that_is_open(store: SqliteStore, journal: SqliteJournal) -> None:
    for at in (NOON + 9, NOON + 3):
        await store.ledger.intend(an_intent(at))
    assert (await journal.batch(0, NOON)).oldest_open == NOON + 3


async def test_a_word_of_an_upstream_that_no_shared_database_can_hold_is_changed(
    store: SqliteStore, journal: SqliteJournal
) -> None:
    await store.ledger.settle(record := a_record(finish_reason="a\0b"))
    found = await store.reports.record(record.request_id)
    assert found is not None
    assert found.finish_reason == "a\ufffdb"
    assert "a\0b" not in (await journal.batch(0, NOON)).records[0]
