"""A desk at which one person is known."""

from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT
from tests.services.open_id.desk import Desk, open_desk
from tests.services.open_id.scripted_provider import ISSUER


@pytest.fixture
async def desk() -> Desk:
    """alice is `sub-1` at the provider."""
    desk = await open_desk()
    await desk.house.accounts.create_user("alice", ROOT, name="Alice")
    await desk.house.identities.link("alice", ISSUER, "sub-1", ROOT)
    return desk
