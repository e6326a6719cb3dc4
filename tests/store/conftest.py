"""The store's tests run on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.store.engines import ENGINES, Engine, Postgres
from tests.store.postgres_server import PostgresServer
from tollkeeper.store.ports.store import Store


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of this run of tests."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture(params=[*ENGINES, "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.new_database()
        shared = Postgres(url, tmp_path)
        yield shared
        shared.mend_it()
        server.drop(url)
        return
    chosen = ENGINES[request.param](tmp_path)
    yield chosen
    chosen.mend_it()


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    opened = await engine.open()
    yield opened
    engine.mend_it()
    await opened.close()
