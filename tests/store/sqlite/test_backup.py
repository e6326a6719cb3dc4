"""Copies made while the store writes, and put back; and what an export says."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from hashlib import sha256
from pathlib import Path

import pytest

from tests.store.sqlite.older import first_revision
from tests.store.values import ANN, AUDIT, EVERYTHING, NOON, a_record
from tollkeeper.store.errors import StoreBusy, StoreError
from tollkeeper.store.ports.record_fields import FIELDS, covered
from tollkeeper.store.sql.rows import METADATA_PLACE, USER_PLACE, record_row
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.backup import backup, restore
from tollkeeper.store.sqlite.export import export
from tollkeeper.store.sqlite.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def opened(path: Path) -> SqliteStore:
    return await open_store(path, now=lambda: NOON)


async def filled(path: Path, count: int) -> None:
    store = await opened(path)
    users, _ = await store.accounts.load()
    await store.accounts.save(users=users or [ANN], audit=AUDIT)
    for n in range(count):
        store.ledger.settle(a_record(NOON + n))
    await store.close()


async def count(path: Path) -> int:
    store = await opened(path)
    found = len(await store.reports.records(EVERYTHING, limit=100_000, after=None))
    await store.close()
    return found


async def test_a_backup_of_a_store_that_writes_is_whole(path: Path) -> None:
    await filled(path, 20_000)
    store = await opened(path)
    stop = asyncio.Event()

    async def write() -> None:
        n = 20_000
        while not stop.is_set():
            await store.ledger.settle(a_record(NOON + n))
            n += 1

    writing = asyncio.ensure_future(write())
    told: list[tuple[int, int]] = []
    target = path.with_name("backup.db")
    await asyncio.to_thread(backup, path, target, lambda done, total: told.append((done, total)))
    stop.set()
    await writing
    await store.close()
    assert len(told) > 2
    assert [done for done, _ in told] == sorted({done for done, _ in told}), "it began anew"
    assert told[-1][0] == told[-1][1]
    assert target.stat().st_mode & 0o777 == 0o600
    found = verify(target)
    assert found.ok
    assert found.records >= 20_000
    assert sorted(file.name for file in path.parent.glob("backup*")) == ["backup.db"]


async def test_a_backup_takes_no_files_place(path: Path) -> None:
    await filled(path, 1)
    target = path.with_name("letter")
    target.write_text("to a friend")
    with pytest.raises(StoreError, match="exists already"):
        backup(path, target)
    with pytest.raises(StoreError, match="no database"):
        backup(path.with_name("nothing"), path.with_name("new"))
    assert target.read_text() == "to a friend"


async def test_a_restored_backup_is_the_database_and_the_other_is_set_aside(path: Path) -> None:
    await filled(path, 3)
    saved = path.with_name("backup.db")
    backup(path, saved)
    store = await opened(path)
    await store.ledger.settle(a_record(NOON + 99))
    with pytest.raises(StoreBusy):
        restore(saved, path, NOON)
    await store.close()
    aside = restore(saved, path, NOON + 5)
    assert aside == path.with_name("ledger.db.before-restore-20261120T120000005Z")
    assert (await count(path), await count(aside)) == (3, 4)
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(path.parent.glob("*.partial*"))


async def test_what_was_set_aside_is_never_overwritten(path: Path) -> None:
    await filled(path, 3)
    saved = path.with_name("backup.db")
    backup(path, saved)
    aside = restore(saved, path, NOON)
    assert aside is not None
    before = aside.read_bytes()
    with pytest.raises(StoreError, match="exists already"):
        restore(saved, path, NOON)
    assert aside.read_bytes() == before
    assert await count(path) == 3
    assert restore(saved, path, NOON + 1) != aside


async def test_a_backup_may_be_restored_where_nothing_is(path: Path, tmp_path: Path) -> None:
    await filled(path, 3)
    other = tmp_path / "other.db"
    assert restore(path, other, NOON) is None
    assert await count(other) == 3


async def test_an_older_backup_is_upgraded_and_itself_left_alone(path: Path, tmp_path: Path) -> None:
    first_revision(path, [a_record(NOON + n) for n in range(5)])
    before = path.read_bytes()
    (tmp_path / "new").mkdir()
    target = tmp_path / "new" / "ledger.db"
    restore(path, target, NOON)
    assert verify(target).records == await count(target) == 5
    assert path.read_bytes() == before
    assert sorted(file.name for file in target.parent.iterdir()) == ["ledger.db", "ledger.db.lock"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer Tollkeeper"),
        ("UPDATE records SET cost_pico = 0 WHERE seq = 2", "does not hold .* record 2"),
        ("DROP TABLE alembic_version", "no database of Tollkeeper"),
    ],
)
async def test_what_does_not_hold_is_not_restored(path: Path, damage: str, reason: str) -> None:
    await filled(path, 3)
    saved = path.with_name("backup.db")
    backup(path, saved)
    connection = sqlite3.connect(saved, isolation_level=None)
    connection.execute(damage)
    connection.close()
    await filled(path, 2)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=reason):
        restore(saved, path, NOON)
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["backup.db", "ledger.db", "ledger.db.lock"]


async def test_what_is_no_backup_is_not_restored(path: Path) -> None:
    letter = path.with_name("letter")
    letter.write_bytes(b"a letter to a friend " * 100)
    with pytest.raises(StoreError, match="not a database"):
        restore(letter, path, NOON)
    with pytest.raises(StoreError, match="no backup"):
        restore(path.with_name("nothing"), path, NOON)
    assert not path.exists()


async def test_an_export_is_the_chain_and_proves_itself(path: Path) -> None:
    store = await opened(path)
    late, early = a_record(NOON + 5, key_id=None), a_record(NOON, stream=False)
    await store.ledger.settle(late)
    await store.ledger.settle(early)
    lines = list(export(path))
    await store.close()
    assert [(line.seq, line.record) for line in lines] == [(1, late), (2, early)]
    digest = bytes(32)
    for line in lines:
        row = record_row(line.record)
        row[USER_PLACE], row[METADATA_PLACE] = line.opaque_user_id, line.metadata_digest
        values = [row[field.place] for field in covered(FIELDS, 6) if field.place is not None]
        text = json.dumps([6, line.seq, *values], separators=(",", ":"))
        digest = sha256(digest + text.encode()).digest()
        assert line.hash == digest.hex()
    with pytest.raises(StoreError):
        next(export(path.with_name("nothing")))
