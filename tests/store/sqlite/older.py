"""Databases as earlier versions made them."""

# Its queries are put together of the names of tables and columns.

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.store.values import ANN, KEY, NOON
from tollkeeper.store.ports.record_fields import FIELDS, covered
from tollkeeper.store.ports.records import ADJUSTMENT, TEXT_ENDPOINTS, Record
from tollkeeper.store.sql.migrations.steps import MIGRATIONS
from tollkeeper.store.sql.rows import record_row
from tollkeeper.store.sql.sum_tables import FIGURES
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.upgrade import upgrade

BY_OPAQUE_IDS = 14
"""The revision from which on records and sums name nobody."""
_NOT_BY_ENDPOINT = ", ".join(f"'{endpoint}'" for endpoint in (*sorted(TEXT_ENDPOINTS), ADJUSTMENT))


def first_revision(path: Path, records: Sequence[Record]) -> None:
    """A database as the first revision made it, with an account and these records."""
    connection = _empty(path, 1)
    connection.execute("INSERT INTO users VALUES ('ann', 'user', 'active', 'Ann', ?, ?)", (NOON, ANN.password_hash))
    places = ", ".join("?" * 24)
    then = [field.place or 0 for field in covered(FIELDS, 1)]  # the fields that there were
    rows = [[record_row(record)[place] for place in then] for record in records]
    connection.executemany(f"INSERT INTO records VALUES ({places})", rows)
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


def fifth_revision(path: Path) -> None:
    """A database that the fifth revision wrote, dumped as SQL: two records of five were pruned, one is a correction."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(Path(__file__).with_name("revision_0005.sql").read_text())


def earlier_revision(path: Path, revision: int, source: Path) -> None:
    """A database of an older revision with what is in `source`, as far as that revision had a place for it."""
    connection = _empty(path, revision)
    connection.execute("ATTACH ? AS now", (str(source),))
    tables = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    for (table,) in connection.execute(tables).fetchall():
        if table != "alembic_version":
            columns = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})")]
            connection.execute(f"DELETE FROM main.{table}")
            query = _as_before(table, columns, named=revision < BY_OPAQUE_IDS)
            connection.execute(f"INSERT INTO main.{table} ({', '.join(columns)}) {query}")
    connection.close()


def _as_before(table: str, columns: Sequence[str], *, named: bool) -> str:
    """The query for a table's rows as earlier revisions had them: by user ids (`named`), with metadata in records, and
    summed over dimensions that came later."""
    values = {name: name for name in columns}
    if named and table in ("records", "hourly", "rollup_minutes", "monthly_users", "pruned_users"):
        values["user_id"] = "(SELECT identities.user_id FROM now.identities WHERE id = one.user_id)"
    if "metadata" in values:
        of_record = "record_metadata.request_id = one.request_id"
        values["metadata"] = f"(SELECT record_metadata.metadata FROM now.record_metadata WHERE {of_record})"
    groups = [name for name in columns if name not in FIGURES]
    summed = 0 < len(groups) < len(columns) and table not in {"checkpoints", "records"}
    if summed:
        values |= {name: f"sum({name})" for name in columns if name in FIGURES}
    source = {"hourly_endpoints": f"hourly AS one WHERE endpoint NOT IN ({_NOT_BY_ENDPOINT})"}.get(
        table, f"{table} AS one"
    )
    query = f"SELECT {', '.join(values[name] for name in columns)} FROM now.{source}"
    return f"{query} GROUP BY {', '.join(groups)}" if summed else query


def _empty(path: Path, revision: int) -> sqlite3.Connection:
    """A new database of an older revision; with nothing in it, and open."""
    scripts = path.parent / f"older-{path.name}"
    shutil.copytree(MIGRATIONS, scripts)
    for script in (scripts / "versions").glob("v*.py"):
        if int(script.name[1:5]) > revision:
            script.unlink()
    path.touch()
    connection = connect_writer(path, "process")
    upgrade(path, connection, None, scripts)
    return connection
