"""Alembic, run from inside: brings a database to the newest revision, after a copy of it was set aside."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import StaticPool

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import engine_over

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(path: Path, connection: sqlite3.Connection, current: str | None, scripts: Path = MIGRATIONS) -> None:
    """Bring the database from revision `current` (None: it is new and empty) to the newest of `scripts`, whole or not
    at all. The copy of an older one is `<path>.before-<newest>`. Raises StoreError for a revision not known here."""
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
        _set_aside(connection, path.with_name(f"{path.name}.before-{head}"))
    engine = engine_over(lambda: connection, StaticPool, "BEGIN IMMEDIATE")
    with engine.begin() as transaction:
        config.attributes["connection"] = transaction
        command.upgrade(config, "head")


def _set_aside(source: sqlite3.Connection, target: Path) -> None:
    # Complete under its name or not there at all, and readable by nobody else.
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy = sqlite3.connect(partial)
    try:
        source.backup(copy)
    finally:
        copy.close()
    partial.replace(target)
