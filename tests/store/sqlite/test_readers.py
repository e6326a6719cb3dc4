"""Reads: on one state of the database, from connections that cannot write."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.readers import Readers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    sqlite3.connect(path).close()
    connection = connect_writer(path, "process")
    connection.execute("CREATE TABLE numbers (number INTEGER)")
    connection.close()
    return path


async def test_a_read_finds_and_writes_nothing(path: Path) -> None:
    readers = Readers(path)
    assert await readers.run(lambda connection: connection.execute(text("SELECT count(*) FROM numbers")).scalar()) == 0
    with pytest.raises(StoreError, match="readonly"):
        await readers.run(lambda connection: connection.execute(text("INSERT INTO numbers VALUES (1)")))
    await readers.close()
    with pytest.raises(StoreError, match="closed"):
        await readers.run(lambda _: None)


async def test_a_read_sees_one_state_from_its_first_statement_to_its_last(path: Path) -> None:
    readers = Readers(path)
    count = text("SELECT count(*) FROM numbers")

    def read(connection: object) -> list[int]:
        found = [connection.execute(count).scalar()]  # type: ignore[attr-defined]
        writer = connect_writer(path, "process")
        writer.execute("INSERT INTO numbers VALUES (1)")
        writer.close()
        return [*found, connection.execute(count).scalar()]  # type: ignore[attr-defined]

    assert await readers.run(read) == [0, 0]
    assert await readers.run(lambda connection: connection.execute(count).scalar()) == 1
    await readers.close()


async def test_no_connection_is_made_while_something_stands_in_the_way(path: Path) -> None:
    readers = Readers(path, lambda: "moved")
    with pytest.raises(StoreError, match="moved"):
        await readers.run(lambda _: None)
    await readers.close()
