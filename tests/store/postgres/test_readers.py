"""Reads: on one state of the database, from connections that cannot write, through a restart of the server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import Connection, text

from tests.store.postgres_server import PostgresServer
from tollkeeper.store.errors import StoreError
from tollkeeper.store.postgres.identities import SharedIdentities
from tollkeeper.store.postgres.readers import Readers

COUNT = text("SELECT count(*) FROM installation")
ADD = "INSERT INTO installation VALUES ('name', '')"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.clean_database()


@pytest.fixture
async def readers(url: str) -> AsyncIterator[Readers]:
    readers = Readers(url, SharedIdentities())
    yield readers
    await readers.close()


def count(connection: Connection) -> int:
    return int(connection.execute(COUNT).scalar_one())


async def test_a_read_sees_one_state_from_its_first_statement_on(url: str, readers: Readers) -> None:
    def twice(connection: Connection) -> tuple[int, int]:
        first = count(connection)
        with psycopg.connect(url) as other:
            other.execute(ADD)
        return first, count(connection)

    assert await readers.run(twice) == (0, 0)
    assert await readers.run(count) == 1


async def test_a_read_writes_nothing(readers: Readers) -> None:
    with pytest.raises(StoreError, match="read-only"):
        await readers.run(lambda connection: connection.execute(text(ADD)))


async def test_a_restart_of_the_server_is_not_noticed(postgres: PostgresServer, readers: Readers) -> None:
    assert await readers.run(count) == 0
    postgres.stop()
    postgres.start()
    assert await readers.run(count) == 0


async def test_without_a_server_nothing_is_read(postgres: PostgresServer, readers: Readers) -> None:
    postgres.stop()
    try:
        with pytest.raises(StoreError, match="the database cannot be read"):
            await readers.run(count)
    finally:
        postgres.start()


async def test_a_closed_one_reads_nothing(url: str) -> None:
    readers = Readers(url, SharedIdentities())
    await readers.close()
    with pytest.raises(StoreError, match="closed"):
        await readers.run(count)
