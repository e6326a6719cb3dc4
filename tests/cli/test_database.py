"""`tollkeeper db …`, as an operator runs it."""

from __future__ import annotations

import io
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.commands import Program
from tests.services.billing.house import DAY, finalize_all
from tests.store.sqlite.older import first_revision
from tests.store.values import ANN, AUDIT, EVERYTHING, NOON, a_record
from tollkeeper.rules.times import format_time
from tollkeeper.services.keyring.secrets_file import secrets_path
from tollkeeper.store.sql.migrations.head import HEAD
from tollkeeper.store.sqlite import open_store


async def kept(path: Path, count: int) -> None:
    store = await open_store(path, now=lambda: NOON)
    await store.accounts.save(users=[ANN], audit=AUDIT)
    for n in range(count):
        await store.ledger.settle(a_record(NOON + n))
    await store.close()


async def counted(path: Path) -> int:
    store = await open_store(path, now=lambda: NOON)
    found = len(await store.reports.records(EVERYTHING, limit=1000, after=None))
    await store.close()
    return found


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


async def test_backup_of_an_open_database_and_restore_of_a_closed_one(
    tollkeeper: Program, path: Path, tmp_path: Path
) -> None:
    await kept(path, 3)
    store = await open_store(path, now=lambda: NOON)
    ended = tollkeeper("db", "backup", "copy.db", "--database", path)
    assert ended.code == 0
    assert f"secrets file {secrets_path(path)}" in ended.out
    await store.ledger.settle(a_record(NOON + 10))
    busy = tollkeeper("db", "restore", "copy.db", "--database", path)
    assert busy.code == 1
    assert busy.err.startswith("tollkeeper: the database ")
    assert "open in another process" in busy.err
    await store.close()

    ended = tollkeeper("db", "restore", "copy.db", "--database", path)
    assert ended.code == 0, ended.err
    (previous,) = tmp_path.glob("ledger.db.before-restore-*Z")
    assert f"The previous database: {previous}" in ended.lines
    assert f"secrets file {secrets_path(path)}" in ended.out
    assert await counted(path) == 3
    assert await counted(previous) == 4


async def test_backup_names_the_setting_pepper_if_it_is_set(
    tollkeeper: Program, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(path, 1)
    monkeypatch.setenv("TOLLKEEPER_PEPPER", "ab" * 32)
    ended = tollkeeper("db", "backup", "copy.db", "--database", path)
    assert "the setting pepper" in ended.out
    assert "ab" * 32 not in ended.out


async def test_restore_refuses_a_damaged_backup(tollkeeper: Program, path: Path) -> None:
    await kept(path, 3)
    assert tollkeeper("db", "backup", "copy.db", "--database", path).code == 0
    changed(path.with_name("copy.db"), "DELETE FROM records WHERE seq = 2")
    ended = tollkeeper("db", "restore", "copy.db", "--database", path)
    assert ended.code == 1
    assert "record 2 is missing" in ended.err
    assert ended.err.count("\n") == 1
    assert await counted(path) == 3


def test_backup_and_restore_require_a_file(tollkeeper: Program) -> None:
    assert tollkeeper("db", "backup").code == 2
    assert tollkeeper("db", "restore").code == 2
    assert "there is no backup absent.db" in tollkeeper("db", "restore", "absent.db").err


async def test_check_of_an_undamaged_database(tollkeeper: Program, path: Path) -> None:
    await kept(path, 3)
    store = await open_store(path, now=lambda: NOON)
    ended = tollkeeper("db", "check", "--database", path)
    await store.close()
    assert ended.code == 0
    assert ended.out == f"{path} is undamaged, and has this version's revision, {HEAD}.\n"


async def test_check_of_a_damaged_database(tollkeeper: Program, path: Path) -> None:
    await kept(path, 3)
    # A rule that its rows do not keep: SQLite's own check tells of each.
    changed(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE TABLE audit (id INTEGER NOT NULL CHECK (id > 9))' WHERE name = 'audit'",
    )
    ended = tollkeeper("db", "check", "--database", path)
    assert ended.code == 1
    assert ended.out.count("\n") >= 1
    assert ended.err.startswith(f"tollkeeper: the file {path} is damaged: ")
    assert ended.err.count("\n") == 1


async def test_a_file_that_is_not_a_database(tollkeeper: Program, path: Path) -> None:
    path.write_text("a letter to a friend, which is longer than the head of a database would be" * 20)
    for command in ("check", "upgrade"):
        ended = tollkeeper("db", command, "--database", path)
        assert (ended.code, ended.out) == (1, "")
        assert "file is not a database" in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize("statements", [[], ["CREATE TABLE letters (text)"]])
def test_a_database_of_another_program(tollkeeper: Program, path: Path, statements: list[str]) -> None:
    changed(path, "CREATE TABLE gone (text)", "DROP TABLE gone", *statements)
    for command in ("check", "upgrade"):
        ended = tollkeeper("db", command, "--database", path)
        assert ended.code == 1
        assert ended.err == f"tollkeeper: {path} is no database of Tollkeeper\n"


def test_a_missing_database_is_not_created(tollkeeper: Program, tmp_path: Path) -> None:
    for words in (["check"], ["upgrade"], ["backup", "copy.db"]):
        ended = tollkeeper("db", *words)
        assert ended.code == 1
        assert ended.err == "tollkeeper: there is no database tollkeeper.db\n"
    assert list(tmp_path.iterdir()) == []


async def test_an_older_database_is_reported_and_upgraded(tollkeeper: Program, path: Path) -> None:
    first_revision(path, [a_record(NOON)])
    ended = tollkeeper("db", "check", "--database", path)
    assert ended.code == 1
    assert "is undamaged, but has revision 0001" in ended.err
    assert "`tollkeeper db upgrade`" in ended.err

    for look in ("verify", "export"):
        ended = tollkeeper("ledger", look, "--database", path)
        assert ended.code == 1
        assert f"of revision 0001, and this version's is {HEAD}" in ended.err
        assert "`tollkeeper db upgrade`" in ended.err

    ended = tollkeeper("db", "upgrade", "--database", path)
    previous = path.with_name(f"ledger.db.before-{HEAD}")
    assert ended.code == 0, ended.err
    assert ended.lines == [f"{path} was upgraded to this version.", f"The previous database: {previous}"]
    assert previous.exists()
    assert tollkeeper("db", "check", "--database", path).code == 0
    assert tollkeeper("ledger", "verify", "--database", path).code == 0

    ended = tollkeeper("db", "upgrade", "--database", path)
    assert ended.lines == [f"{path} has this version already."]
    assert await counted(path) == 1


async def test_a_newer_database_is_not_changed(tollkeeper: Program, path: Path) -> None:
    await kept(path, 1)
    changed(path, "UPDATE alembic_version SET version_num = '9999'")
    assert "revision 9999" in tollkeeper("db", "check", "--database", path).err
    ended = tollkeeper("db", "upgrade", "--database", path)
    assert ended.code == 1
    assert "newer Tollkeeper" in ended.err
    assert not path.with_name(f"ledger.db.before-{HEAD}").exists()


async def test_an_open_database_is_not_upgraded(tollkeeper: Program, path: Path) -> None:
    store = await open_store(path, now=lambda: NOON)
    ended = tollkeeper("db", "upgrade", "--database", path)
    await store.close()
    assert ended.code == 1
    assert "open in another process" in ended.err


async def test_prune_asks_for_confirmation(tollkeeper: Program, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept(path, 3)
    day = ("db", "prune", "--database", path, "--before", format_time(NOON + 2000)[:19] + "Z")
    store = await open_store(path, now=lambda: NOON)
    await store.ledger.settle(a_record(NOON + 5000))
    assert "open in another process" in tollkeeper(*day, "--yes").err
    await store.close()
    ended = tollkeeper(*day, "--yes")
    assert (ended.code, "finalize that month first, or delete with --before 2026-11-01" in ended.err) == (1, True)
    assert await counted(path) == 4
    store = await open_store(path, now=lambda: NOON)
    await finalize_all(store, NOON + 30 * DAY)
    await store.close()

    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    ended = tollkeeper(*day)
    assert (ended.code, "Delete 3 records from before" in ended.err) == (1, True)
    assert await counted(path) == 4

    ended = tollkeeper(*day, "--yes")
    assert ended.code == 0, ended.err
    assert "Deleted 3 records from before" in ended.out
    assert await counted(path) == 1
    ended = tollkeeper("ledger", "verify", "--database", path)
    assert (ended.code, "3 older records pruned." in ended.out) == (0, True)


def test_records_that_limits_need_are_not_pruned(tollkeeper: Program, path: Path) -> None:
    assert tollkeeper("db", "prune", "--database", path, "--before", "2999-01-01", "--yes").code == 2
    assert tollkeeper("db", "prune", "--database", path, "--before", "soon", "--yes").code == 2
    assert not path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="ci-ok: ONLY ROOT MAY GIVE A FILE TO SOMEONE ELSE, so none was given")
async def test_files_keep_their_owner_when_root_runs_a_command(tollkeeper: Program, path: Path) -> None:
    await kept(path, 1)
    assert tollkeeper("db", "backup", "copy.db", "--database", path).code == 0
    path.with_name(f"{path.name}.lock").unlink()
    path.chmod(0o640)
    os.chown(path, 12345, 23456)
    assert tollkeeper("db", "restore", "copy.db", "--database", path).code == 0
    older = path.with_name("older.db")
    first_revision(older, [a_record(NOON)])
    older.chmod(0o640)
    os.chown(older, 12345, 23456)
    assert tollkeeper("db", "upgrade", "--database", older).code == 0
    (previous,) = path.parent.glob("ledger.db.before-restore-*Z")
    for file in (path, previous, older, older.with_name(f"older.db.before-{HEAD}")):
        found = file.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (12345, 23456, 0o640), file
    assert path.with_name(f"{path.name}.lock").stat().st_uid == 12345
