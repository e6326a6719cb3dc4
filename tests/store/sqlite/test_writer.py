"""The one thread that writes: each piece of work a transaction of its own, or none at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.writer import Writer


class Hindrance:
    reason: str | None = None

    def __call__(self) -> str | None:
        return self.reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE numbers (number INTEGER UNIQUE)")
        connection.execute("CREATE TABLE head AS SELECT 0 AS seq, 0 AS rolled_up")
    connection.close()
    return path


@pytest.fixture
def hindrance() -> Hindrance:
    return Hindrance()


@pytest.fixture
async def writer(path: Path, hindrance: Hindrance) -> AsyncIterator[Writer]:
    writer = Writer(connect_writer(path, "process"), hindrance)
    yield writer
    assert await writer.close(10)


async def add(writer: Writer, number: int, *, then: Exception | None = None) -> None:
    def work(connection: object) -> None:
        connection.execute(text(f"INSERT INTO numbers VALUES ({number})"))  # type: ignore[attr-defined]
        if then is not None:
            raise then

    await writer.run(work)


async def handed(writer: Writer, *statements: str) -> Exception | None:
    told: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def work(connection: sqlite3.Connection) -> None:
        for one in statements:
            connection.execute(one)

    writer.hand(work, told.set_result)
    return await told


async def there(writer: Writer) -> list[int]:
    return await writer.run(lambda connection: list(connection.execute(text("SELECT number FROM numbers")).scalars()))


async def test_work_is_done_whole_or_not_at_all(writer: Writer) -> None:
    await add(writer, 1)
    with pytest.raises(ValueError, match="no"):
        await add(writer, 2, then=ValueError("no"))
    with pytest.raises(StoreError, match="cannot be written"):
        await add(writer, 1)
    assert await there(writer) == [1]


async def test_what_is_handed_hears_of_its_failure_and_leaves_nothing(writer: Writer) -> None:
    assert await handed(writer, "INSERT INTO numbers VALUES (1)") is None
    failure = await handed(writer, "INSERT INTO numbers VALUES (2)", "INSERT INTO numbers VALUES (1)")
    assert isinstance(failure, sqlite3.IntegrityError)
    assert await handed(writer, "INSERT INTO numbers VALUES (3)") is None
    assert await there(writer) == [1, 3]


async def test_nothing_is_written_while_something_stands_in_the_way(writer: Writer, hindrance: Hindrance) -> None:
    hindrance.reason = "moved"
    with pytest.raises(StoreError, match="moved"):
        await add(writer, 1)
    assert isinstance(await handed(writer, "INSERT INTO numbers VALUES (1)"), StoreError)
    hindrance.reason = None
    assert await there(writer) == []


async def test_a_snapshot_needs_the_sums_to_be_up(writer: Writer, path: Path) -> None:
    readers = Readers(path, begin=writer.snapshot)
    seq = text("SELECT seq FROM head")
    assert await readers.run(lambda connection: connection.execute(seq).scalar()) == 0
    assert await handed(writer, "UPDATE head SET seq = 1") is None
    with pytest.raises(StoreError, match="no such column"):  # the sums cannot be brought up
        await readers.run(lambda connection: connection.execute(seq).scalar())
    with pytest.raises(StoreError, match="no such column"):
        await add(writer, 1)
    assert await handed(writer, "UPDATE head SET rolled_up = 1") is None
    assert await readers.run(lambda connection: connection.execute(seq).scalar()) == 1
    await readers.close()


async def test_a_closed_one_takes_no_more(path: Path) -> None:
    writer = Writer(connect_writer(path, "process"))
    last = asyncio.ensure_future(add(writer, 1))
    await asyncio.sleep(0)
    assert await writer.close(10)
    await last
    with pytest.raises(StoreError, match="closed"):
        await add(writer, 2)
