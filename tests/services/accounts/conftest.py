from __future__ import annotations

import pytest

from tests.services.in_memory import InMemoryAccounts


@pytest.fixture
async def house() -> InMemoryAccounts:
    return InMemoryAccounts()
