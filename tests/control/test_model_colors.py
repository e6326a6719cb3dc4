"""The colours of models: the same for everyone, and no names of models that one does not know."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.desk import BOB_KEY, Desk
from tests.services.in_memory import ROOT, record
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.store.ports.records import ADJUSTMENT

COLORS = {"nobodys": 0, "alices": 1, "bobs": 2, "both": 3}


@pytest.fixture(autouse=True)
async def seen(desk: Desk) -> None:
    for model in [*COLORS, *(f"m{place}" for place in range(4)), "ninth"]:
        desk.services.model_colors.settled(record(model=model), None)
    used = [("alice", "alices"), ("alice", "both"), ("alice", "ninth"), ("bob", "bobs"), ("bob", "both")]
    for user_id, model in used:
        desk.house.store.ledger.settle(record(user_id=user_id, model=model, request_id=f"req_{user_id}_{model}"))
    desk.house.store.ledger.settle(record(user_id="bob", model="", endpoint=ADJUSTMENT))
    await desk.house.store.ledger.flush()


async def colors(client: Any) -> dict[str, int]:
    answer = await client.get("/me/model-colors")
    assert answer.status_code == 200, answer.text
    return {row["model"]: row["color"] for row in answer.json()["data"]}


async def test_users_see_the_same_colours_of_the_models_that_they_have_used(alice: Any, desk: Desk) -> None:
    assert await colors(alice) == {"alices": 1, "both": 3}
    async with desk.client(BOB_KEY) as bob:
        assert await colors(bob) == {"bobs": 2, "both": 3}


async def test_admins_see_all(admin: Any) -> None:
    found = await colors(admin)
    assert found == COLORS | {"m0": 4, "m1": 5, "m2": 6, "m3": 7}


async def test_an_admin_of_a_team_sees_those_of_the_team(alice: Any, desk: Desk) -> None:
    await desk.house.accounts.teams.create("blue", ROOT)
    await desk.house.accounts.update_user("alice", ROOT, UserChange(team="blue", team_admin=True))
    desk.house.store.ledger.settle(record(user_id="bob", model="bobs", team_id="blue", request_id="req_of_blue"))
    await desk.house.store.ledger.flush()
    assert await colors(alice) == {"alices": 1, "bobs": 2, "both": 3}


async def test_colours_hold_while_nothing_can_be_written(admin: Any, desk: Desk) -> None:
    before = await colors(admin)
    desk.house.store.fail = "the disk is full"
    desk.services.model_colors.settled(record(model="tenth"), None)
    assert await colors(admin) == before
