"""The store's tests run on every engine."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.store.engines import ENGINES, Engine, Postgres
from tests.store.postgres_server import PostgresServer
from tests.store.valkey.server import valkey_server as valkey_server
from tests.store.values import NOON
from tollkeeper.store import sqlite
from tollkeeper.store.ports.store import Store


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server of this run of tests."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def new_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty journal, to be copied: to make one takes longer than most tests."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"

    async def make() -> None:
        await (await sqlite.open_store(path, now=lambda: NOON)).close()

    asyncio.run(make())
    return path


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module of which `OF_JOURNALS` is true tests what processes that share a database have each for itself."""
    if "engine" in metafunc.fixturenames:
        shared = [] if getattr(metafunc.module, "OF_JOURNALS", False) else ["postgres"]
        metafunc.parametrize("engine", [*ENGINES, *shared], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        shutil.copy(request.getfixturevalue("new_journal"), tmp_path / "journal.db")
        shared = Postgres(server.clean_database(), tmp_path / "journal.db")
        yield shared
        shared.mend_it()
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
