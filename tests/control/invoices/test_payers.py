from __future__ import annotations

import pytest

from tollkeeper.control.invoices.payers import payer_of, team_payer, user_payer
from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.rules.invoices import PayerId

NAMES = ("user_id", "team_id")


async def test_a_payer_is_one_user_or_one_team(desk):
    services = desk.services
    assert payer_of(services, None, None, NAMES) is None
    assert payer_of(services, "ALICE", None, NAMES) == user_payer(services, "alice") == PayerId("user", "alice")
    with pytest.raises(Unprocessable) as caught:
        payer_of(services, "alice", "blue", NAMES)
    assert caught.value.param == "team_id"


async def test_unknown_ones(desk):
    with pytest.raises(NotFound):
        user_payer(desk.services, "nobody")
    with pytest.raises(NotFound):
        team_payer(desk.services, "none")
