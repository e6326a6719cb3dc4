"""The write-ahead log is moved while commits go on."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from tests.store.values import NOON, a_record
from tollkeeper.store.sqlite import open_store, wal


def salt(path: Path) -> bytes:
    """What a log has anew each time that it begins anew (https://www.sqlite.org/fileformat2.html#walformat)."""
    log: Path = path.with_name(path.name + "-wal")
    return log.read_bytes()[16:24]


async def test_the_log_begins_anew_while_commits_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(wal, "PAUSE", 0.001)
    monkeypatch.setattr(wal, "LONG", 20)
    path = tmp_path / "t.db"
    store = await open_store(path, now=lambda: NOON)
    count = 0
    try:
        await store.ledger.settle(a_record())
        first, count = salt(path), 1
        async with asyncio.timeout(30):
            while salt(path) == first:
                await store.ledger.settle(a_record())
                count += 1
    finally:
        await store.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM records").fetchone() == (count,)
    connection.close()
