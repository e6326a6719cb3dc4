"""A house of each engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.services.billing.house import PRICE, House, house
from tests.store.engines import ENGINES, Engine


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    chosen = ENGINES[request.param](tmp_path)
    yield chosen
    chosen.mend_it()


@pytest.fixture
async def here(engine: Engine) -> AsyncIterator[House]:
    opened = await engine.open()
    found = house(opened)
    await found.price(PRICE)
    yield found
    engine.mend_it()
    await opened.close()
