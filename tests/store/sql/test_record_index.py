"""The index of records: what is in it, and how it is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects import sqlite

from tests.store.values import NOON, a_record
from tollkeeper.store.ports.record_order import NEWEST
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sql.listing import first_records
from tollkeeper.store.sql.record_index import INDEXED, ids_of
from tollkeeper.store.sql.schema import record_index, records
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.readers import Readers

MONTH = 31 * 86_400_000


def indexed(connection: Connection) -> set[tuple[str, str]]:
    rows = connection.execute(select(record_index.c.field, record_index.c.request_id))
    return {(INDEXED[field], request_id) for field, request_id in rows}


def plan(connection: Connection) -> Sequence[str]:
    """How SQLite finds a page of a user's calls."""
    ids = ids_of("user_id", "u_1").join(records, records.c.request_id == record_index.c.request_id)
    page = first_records(select(records), ids.where(records.c.model == "m"), NEWEST, 50, "req_1")
    compiled = page.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    return [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))]


async def test_a_record_is_in_it_by_each_value_it_has_until_it_is_pruned(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "a.db", now=lambda: NOON + MONTH)
    old, new = a_record(), a_record(NOON + MONTH, team_id="blue", end_user_id="eu_1")
    readers = Readers(tmp_path / "a.db")
    for record in (old, new):
        await store.ledger.settle(record)
    assert [found.request_id for found in await store.reports.records(
        Filter(user_id=old.user_id), limit=10, after=None
    )] == [new.request_id, old.request_id]  # fmt: skip
    theirs = {(name, new.request_id) for name in INDEXED}
    assert await readers.run(indexed) == theirs | {("user_id", old.request_id), ("model", old.request_id)}
    assert await store.ledger.prune(NOON + 1) == 1
    assert await readers.run(indexed) == theirs
    await readers.close()
    await store.close()


async def test_a_page_of_one_users_calls_reads_no_others_and_sorts_nothing_but_the_page(tmp_path: Path) -> None:
    await (await open_store(tmp_path / "a.db", now=lambda: NOON)).close()
    readers = Readers(tmp_path / "a.db")
    steps = await readers.run(plan)
    await readers.close()
    assert any("SEARCH record_index USING PRIMARY KEY (field=? AND value=? AND request_id<?)" in step for step in steps)
    assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]
