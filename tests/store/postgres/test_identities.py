"""Identities: what one process makes or forgets, the others know with their next transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, text

from tests.store.postgres.journals import FakeJournal
from tests.store.postgres_server import PostgresServer
from tests.store.shipping import open_shipping_store
from tests.store.values import ANN, AUDIT, a_record
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.postgres.connections import open_engine
from tollkeeper.store.postgres.identities import SharedIdentities
from tollkeeper.store.postgres.store import PostgresStore
from tollkeeper.store.postgres.writer import Writer

OF_ANN = Filter(user_id="ann")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.clean_database()


@pytest.fixture
async def stores(url: str, tmp_path: Path) -> AsyncIterator[list[PostgresStore]]:
    """Those of two processes."""
    opened = [await open_shipping_store(url, tmp_path / f"{name}.db") for name in "ab"]
    stores = [store for store in opened if isinstance(store, PostgresStore)]
    yield stores
    for store in stores:
        await store.close()


async def test_a_user_has_an_id_from_the_beginning_which_all_know(stores: list[PostgresStore]) -> None:
    one, other = stores
    await one.accounts.save(users=[ANN], audit=AUDIT)
    opaque = one.identities.id_of("ann")
    assert opaque.startswith("u_")
    await other.accounts.load()
    assert other.identities.id_of("ann") == opaque
    await one.ledger.settle(record := a_record())
    assert await other.reports.records(OF_ANN, limit=9, after=None) == [record]


async def test_the_first_question_about_a_user_of_another_process_is_answered(stores: list[PostgresStore]) -> None:
    one, other = stores
    source = FakeJournal().add(record := a_record())
    await one.shipments.ship(source.journal, source.batch())
    assert await other.reports.records(OF_ANN, limit=9, after=None) == [record]


async def test_who_was_forgotten_by_one_is_forgotten_by_all(stores: list[PostgresStore]) -> None:
    one, other = stores
    [ann], _ = await one.accounts.save(users=[ANN], audit=AUDIT)
    await one.ledger.settle(a_record())
    assert len(await other.reports.records(OF_ANN, limit=9, after=None)) == 1
    left = await one.erasure.erase(replace(ann, status="closed"), replace(AUDIT, action="user.erase"))
    assert await other.reports.records(OF_ANN, limit=9, after=None) == []
    [record] = await other.reports.records(Filter(), limit=9, after=None)
    assert record.user_id == left.user_id
    await other.accounts.save(users=[ANN], audit=AUDIT)  # another person
    assert await one.reports.records(OF_ANN, limit=9, after=None) == []


async def test_what_is_rolled_back_is_not_known(url: str) -> None:
    identities = SharedIdentities()
    writer = Writer(url, identities)

    with pytest.raises(LookupError):
        await writer.run(_fail)
    await writer.run(lambda connection: None)
    assert identities.id_of("ann") == "ann"
    await writer.close()


def _fail(connection: Connection) -> None:
    connection.execute(text("INSERT INTO identities (id, user_id) VALUES ('u_1', 'ann')"))
    raise LookupError


class Delayed:
    """A connection whose thread does not go on after it has read, until another has forgotten everybody."""

    def __init__(self, connection: Connection, identities: SharedIdentities) -> None:
        self._connection = connection
        self._identities = identities

    def execute(self, statement: Any, values: Any) -> Any:
        found = self._connection.execute(statement, values).freeze()
        self._connection.execute(text("UPDATE identities SET user_id = NULL"))
        self._identities.refresh(self._connection)
        return found()


def test_what_another_thread_read_later_is_not_undone(url: str) -> None:
    with psycopg.connect(url) as other:
        other.execute("INSERT INTO identities (id, user_id) VALUES ('u_1', 'ann')")
    identities, engine = SharedIdentities(), open_engine(url)
    with engine.begin() as connection:
        late: Any = Delayed(connection, identities)
        identities.refresh(late)
    engine.dispose()
    assert identities.id_of("ann") == "ann"
    assert identities.knows("u_1")
