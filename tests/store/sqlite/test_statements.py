"""Statements of many rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from tollkeeper.store.sqlite.statements import ROWS_AT_ONCE, inserting, on_conflict_do_nothing

PAIRS = Table("pairs", MetaData(), Column("id", Integer, primary_key=True), Column("twice", Integer))
ADD = inserting(PAIRS, on_conflict_do_nothing(PAIRS))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE pairs (id INTEGER PRIMARY KEY, twice INTEGER)")
        yield connection


def test_any_number_of_rows_is_written_by_few_different_statements(connection: sqlite3.Connection) -> None:
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    sizes = set()
    for count in range(3 * ROWS_AT_ONCE):
        rows = [(number, 2 * number) for number in range(count)]
        seen.clear()
        assert ADD.execute(connection, rows) == count
        sizes |= {text.count("(") for text in seen}
        assert len(seen) <= (2 if count <= ROWS_AT_ONCE else 4)
        assert connection.execute("SELECT id, twice FROM pairs ORDER BY id").fetchall() == rows
        connection.execute("DELETE FROM pairs")
    assert len(sizes) <= 15


def test_rows_that_are_there_do_not_count_as_changed(connection: sqlite3.Connection) -> None:
    rows = [(number, number) for number in range(13)]
    ADD.execute(connection, rows[8:10])
    assert ADD.execute(connection, rows) == 11
