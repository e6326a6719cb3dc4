"""The sums follow the records: in any portions the same, never behind for who reads them, and from the mark on after a
kill."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.rules.usage import NO_USAGE
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.rollups import MOST
from tollkeeper.store.sql.schema import records
from tollkeeper.store.sql.sum_tables import LATENCIES, hourly
from tollkeeper.store.sqlite import SqliteStore, open_store, roll_up
from tollkeeper.store.sqlite.commit import Committer
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.verify import verify

MINUTE = 60_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(path, now=lambda: NOON)
    yield opened
    await opened.close()


def append(connection: sqlite3.Connection, some: Sequence[Record]) -> None:
    identities = Identities(connection.execute("SELECT id, user_id FROM identities"))
    connection.execute("BEGIN IMMEDIATE")
    Committer(identities).write(connection, (), some, ())
    connection.execute("COMMIT")


def mark(connection: sqlite3.Connection) -> tuple[int, int]:
    seq, rolled_up = connection.execute("SELECT seq, rolled_up FROM head").fetchone()
    return seq, rolled_up


def varied(count: int) -> list[Record]:
    """Records that differ in all that sums are by, and in their figures."""
    some = random.Random(7)
    made = []
    for n in range(count):
        at = NOON + n * 7 * MINUTE
        if n % 11 == 10:
            made.append(
                a_record(
                    at, endpoint=ADJUSTMENT, model="", upstream="", usage=NO_USAGE, cost_pico=-some.randrange(10**9)
                )
            )
            continue
        made.append(
            a_record(
                at,
                settled_at=at + some.choice((3, 59_000, 61_000, 4_000_000)),
                user_id=some.choice(("ann", "bob")),
                key_id=some.choice((None, "key_1", "key_2")),
                model=some.choice(("a", "b")),
                status=some.choice(("completed", "failed", "lost")),
                team_id=some.choice((None, "red")),
                end_user_id=some.choice((None, "eu_1")),
                upstream=some.choice(("", "far")),
                endpoint=some.choice(("/v1/chat/completions", "/v1/embeddings")),
                latency_ms=some.choice((0, 5, 6, 250, 299_999, 300_000, 300_001, 10**9)),
                first_token_ms=some.choice((None, 0, 10, 120_000, 10**9)),
                cost_pico=some.choice((0, 1, 999_999, 10**6, 10**12 + 1)),
                metadata=some.choice((None, '{"team":"blue"}', '{"team":"","n":1}', '{"a":"x","b":"\\u0000"}')),
            )
        )
    return made


@pytest.mark.parametrize("most", [1, 7, MOST])
async def test_in_any_portions_the_sums_are_those_of_the_records(
    path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(roll_up, "MOST", most)
    await (await open_store(path, now=lambda: NOON)).close()
    made = varied(120)
    with closing(connect_writer(path, "process")) as connection:
        for start in range(0, len(made), 50):
            append(connection, made[start : start + 50])
            assert mark(connection) == (min(start + 50, len(made)), start)
            assert verify(path).faults == ()
            roll_up.roll_up(connection)
            assert mark(connection) == (min(start + 50, len(made)),) * 2
            assert verify(path).faults == ()
        assert connection.execute("SELECT sum(requests) FROM daily_tags WHERE value = 'blue'").fetchone()[0] > 5


async def test_a_count_as_large_as_can_be_is_exact(path: Path) -> None:
    await (await open_store(path, now=lambda: NOON)).close()
    more = MOST + 2
    with closing(connect_writer(path, "process")) as connection:
        append(connection, [a_record(NOON + n % 100, latency_ms=5, first_token_ms=None) for n in range(more)])
        roll_up.roll_up(connection)
        [row] = connection.execute(f"SELECT requests, {', '.join(LATENCIES)} FROM hourly")
    assert row == (more, more, *[0] * (len(LATENCIES) - 1))


async def test_after_a_kill_the_sums_go_on_from_the_mark(path: Path) -> None:
    await (await open_store(path, now=lambda: NOON)).close()
    killed = path.with_name("killed.db")
    with closing(connect_writer(path, "process")) as connection:
        append(connection, varied(20))
        roll_up.roll_up(connection)
        append(connection, [a_record(NOON + n) for n in range(1, 11)])
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{killed}{end}")
    store = await open_store(killed, now=lambda: NOON)
    [(_, sums)] = await store.reports.summary(EVERYTHING, [])
    await store.close()
    assert sums.requests == 29
    assert verify(killed).faults == ()


async def test_who_reads_sums_finds_every_record_in_them(store: SqliteStore) -> None:
    written = 0

    async def write() -> None:
        nonlocal written
        while written < 300:
            written += 1
            await store.ledger.settle(a_record(NOON + written))

    def both(connection: Connection) -> tuple[int, int]:
        there = connection.execute(select(func.count()).select_from(records)).scalar_one()
        return there, connection.execute(select(func.sum(hourly.c.requests))).scalar() or 0

    writing = asyncio.ensure_future(write())
    found = []
    while not writing.done():
        durable = written - 1
        found.append((*await store._summed.run(both), durable))
    await writing
    assert all(there == summed >= durable for there, summed, durable in found)
    assert len({there for there, *_ in found}) > 10


async def test_other_writes_find_every_record_in_the_sums(store: SqliteStore) -> None:
    for n in range(3):
        await store.ledger.settle(a_record(NOON + n))
        count = await store._writer.run(
            lambda connection: connection.execute(select(func.sum(hourly.c.requests))).scalar()
        )
        assert count == n + 1


async def test_whatever_is_closed_has_its_sums(path: Path) -> None:
    store = await open_store(path, now=lambda: NOON)
    for n in range(5):
        store.ledger.settle(a_record(NOON + n))
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert mark(connection) == (5, 5)


async def test_sums_by_minute_are_forgotten_after_a_day_and_an_hour(store: SqliteStore, tmp_path: Path) -> None:
    for n in range(120):
        await store.ledger.settle(a_record(NOON + n * 30 * MINUTE))
        await store.reports.spending(0)  # brings the sums up
    now = NOON + 119 * 30 * MINUTE
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        minutes = [minute for (minute,) in connection.execute("SELECT minute FROM rollup_minutes ORDER BY minute")]
    assert len(minutes) <= 2 * 26
    assert minutes[0] >= now - 26 * 60 * MINUTE
    history = await store.reports.history(now)
    assert sum(each.requests for each in history.minutes) == 51
    assert verify(tmp_path / "ledger.db").faults == ()
