"""Whether the database still lies where it was opened, and its disk has room."""

import os
import sys

import pytest

from tollkeeper.store.sqlite.watch import FileWatch


@pytest.fixture
def database(tmp_path):
    for name in ("a.db", "a.db-wal", "a.db-shm"):
        (tmp_path / name).touch()
    return tmp_path / "a.db"


@pytest.fixture
def watch(database):
    file = os.open(database, os.O_RDONLY)
    watch = FileWatch(database, file, reserve=0)
    yield watch
    watch.stop()
    os.close(file)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_file_that_is_moved_is_missed_until_it_is_back(watch, database, ending, tmp_path):
    assert (watch.gone, watch.reason) == (None, None)
    file = database.with_name(database.name + ending)
    file.rename(tmp_path / "elsewhere")
    watch.check()
    assert "moved or deleted" in watch.gone == watch.reason
    (tmp_path / "elsewhere").rename(file)
    watch.check()
    assert (watch.gone, watch.reason) == (None, None)


def test_another_file_in_its_place_is_none(watch, database, tmp_path):
    database.rename(tmp_path / "elsewhere")
    database.touch()
    watch.check()
    assert "replaced" in watch.gone


def test_at_the_end_a_log_alone_that_is_gone_keeps_nothing_from_being_written(watch, database):
    database.with_name("a.db-wal").unlink()
    watch.check()
    assert watch.gone
    watch.stop()
    assert watch.gone is None


def test_without_room_no_request_is_let_in_and_what_is_under_way_is_written(database):
    file = os.open(database, os.O_RDONLY)
    watch = FileWatch(database, file, reserve=sys.maxsize)
    watch.stop()
    os.close(file)
    assert watch.gone is None
    assert "nearly full" in (watch.reason or "")
