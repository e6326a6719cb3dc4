"""Questions that take long: one at a time, ended in time, and in nobody else's way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, text

from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.store.errors import StoreOverloaded, StoreTimeout
from tollkeeper.store.ports.explorer import Question, Snapshot
from tollkeeper.store.sql import explorer
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.store import SqliteStore
from tollkeeper.store.sqlite.timed_reader import TimedReader

ENDLESS = text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n")


def ask_forever(connection: Connection) -> object:
    return connection.execute(ENDLESS).scalar()


def ask(connection: Connection) -> object:
    return connection.execute(text("SELECT 1")).scalar()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path / "a.db", now=lambda: NOON)
    yield store
    await store.close()


async def test_a_question_has_a_bound_of_time_and_the_next_is_answered(tmp_path: Path, store: SqliteStore) -> None:
    reader = TimedReader(tmp_path / "a.db", seconds=0.01)
    with pytest.raises(StoreTimeout):
        await reader.run(ask_forever)
    assert await reader.run(ask) == 1
    await reader.close()


async def test_a_question_that_nobody_waits_for_ends(tmp_path: Path, store: SqliteStore) -> None:
    reader = TimedReader(tmp_path / "a.db", seconds=3600)
    begun = Event()

    def long(connection: Connection) -> object:
        begun.set()
        return ask_forever(connection)

    asked = asyncio.create_task(reader.run(long))
    await asyncio.to_thread(begun.wait)
    asked.cancel()
    assert await reader.run(ask) == 1
    await reader.close()


async def test_who_waits_too_long_for_others_is_told(tmp_path: Path, store: SqliteStore) -> None:
    reader = TimedReader(tmp_path / "a.db", seconds=0.01)
    begun, end = Event(), Event()

    def long(_: Connection) -> None:
        begun.set()
        end.wait()

    asked = asyncio.create_task(reader.run(long))
    await asyncio.to_thread(begun.wait)
    with pytest.raises(StoreOverloaded):
        await reader.run(ask)
    end.set()
    await asked
    assert await reader.run(ask) == 1
    await reader.close()


async def test_other_reads_go_on_while_the_explorer_is_asked(store: SqliteStore) -> None:
    begun, end = Event(), Event()

    def long(_: object) -> None:
        begun.set()
        end.wait()

    asked = [asyncio.create_task(store.explorer.on_snapshot(long)) for _ in range(3)]
    await asyncio.to_thread(begun.wait)
    assert await store.reports.summary(EVERYTHING, ["user"]) == []
    assert (await store.explorer.explore(Question(EVERYTHING, ["user"]))).rows == []
    end.set()
    await asyncio.gather(*asked)


async def test_a_whole_answer_is_of_one_state(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "_AT_ONCE", 2)
    loop = asyncio.get_running_loop()

    async def settle(*users: str) -> None:
        for user_id in users:
            store.ledger.settle(a_record(user_id=user_id))
        await store.ledger.flush()

    def read(snapshot: Snapshot) -> list[str]:
        found: list[str] = []
        for rows in snapshot.rows(Question(EVERYTHING, ["user"], "requests")):
            assert len(rows) <= 2
            found += [user for (user,), _ in rows]
            asyncio.run_coroutine_threadsafe(settle("e", "e", "new"), loop).result()
        return found

    await settle(*"aabcde")
    assert await store.explorer.on_snapshot(read) == ["a", "b", "c", "d", "e"]
