"""Revisions of a database, known without loading Alembic."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.store.values import NOON
from tollkeeper.store.errors import StoreError
from tollkeeper.store.sql.migrations.head import HEAD
from tollkeeper.store.sql.migrations.steps import MIGRATIONS
from tollkeeper.store.sqlite import SqliteStore, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def opened(path: Path) -> SqliteStore:
    return await open_store(path, now=lambda: NOON)


def test_the_head_told_is_the_head_there_is() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


async def test_a_start_with_nothing_to_upgrade_does_not_load_alembic(path: Path) -> None:
    await (await opened(path)).close()
    program = (
        "import asyncio, pathlib, sys\n"
        "from tollkeeper.store.sqlite import open_store\n"
        "asyncio.run(open_store(pathlib.Path(sys.argv[1]), now=lambda: 0))\n"
        "print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


async def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    await (await opened(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match=rf"newer Tollkeeper \(revision 9999; this one knows {HEAD}\)"):
        await opened(path)
    assert not list(path.parent.glob("*.before-*"))
