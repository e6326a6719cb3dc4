"""Questions that take long: one at a time, and ended in time."""

from __future__ import annotations

import asyncio
from threading import Event

import pytest
from sqlalchemy import Connection, text

from tests.store.postgres_server import PostgresServer
from tollkeeper.store.errors import StoreOverloaded, StoreTimeout
from tollkeeper.store.postgres.identities import SharedIdentities
from tollkeeper.store.postgres.timed_reader import TimedReader


def ask_forever(connection: Connection) -> object:
    return connection.execute(text("SELECT pg_sleep(3600)")).scalar()


def ask_again_and_again(connection: Connection) -> object:
    while True:
        connection.execute(text("SELECT 1"))


def ask(connection: Connection) -> object:
    return connection.execute(text("SELECT 1")).scalar()


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.clean_database()


@pytest.mark.parametrize("question", [ask_forever, ask_again_and_again])
async def test_a_question_has_a_bound_of_time_and_the_next_is_answered(url: str, question) -> None:
    reader = TimedReader(url, SharedIdentities(), seconds=0.5)
    with pytest.raises(StoreTimeout, match=r"longer than 0\.5 s"):
        await reader.run(question)
    assert await reader.run(ask) == 1
    await reader.close()


async def test_a_question_that_nobody_waits_for_ends(url: str) -> None:
    reader = TimedReader(url, SharedIdentities(), seconds=3600)
    begun = Event()

    def long(connection: Connection) -> object:
        begun.set()
        return ask_forever(connection)

    asked = asyncio.create_task(reader.run(long))
    await asyncio.to_thread(begun.wait)
    asked.cancel()
    assert await reader.run(ask) == 1
    await reader.close()


async def test_who_has_no_turn_in_time_is_told_so(url: str) -> None:
    reader = TimedReader(url, SharedIdentities(), seconds=1)
    begun, go_on = Event(), Event()

    def hold(_: Connection) -> None:
        begun.set()
        go_on.wait(60)

    holding = asyncio.create_task(reader.run(hold))
    await asyncio.to_thread(begun.wait)
    with pytest.raises(StoreOverloaded):
        await reader.run(ask)
    go_on.set()
    await holding
    await reader.close()
