"""Pruning: the records of all journals go, oldest first, and each journal's chain goes on where it was cut."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.store.postgres.journals import FakeJournal
from tests.store.postgres_server import PostgresServer
from tests.store.shipping import open_shipping_store
from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.store.postgres.store import PostgresStore

CUTS = "SELECT id, pruned_seq, pruned_hash FROM journals ORDER BY id"


async def test_each_journal_is_cut_behind_its_last_record_that_went(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.clean_database()
    store = await open_shipping_store(url, tmp_path / "unused.db")
    assert isinstance(store, PostgresStore)
    first, second, third = (FakeJournal(f"journal_{n}") for n in range(3))
    first.add(*(a_record(NOON + n) for n in range(3)))
    second.add(a_record(NOON + 3), a_record(NOON + 100))
    third.add(a_record(NOON + 101))
    for source in (first, second, third):
        await store.shipments.ship(source.journal, source.batch())
    assert await store.pruning.prune(NOON + 50) == 4
    with psycopg.connect(url) as connection:
        cuts = connection.execute(CUTS).fetchall()
        places = connection.execute("SELECT journal, journal_seq, seq FROM journal_records ORDER BY seq").fetchall()
    assert cuts == [
        ("journal_0", 3, first.batch().records[2][-1]),
        ("journal_1", 1, second.batch().records[0][-1]),
        ("journal_2", None, None),
    ]
    assert places == [("journal_1", 2, 5), ("journal_2", 1, 6)]
    assert len(await store.reports.records(EVERYTHING, limit=9, after=None)) == 2
    assert await store.shipments.ship(first.journal, first.batch()) == 3  # what was pruned is not taken again
    assert len(await store.reports.records(EVERYTHING, limit=9, after=None)) == 2
    await store.close()
