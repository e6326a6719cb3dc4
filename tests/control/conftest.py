from __future__ import annotations

import pytest

from tests.control.desk import ADMIN_KEY, ALICE_KEY, Desk, open_desk


@pytest.fixture
async def desk() -> Desk:
    return await open_desk()


@pytest.fixture
async def anyone(desk):
    async with desk.client() as client:
        yield client


@pytest.fixture
async def alice(desk):
    async with desk.client(ALICE_KEY) as client:
        yield client


@pytest.fixture
async def admin(desk):
    async with desk.client(ADMIN_KEY, "192.0.2.7") as client:
        yield client
