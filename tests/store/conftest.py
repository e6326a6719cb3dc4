"""The store's tests run on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.store.engines import ENGINES, Engine
from tests.store.valkey.server import valkey_server as valkey_server
from tollkeeper.store.ports.store import Store


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    chosen = ENGINES[request.param](tmp_path)
    yield chosen
    chosen.mend_it()


@pytest.fixture
async def store(engine: Engine) -> AsyncIterator[Store]:
    opened = await engine.open()
    yield opened
    engine.mend_it()
    await opened.close()
