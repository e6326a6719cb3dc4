"""One database by several names: whoever has it open by one keeps all others out."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process.command import COMMAND, begin, end, first_lines, refusal
from tests.store.values import NOON, a_record
from tollkeeper.store.sqlite import open_store

pytestmark = pytest.mark.process

NAME = "tollkeeper.db"


def symbolic(database: Path) -> Path:
    name = database.parent / "other" / "symbolic.db"
    name.symlink_to(database)
    return name


def chain(database: Path) -> Path:
    name = database.parent / "other" / "chain.db"
    name.symlink_to("../other/symbolic.db")
    symbolic(database)
    return name


def through_a_folder(database: Path) -> Path:
    (database.parent / "other" / "folder").symlink_to(database.parent)
    return database.parent / "other" / "folder" / NAME


def hard(database: Path) -> Path:
    name = database.parent / "other" / "hard.db"
    name.hardlink_to(database)
    return name


NAMES: dict[str, Callable[[Path], Path]] = {
    "a symbolic link": symbolic,
    "a link to a link": chain,
    "a link to its folder": through_a_folder,
    "a hard link": hard,
    "its path from here": lambda _: Path(NAME),
    "its path from everywhere": lambda database: database,
    "a detour": lambda database: database.parent / "other" / ".." / NAME,
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    async def made() -> None:
        store = await open_store(tmp_path / NAME, now=lambda: NOON)
        await store.ledger.settle(a_record(NOON))
        await store.close()

    asyncio.run(made())
    (tmp_path / "other").mkdir()
    return tmp_path / NAME


@pytest.mark.parametrize("first", [True, False], ids=["served by its own name", "served by the other"])
@pytest.mark.parametrize("name", NAMES)
def test_a_second_gateway_is_refused(database: Path, name: str, first: bool) -> None:
    names = [str(database), str(NAMES[name](database))]
    here, there = names if first else reversed(names)
    with begin(database.parent, DATABASE_PATH=here) as process:
        first_lines(process)
        code, complaint = refusal(database.parent, DATABASE_PATH=there)
        assert (code, "is open in another process" in complaint) == (1, True), complaint
        for command in (["db", "restore", database], ["db", "upgrade"], ["db", "prune", "--before", "2020-01-01"]):
            code, complaint = told(*command, "--database", there, folder=database.parent)
            assert (code, "is open in another process" in complaint) == (1, True), complaint
        end(process)


def test_who_only_reads_is_sent_to_the_name_that_is_served(database: Path) -> None:
    other, link = hard(database), symbolic(database)
    with begin(database.parent) as process:
        first_lines(process)
        for command in (["ledger", "verify"], ["ledger", "export"], ["db", "check"], ["db", "backup", "copy.db"]):
            code, complaint = told(*command, "--database", other, folder=database.parent)
            assert (code, "by another name; use that name" in complaint) == (1, True), complaint
            code, complaint = told(*command, "--database", link, folder=database.parent)
            assert (code, complaint) == (0, ""), "SQLite finds the log of a symbolic link's file"
            database.with_name("copy.db").unlink(missing_ok=True)
        end(process)
    assert told("ledger", "verify", "--database", other, folder=database.parent) == (0, "")


def test_a_mount_is_a_name_too(database: Path) -> None:
    if os.geteuid() or shutil.which("unshare") is None:
        pytest.skip("ci-ok: ONLY ROOT MAY MOUNT A FOLDER IN ANOTHER PLACE, so no database was served by two paths")
    other = database.parent / "other"
    with begin(database.parent) as process:
        first_lines(process)
        mounted = f"mount --bind {database.parent} {other} && exec {COMMAND} serve --database {other / NAME} --port 0"
        done = subprocess.run(["unshare", "-m", "sh", "-c", mounted], check=False, capture_output=True, text=True)
        assert (done.returncode, "is open in another process" in done.stderr) == (1, True), done
        end(process)


def test_a_second_name_is_warned_of(database: Path) -> None:
    hard(database)
    with begin(database.parent) as process:
        first_lines(process)
        _, complaints = end(process)
    assert complaints.count("has a second name (a hard link)") == 1


def told(*command: object, folder: Path) -> tuple[int, str]:
    """The exit code of `tollkeeper …`, and what it complains of."""
    done = subprocess.run(
        [COMMAND, *map(str, command)], cwd=folder, env={"PATH": os.defpath}, check=False, capture_output=True, text=True
    )
    return done.returncode, done.stderr
