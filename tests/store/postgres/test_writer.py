"""Changes: one after the other over all processes, again after a lost race, and through a restart of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from threading import Event

import psycopg
import pytest
from sqlalchemy import Connection, text

from tests.store.postgres_server import PostgresServer
from tollkeeper.store.errors import StoreError
from tollkeeper.store.postgres.identities import SharedIdentities
from tollkeeper.store.postgres.writer import NO_SHIPMENTS, Writer

COUNT = text("SELECT count(*) FROM installation")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.clean_database()


@pytest.fixture
async def writer(url: str) -> AsyncIterator[Writer]:
    writer = Writer(url, SharedIdentities())
    yield writer
    await writer.close()


def add_one(connection: Connection, meanwhile: Event | None = None) -> int:
    """Decide by what is there, then write: with two at once both would decide the same."""
    count = int(connection.execute(COUNT).scalar_one())
    if meanwhile is not None:
        meanwhile.wait(0.3)
    connection.execute(text("INSERT INTO installation VALUES (:name, '')"), {"name": f"n{count}"})
    return count


def number(connection: Connection) -> int:
    return int(connection.execute(text("SELECT seq FROM head")).scalar_one())


def set_number(connection: Connection, seq: int) -> None:
    connection.execute(text("UPDATE head SET seq = :seq"), {"seq": seq})


async def test_another_process_decides_by_what_the_first_has_written(url: str, writer: Writer) -> None:
    other = Writer(url, SharedIdentities())
    slow = writer.run(partial(add_one, meanwhile=Event()))
    assert sorted(await asyncio.gather(slow, *(other.run(add_one) for _ in range(3)))) == [0, 1, 2, 3]
    await other.close()


async def test_a_change_that_a_shipment_was_faster_than_is_made_again(url: str, writer: Writer) -> None:
    tries: list[int] = []
    undone: list[bool] = []

    def change(connection: Connection) -> None:
        tries.append(number(connection))
        if len(tries) == 1:
            with psycopg.connect(url) as shipper:
                shipper.execute("UPDATE head SET seq = 7")
        set_number(connection, tries[-1] + 1)

    await writer.run(change, undo=lambda: undone.append(True))
    assert (tries, undone) == ([0, 7], [True])
    assert await writer.run(number) == 8


async def test_with_shipments_locked_out_none_is_faster(url: str) -> None:
    writer = Writer(url, SharedIdentities(), NO_SHIPMENTS)

    def change(connection: Connection) -> None:
        with psycopg.connect(url) as shipper:
            shipper.execute("SET lock_timeout = 50")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                shipper.execute("SELECT seq FROM head FOR UPDATE")
        set_number(connection, 1)

    await writer.run(change)
    await writer.close()


async def test_what_fails_is_rolled_back_and_its_error_raised(writer: Writer) -> None:
    def change(connection: Connection) -> None:
        add_one(connection)
        raise LookupError

    undone: list[bool] = []
    with pytest.raises(LookupError):
        await writer.run(change, undo=lambda: undone.append(True))
    assert undone == [True]
    assert await writer.run(add_one) == 0


async def test_who_waits_too_long_for_another_is_refused(url: str, writer: Writer) -> None:
    hasty = Writer(url, SharedIdentities(), lock_wait=0.05)
    begun, go_on = Event(), Event()

    def hold(connection: Connection) -> None:
        begun.set()
        go_on.wait(60)

    holding = asyncio.create_task(writer.run(hold))
    await asyncio.to_thread(begun.wait)
    with pytest.raises(StoreError, match="lock timeout"):
        await hasty.run(add_one)
    go_on.set()
    await holding
    assert await hasty.run(add_one) == 0
    await hasty.close()


async def test_a_restart_of_the_server_is_not_noticed(postgres: PostgresServer, writer: Writer) -> None:
    assert await writer.run(add_one) == 0
    postgres.stop()
    postgres.start()
    assert await writer.run(add_one) == 1


async def test_without_a_server_nothing_is_written(postgres: PostgresServer, writer: Writer) -> None:
    postgres.stop()
    try:
        with pytest.raises(StoreError, match="the database cannot be written"):
            await writer.run(add_one)
    finally:
        postgres.start()
    assert await writer.run(add_one) == 0


async def test_a_closed_one_writes_nothing(url: str) -> None:
    writer = Writer(url, SharedIdentities())
    await writer.close()
    with pytest.raises(StoreError, match="closed"):
        await writer.run(add_one)
