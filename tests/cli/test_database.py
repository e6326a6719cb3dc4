"""`tollkeeper db …`, as an operator runs it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.commands import Program
from tests.store.sqlite.older import first_revision
from tests.store.values import ANN, AUDIT, EVERYTHING, NOON, a_record
from tollkeeper.services.secrets import secrets_path
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.schema import HEAD


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


async def test_a_backup_while_it_is_served_put_back_when_it_is_not(
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
    (aside,) = tmp_path.glob("ledger.db.before-restore-*Z")
    assert f"What was there before: {aside}" in ended.lines
    assert f"secrets file {secrets_path(path)}" in ended.out
    assert await counted(path) == 3
    assert await counted(aside) == 4


async def test_the_pepper_of_the_settings_is_named_instead_of_the_file(
    tollkeeper: Program, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept(path, 1)
    monkeypatch.setenv("TOLLKEEPER_PEPPER", "ab" * 32)
    ended = tollkeeper("db", "backup", "copy.db", "--database", path)
    assert "the setting pepper" in ended.out
    assert "ab" * 32 not in ended.out


async def test_a_backup_that_does_not_hold_is_refused(tollkeeper: Program, path: Path) -> None:
    await kept(path, 3)
    assert tollkeeper("db", "backup", "copy.db", "--database", path).code == 0
    changed(path.with_name("copy.db"), "DELETE FROM records WHERE seq = 2")
    ended = tollkeeper("db", "restore", "copy.db", "--database", path)
    assert ended.code == 1
    assert "record 2 is missing" in ended.err
    assert ended.err.count("\n") == 1
    assert await counted(path) == 3


def test_backup_and_restore_need_a_file(tollkeeper: Program) -> None:
    assert tollkeeper("db", "backup").code == 2
    assert tollkeeper("db", "restore").code == 2
    assert "there is no backup absent.db" in tollkeeper("db", "restore", "absent.db").err


async def test_a_sound_file(tollkeeper: Program, path: Path) -> None:
    await kept(path, 3)
    store = await open_store(path, now=lambda: NOON)
    ended = tollkeeper("db", "check", "--database", path)
    await store.close()
    assert ended.code == 0
    assert ended.out == f"{path} is sound, and of revision {HEAD}, that of this version.\n"


async def test_a_damaged_file(tollkeeper: Program, path: Path) -> None:
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


async def test_a_file_that_is_no_database(tollkeeper: Program, path: Path) -> None:
    path.write_text("a letter to a friend, which is longer than the head of a database would be" * 20)
    for command in ("check", "upgrade"):
        ended = tollkeeper("db", command, "--database", path)
        assert (ended.code, ended.out) == (1, "")
        assert "file is not a database" in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.parametrize("statements", [[], ["CREATE TABLE letters (text)"]])
def test_a_database_of_something_else(tollkeeper: Program, path: Path, statements: list[str]) -> None:
    changed(path, "CREATE TABLE gone (text)", "DROP TABLE gone", *statements)
    for command in ("check", "upgrade"):
        ended = tollkeeper("db", command, "--database", path)
        assert ended.code == 1
        assert ended.err == f"tollkeeper: {path} is no database of Tollkeeper\n"


def test_no_database_is_made(tollkeeper: Program, tmp_path: Path) -> None:
    for words in (["check"], ["upgrade"], ["backup", "copy.db"]):
        ended = tollkeeper("db", *words)
        assert ended.code == 1
        assert ended.err == "tollkeeper: there is no database tollkeeper.db\n"
    assert list(tmp_path.iterdir()) == []


async def test_an_older_database_is_told_and_upgraded(tollkeeper: Program, path: Path) -> None:
    first_revision(path, [a_record(NOON)])
    ended = tollkeeper("db", "check", "--database", path)
    assert ended.code == 1
    assert "is sound, but of revision 0001" in ended.err
    assert "`tollkeeper db upgrade`" in ended.err

    for look in ("verify", "export"):
        ended = tollkeeper("ledger", look, "--database", path)
        assert ended.code == 1
        assert f"of revision 0001, and this version's is {HEAD}" in ended.err
        assert "`tollkeeper db upgrade`" in ended.err

    ended = tollkeeper("db", "upgrade", "--database", path)
    aside = path.with_name(f"ledger.db.before-{HEAD}")
    assert ended.code == 0, ended.err
    assert ended.lines == [f"{path} is of this version now.", f"What was there before: {aside}"]
    assert aside.exists()
    assert tollkeeper("db", "check", "--database", path).code == 0
    assert tollkeeper("ledger", "verify", "--database", path).code == 0

    ended = tollkeeper("db", "upgrade", "--database", path)
    assert ended.lines == [f"{path} is of this version already."]
    assert await counted(path) == 1


async def test_a_newer_database_is_left_alone(tollkeeper: Program, path: Path) -> None:
    await kept(path, 1)
    changed(path, "UPDATE alembic_version SET version_num = '9999'")
    assert "of revision 9999" in tollkeeper("db", "check", "--database", path).err
    ended = tollkeeper("db", "upgrade", "--database", path)
    assert ended.code == 1
    assert "newer Tollkeeper" in ended.err
    assert not path.with_name(f"ledger.db.before-{HEAD}").exists()


async def test_what_is_open_is_not_upgraded(tollkeeper: Program, path: Path) -> None:
    store = await open_store(path, now=lambda: NOON)
    ended = tollkeeper("db", "upgrade", "--database", path)
    await store.close()
    assert ended.code == 1
    assert "open in another process" in ended.err
