"""What the database file itself says, read without the gateway."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SUMS = (
    "count(*)",
    "sum(prompt_tokens)",
    "sum(cached_tokens)",
    "sum(cache_write_tokens)",
    "sum(completion_tokens)",
    "sum(reasoning_tokens)",
    "sum(cost_pico)",
)
ROLLUPS = ("sum(requests)", *SUMS[1:-1], "sum(cost_micro) * 1000000 + sum(cost_rest)")
PLACE = "identities.user_id, model, coalesce(key_id, ''), status"
OWNERS = "LEFT JOIN identities ON identities.id = {table}.user_id"
HOUR_MS = 3_600_000
PATIENCE = 30
"""Seconds."""


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """The file, read-only, whoever has it open."""
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        connection.close()


def records(database: Path) -> dict[str, sqlite3.Row]:
    """By request id, with the user's id and the metadata in place of what the ledger has of them."""
    with reading(database) as connection:
        rows = connection.execute(
            "SELECT identities.user_id, record_metadata.metadata, records.* FROM records"
            f" {OWNERS.format(table='records')} LEFT JOIN record_metadata USING (request_id)"
        ).fetchall()
    found = {row["request_id"]: row for row in rows}
    assert len(found) == len(rows), "a request id stands there twice"
    return found


def intents(database: Path) -> int:
    """How many requests are journalled as under way."""
    with reading(database) as connection:
        count: int = connection.execute("SELECT count(*) FROM intents").fetchone()[0]
    return count


def sums_of_records(database: Path) -> dict[Any, Any]:
    """By hour, user, model, key and status."""
    return _sums(
        database,
        f"SELECT created_at / {HOUR_MS}, {PLACE}, {', '.join(SUMS)} FROM records {OWNERS.format(table='records')}",
    )


def sums_of_rollups(database: Path) -> dict[Any, Any]:
    """By hour, user, model, key and status, once they have all records: a gateway brings them up within a moment."""
    end = time.monotonic() + PATIENCE
    while behind(database):
        assert time.monotonic() < end, "the sums do not follow the records"
        time.sleep(0.02)
    return _sums(
        database, f"SELECT hour / {HOUR_MS}, {PLACE}, {', '.join(ROLLUPS)} FROM hourly {OWNERS.format(table='hourly')}"
    )


def behind(database: Path) -> int:
    """How many records the sums do not have yet."""
    with reading(database) as connection:
        count: int = connection.execute("SELECT seq - rolled_up FROM head").fetchone()[0]
    return count


def _sums(database: Path, query: str) -> dict[Any, Any]:
    with reading(database) as connection:
        rows = connection.execute(query + " GROUP BY 1, 2, 3, 4, 5").fetchall()
    return {tuple(row)[:5]: tuple(row)[5:] for row in rows}
