"""The store as it is opened: what it takes for its file, what it leaves alone, what is there again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.store.values import ANN, AUDIT, EVERYTHING, NOON, a_record, saved
from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite import SqliteStore, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def opened(path: Path) -> SqliteStore:
    return await open_store(path, now=lambda: NOON)


async def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    store = await opened(path)
    record = a_record()
    await store.ledger.settle(record)
    await store.accounts.save(users=[ANN], audit=AUDIT)
    await store.close()
    again = await opened(path)
    assert await again.reports.record(record.request_id) == record
    assert await again.accounts.load() == ([saved(ANN)], [])
    assert again.lost_at_start == 0
    await again.close()


async def test_a_closed_store_neither_reads_nor_writes(path: Path) -> None:
    store = await opened(path)
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.accounts.load()
    with pytest.raises(StoreError, match="closed"):
        await store.installation.set_value("name", b"value")


async def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        await opened(tmp_path / "nowhere" / "ledger.db")
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_in_its_place_is_an_error(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="Is a directory"):
        await opened(path)


async def test_what_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"a letter to a friend " * 100)
    with pytest.raises(StoreError, match="not a database"):
        await opened(path)
    assert path.read_bytes() == b"a letter to a friend " * 100


async def test_someone_elses_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (name)")
    other.close()
    with pytest.raises(StoreError, match="something else"):
        await opened(path)


async def test_only_its_owner_may_read_a_new_database(path: Path) -> None:
    store = await opened(path)
    await store.ledger.settle(a_record())
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes) == {"ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"}
    assert set(modes.values()) == {0o600}
    await store.close()


async def test_a_name_with_special_characters_is_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=ro#100%25 ü.db"
    store = await opened(path)
    await store.ledger.settle(a_record())
    assert len(await store.reports.records(EVERYTHING, limit=10, after=None)) == 1
    await store.close()
    assert path.exists()


async def test_durability_against_power_cuts_syncs_every_commit(path: Path) -> None:
    store = await open_store(path, now=lambda: NOON, durability="power")
    levels = await store._writer.run(lambda connection: connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
    assert levels == 2
    await store.close()
