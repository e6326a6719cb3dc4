"""A database for an operator alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tollkeeper.store.errors import StoreBusy, StoreError
from tollkeeper.store.sqlite.exclusive import exclusive
from tollkeeper.store.sqlite.lock import FileLock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    sqlite3.connect(path).close()
    return path


def test_nobody_else_has_it_open_until_the_work_is_done(path: Path) -> None:
    with exclusive(path, "process", "pruned") as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER)")
        with pytest.raises(StoreBusy):
            FileLock(path)
    lock = FileLock(path)
    with pytest.raises(StoreBusy), exclusive(path, "process", "pruned"):
        pass
    lock.release()


def test_work_that_fails_is_named_and_leaves_no_lock(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be pruned: no such table"), exclusive(path, "process", "pruned") as it:
        it.execute("DELETE FROM numbers")
    FileLock(path).release()


def test_none_is_made_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database"), exclusive(tmp_path / "b.db", "process", "pruned"):
        pass
    assert list(tmp_path.iterdir()) == []
