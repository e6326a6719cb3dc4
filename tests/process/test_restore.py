"""A restore that is killed at any of its steps: the next start finds the one database or the other, whole."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from tests.process.command import COMMAND
from tests.process.served import served
from tests.process.strace import killed, must_trace
from tests.store.values import ANN, AUDIT, EVERYTHING, NOON, a_record
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.backup import backup
from tollkeeper.store.sqlite.verify import verify

pytestmark = pytest.mark.process

NAME = "tollkeeper.db"
OLD, NEW = 7, 3
"""Records of the database, and of the copy."""
STEPS = ("rename,renameat,renameat2", "link,linkat", "unlink,unlinkat", "fsync,fdatasync", "ftruncate", "fchmod")


async def records_in(path: Path) -> int:
    store = await open_store(path, now=lambda: NOON, belongings=[path.with_name(path.name + ".secrets")])
    found = await store.reports.records(EVERYTHING, limit=100, after=None)
    await store.close()
    return len(found)


async def made(folder: Path) -> None:
    """A database as a killed gateway leaves it, its newest records in the log alone; and a copy from before."""
    live, path = folder / "live.db", folder / NAME
    store = await open_store(live, now=lambda: NOON)
    await store.accounts.save(users=[ANN], audit=AUDIT)
    for number in range(NEW):
        await store.ledger.settle(a_record(NOON + number))
    await asyncio.to_thread(backup, live, folder / "copy.db")
    await store.ledger.settle(a_record(NOON + NEW))
    with closing(sqlite3.connect(live, isolation_level=None)) as reader:
        reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM records").fetchone()  # what comes now cannot be moved into the file
        for number in range(NEW + 1, OLD):
            await store.ledger.settle(a_record(NOON + number))
        for ending in ("", "-wal"):
            shutil.copy(f"{live}{ending}", f"{path}{ending}")
    await store.close()
    for ending in ("", ".lock"):
        live.with_name(live.name + ending).unlink()
    path.with_name(NAME + ".lock").touch()


def served_in(folder: Path) -> int:
    """The records that the next gateway has."""
    with served(folder, "http://127.0.0.1:9") as gateway:
        found = len(gateway.admin("GET", "/admin/usage")["data"])
        gateway.terminate()
        assert gateway.exit_code() == 0
    return found


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    must_trace()
    folder = tmp_path_factory.mktemp("before")
    asyncio.run(made(folder))
    assert (folder / f"{NAME}-wal").stat().st_size
    with served(tmp_path_factory.mktemp("secrets"), "http://127.0.0.1:9") as gateway:
        # Of a database of its own: which secrets they are is of no matter here.
        shutil.copy(gateway.place / "tollkeeper.db.secrets", folder / "tollkeeper.db.secrets")
    return folder


@pytest.mark.parametrize("calls", STEPS)
def test_killed_at_any_step_it_leaves_the_one_or_the_other(before: Path, tmp_path: Path, calls: str) -> None:
    found = []
    for number in count(1):
        folder = tmp_path / str(number)
        shutil.copytree(before, folder)
        restore = [COMMAND, "db", "restore", folder / "copy.db", "--database", folder / NAME]
        if not killed(calls, number, [], restore):
            break
        found.append(served_in(folder) if calls in STEPS[:2] else asyncio.run(records_in(folder / NAME)))
        assert found[-1] in (OLD, NEW), f"killed at its call number {number} of {calls}"
        assert verify(folder / NAME).ok
        assert (folder / NAME).stat().st_nlink == 1, "what a start opens has one name"
    assert found, "there is such a call"
    assert found == sorted(found, reverse=True), "first the old, then the new"
    assert asyncio.run(records_in(folder / NAME)) == NEW
    (aside,) = folder.glob(f"{NAME}.before-restore-*Z")
    assert asyncio.run(records_in(aside)) == OLD
