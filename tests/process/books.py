"""What the database file itself says, read without the gateway."""

from __future__ import annotations

import sqlite3
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
_OF_RECORDS = f"SELECT created_at / {HOUR_MS}, {PLACE}, {', '.join(SUMS)} FROM records {OWNERS.format(table='records')}"
_OF_ROLLUPS = f"SELECT hour / {HOUR_MS}, {PLACE}, {', '.join(ROLLUPS)} FROM hourly {OWNERS.format(table='hourly')}"


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
    with reading(database) as connection:
        return _sums(connection, _OF_RECORDS)


def sums_agree(database: Path) -> None:
    """The sums by hour are those of the records that they have; others follow."""
    with reading(database) as connection:
        connection.execute("BEGIN")
        of_records = _sums(connection, f"{_OF_RECORDS} WHERE seq <= (SELECT rolled_up FROM head)")
        assert _sums(connection, _OF_ROLLUPS) == of_records


def behind(database: Path) -> int:
    """How many records the sums do not have yet."""
    with reading(database) as connection:
        count: int = connection.execute("SELECT seq - rolled_up FROM head").fetchone()[0]
    return count


def _sums(connection: sqlite3.Connection, query: str) -> dict[Any, Any]:
    rows = connection.execute(query + " GROUP BY 1, 2, 3, 4, 5").fetchall()
    return {tuple(row)[:5]: tuple(row)[5:] for row in rows}
