"""Upgrades by Alembic, run in this process: a copy of the database is made first."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import StaticPool

from tollkeeper.store.sql.migrations.steps import MIGRATIONS, Revisions
from tollkeeper.store.sqlite.connections import begin_write, engine_over
from tollkeeper.store.sqlite.files import beside, copy_owner, make_empty, sync


def upgrade(path: Path, connection: sqlite3.Connection, current: str | None, scripts: Path = MIGRATIONS) -> None:
    """Upgrade the database from revision `current` (None: new and empty) to the newest of `scripts`, completely or not
    at all. An older one is first copied to `<path>.before-<newest>`. Raises StoreError for an unknown revision."""
    revisions = Revisions(scripts)
    if current is not None:
        revisions.must_know(current, f"the database {path}")
        _set_aside(connection, path, path.with_name(f"{path.name}.before-{revisions.head}"))
    with engine_over(lambda: connection, StaticPool, begin_write).begin() as transaction:
        revisions.run(transaction)


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
