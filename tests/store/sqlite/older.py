"""Databases as earlier versions made them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from tests.store.values import ANN, KEY, NOON
from tollkeeper.store.ports import Record
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.rows import record_row
from tollkeeper.store.sqlite.upgrade import MIGRATIONS, upgrade


def first_revision(path: Path, records: Sequence[Record]) -> None:
    """A database as the first revision made it, with an account and these records."""
    connection = _empty(path, 1)
    connection.execute("INSERT INTO users VALUES ('ann', 'user', 'active', 'Ann', ?, ?)", (NOON, ANN.password_hash))
    places = ", ".join("?" * 24)
    connection.executemany(f"INSERT INTO records VALUES ({places})", [record_row(record) for record in records])
    connection.execute(
        "INSERT INTO hourly SELECT created_at - created_at % 3600000, user_id, model, coalesce(key_id, ''), status,"
        " count(*), sum(prompt_tokens), sum(cached_tokens), sum(cache_write_tokens), sum(completion_tokens),"
        " sum(reasoning_tokens), sum(cost_pico / 1000000), sum(cost_pico % 1000000) FROM records GROUP BY 1, 2, 3, 4, 5"
    )
    connection.close()


def second_revision(path: Path) -> None:
    """A database as the second revision made it, with an account and a key of it."""
    connection = _empty(path, 2)
    connection.execute(
        "INSERT INTO users VALUES ('ann', 'user', 'active', 'Ann', ?, ?, '{}')", (NOON, ANN.password_hash)
    )
    connection.execute(
        "INSERT INTO keys VALUES ('key_1', 'ann', 'laptop', 'sk-ann-ab', ?, ?, NULL, NULL, NULL, '{}')",
        (KEY.digest, NOON),
    )
    connection.close()


def third_revision(path: Path) -> None:
    """A database as the third revision made it: key_1 was rotated at once, key_2 with a grace that goes on, and key_4
    is another."""
    connection = _empty(path, 3)
    connection.execute(
        "INSERT INTO users VALUES ('ann', 'user', 'active', 'Ann', ?, ?, '{}')", (NOON, ANN.password_hash)
    )
    for name, dead in (("key_1", NOON), ("key_2", 2**53), ("key_3", None), ("key_4", None)):
        connection.execute(
            "INSERT INTO keys VALUES (?, 'ann', NULL, 'sk-ann-ab', ?, ?, NULL, ?, NULL, '{}')",
            (name, name.encode(), NOON, dead),
        )
    for old, new in (("key_1", "key_2"), ("key_2", "key_3")):
        connection.execute(
            "INSERT INTO audit (at, actor, action, target, detail) VALUES (?, 'ann', 'key.rotate', ?, ?)",
            (NOON, new, json.dumps({"replaces": old})),
        )
    connection.close()


def _empty(path: Path, revision: int) -> sqlite3.Connection:
    """A new database of an older revision; with nothing in it, and open."""
    scripts = path.parent / "older"
    shutil.copytree(MIGRATIONS, scripts)
    for script in (scripts / "versions").glob("v*.py"):
        if int(script.name[1:5]) > revision:
            script.unlink()
    path.touch()
    connection = connect_writer(path, "process")
    upgrade(path, connection, None, scripts)
    return connection
