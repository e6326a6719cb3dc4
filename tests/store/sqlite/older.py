"""Databases as earlier versions made them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.store.values import ANN, NOON
from tollkeeper.store.ports import Record
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.rows import record_row
from tollkeeper.store.sqlite.upgrade import MIGRATIONS, upgrade


def first_revision(path: Path, records: Sequence[Record]) -> None:
    """A database as the first revision made it, with an account and these records."""
    scripts = path.parent / "first"
    shutil.copytree(MIGRATIONS, scripts)
    (scripts / "versions" / "v0002_chain.py").unlink()
    path.touch()
    connection = connect_writer(path, "process")
    upgrade(path, connection, None, scripts)
    connection.execute("INSERT INTO users VALUES ('ann', 'user', 'active', 'Ann', ?, ?)", (NOON, ANN.password_hash))
    places = ", ".join("?" * 24)
    connection.executemany(f"INSERT INTO records VALUES ({places})", [record_row(record) for record in records])
    connection.execute(
        "INSERT INTO hourly SELECT created_at - created_at % 3600000, user_id, model, coalesce(key_id, ''), status,"
        " count(*), sum(prompt_tokens), sum(cached_tokens), sum(cache_write_tokens), sum(completion_tokens),"
        " sum(reasoning_tokens), sum(cost_pico / 1000000), sum(cost_pico % 1000000) FROM records GROUP BY 1, 2, 3, 4, 5"
    )
    connection.close()
