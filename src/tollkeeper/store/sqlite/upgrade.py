"""Upgrades by Alembic, run in this process: a copy of the database is made first."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import StaticPool

from tollkeeper.store import sql
from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import begin_write, engine_over
from tollkeeper.store.sqlite.files import beside, copy_owner, make_empty, sync

MIGRATIONS = Path(sql.__file__).parent / "migrations"


def upgrade(path: Path, connection: sqlite3.Connection, current: str | None, scripts: Path = MIGRATIONS) -> None:
    """Upgrade the database from revision `current` (None: new and empty) to the newest of `scripts`, completely or not
    at all. An older one is first copied to `<path>.before-<newest>`. Raises StoreError for an unknown revision."""
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    directory = ScriptDirectory.from_config(config)
    head = directory.get_current_head()
    if current is not None:
        if current not in {script.revision for script in directory.walk_revisions()}:
            raise StoreError(
                f"the database {path} was written by a newer Tollkeeper (revision {current}; this one knows {head}):"
                " run that version, or restore an older copy"
            )
        _set_aside(connection, path, path.with_name(f"{path.name}.before-{head}"))
    engine = engine_over(lambda: connection, StaticPool, begin_write)
    with engine.begin() as transaction:
        config.attributes["connection"] = transaction
        command.upgrade(config, "head")


def _set_aside(source: sqlite3.Connection, path: Path, target: Path) -> None:
    # The copy is complete under its name or absent, and has the owner and mode of the database.
    partial = beside(target, ".partial")
    partial.unlink(missing_ok=True)
    make_empty(partial)
    copy = sqlite3.connect(partial)
    try:
        source.backup(copy)
    finally:
        copy.close()
    file = os.open(partial, os.O_RDWR | os.O_CLOEXEC)
    try:
        copy_owner(file, path.stat())
        os.fsync(file)
    finally:
        os.close(file)
    partial.replace(target)
    sync(target.parent)
