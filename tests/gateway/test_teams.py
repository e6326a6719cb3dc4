"""Limits of a team through the whole gateway: shared by its members, never exceeded, and left behind by who moves."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx2 as httpx
import pytest

from tests.gateway.conftest import Gateway, ask
from tests.gateway.test_bad_input import check
from tests.gateway.test_limits import held
from tests.scripted import Conn, Gate, Request, ScriptedUpstream, chat_answer, json_response

MEMBERS = ("alice", "bob", "carol", "dave")
CLIENTS = 200
INPUT, OUTPUT = 20, 300
LIMITS: dict[str, Any] = {
    "requests_per_day": 30,
    "tokens_per_day": 6000,
    "tokens_total": 6000,
    "cost_usd_total": "0.02",
}
PRICE = {"model": "tiny:latest", "input_usd_per_mtok": "1", "output_usd_per_mtok": "10"}

Start = Callable[..., AbstractAsyncContextManager[Gateway]]


async def answer_within_cap(conn: Conn, request: Request) -> None:
    output = min(OUTPUT, request.json.get("max_tokens", OUTPUT))
    await conn.send(json_response(chat_answer(usage=(INPUT, output))))


class Team:
    """The members are all in blue; red is empty."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    async def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.gateway.client.request(method, path, json=body, headers=self.gateway.as_admin)
        assert answer.is_success, answer.text
        return answer.json()

    async def begin(self) -> None:
        for name in ("blue", "red"):
            await self.admin("POST", "/admin/teams", {"team_id": name})
        for name in MEMBERS:
            await self.move(name, "blue")

    async def move(self, user_id: str, team: str | None) -> None:
        await self.admin("PATCH", f"/admin/users/{user_id}", {"team": team})

    async def limit(self, team: str, **limits: Any) -> None:
        await self.admin("PUT", f"/admin/teams/{team}/limits", limits)

    async def chat(self, user_id: str, **fields: Any) -> httpx.Response:
        key = {"authorization": f"Bearer {self.gateway.secrets[user_id]}"}
        return await self.gateway.client.post("/v1/chat/completions", json=ask(**fields), headers=key)

    async def used(self, team: str) -> dict[str, Any]:
        await self.gateway.records()
        usage = (await self.admin("GET", f"/admin/teams/{team}/limits"))["usage"]
        usage.pop("models", None)
        assert all(status["reserved"] == 0 for status in usage.values())
        return {name: status["used"] for name, status in usage.items()}


@pytest.fixture
async def team(start: Start) -> AsyncIterator[Team]:
    async with start(users=MEMBERS) as gateway:
        made = Team(gateway)
        await made.begin()
        yield made


@pytest.fixture(autouse=True)
def answers(up: ScriptedUpstream) -> None:
    up.always(answer_within_cap)


@pytest.mark.parametrize("name", LIMITS)
async def test_two_hundred_at_once_of_several_members_never_exceed_the_team_s_limit(team: Team, name: str) -> None:
    await team.admin("PUT", "/admin/prices", PRICE)
    await team.limit("blue", **{name: LIMITS[name]})
    sent = (team.chat(MEMBERS[number % len(MEMBERS)], max_tokens=OUTPUT, seed=number) for number in range(CLIENTS))
    answers = await asyncio.gather(*sent)
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    records = await team.gateway.records()
    assert len(records) == statuses[200]
    assert {record.team_id for record in records} == {"blue"}
    amount = {
        "requests_per_day": len(records),
        "cost_usd_total": sum(record.cost_pico for record in records),
    }.get(name, sum(record.usage.total_tokens for record in records))
    most = 2 * 10**10 if name == "cost_usd_total" else LIMITS[name]
    assert 0 < amount <= most
    assert await team.used("blue") == {name: amount / 10**12 if name == "cost_usd_total" else amount}
    assert held(team.gateway) == 0
    # One after another the rest is used, too.
    while (await team.chat("alice", max_tokens=16)).status_code == 200:
        pass
    refused = await team.chat("bob", max_tokens=OUTPUT)
    assert f"the limit {name} of your team (" in check(refused, 429, "insufficient_quota", kind="insufficient_quota")


async def test_what_a_member_uses_is_missing_to_the_others_and_to_nobody_else(team: Team) -> None:
    await team.limit("blue", requests_per_day=2)
    await team.move("dave", None)
    assert [(await team.chat(name)).status_code for name in ("alice", "bob", "carol")] == [200, 200, 429]
    assert (await team.chat("dave")).status_code == 200
    await team.limit("blue", requests_per_day=3)
    assert (await team.chat("carol")).status_code == 200


async def test_all_limits_are_asked_in_one_decision(team: Team) -> None:
    """What the user's own limit refuses takes nothing from the team's."""
    await team.limit("blue", requests_per_day=5)
    await team.admin("PUT", "/admin/users/alice/limits", {"requests_per_day": 1})
    assert [(await team.chat("alice")).status_code for _ in range(3)] == [200, 429, 429]
    assert await team.used("blue") == {"requests_per_day": 1}


async def test_what_the_team_may_not_use_none_of_its_members_may(team: Team) -> None:
    forbidden = {"status": 403, "code": "model_not_allowed", "param": "model", "kind": "permission_error"}
    await team.limit("blue", allowed_models=["eye"])
    check(await team.chat("alice"), **forbidden)
    await team.limit("blue", allowed_models=[])
    assert "in your team" in check(await team.chat("alice"), **forbidden)
    await team.limit("blue", allowed_models=None, tokens_per_day=0)
    assert "of your team" in check(await team.chat("alice"), 429, "insufficient_quota", kind="insufficient_quota")


async def test_who_moves_in_mid_answer_leaves_it_with_the_old_team(team: Team, up: ScriptedUpstream) -> None:
    for name in ("blue", "red"):
        await team.limit(name, requests_per_day=10, tokens_per_day=10_000)
    await team.admin("PUT", "/admin/users/alice/limits", {"requests_per_day": 10})
    gate = Gate([json_response(chat_answer(usage=(INPUT, OUTPUT)))])
    up.answer(gate)
    asking = asyncio.create_task(team.chat("alice", max_tokens=OUTPUT))
    while not up.calls("POST /v1/chat/completions"):
        await asyncio.sleep(0)
    await team.move("alice", "red")
    gate.open()
    assert (await asking).status_code == 200
    assert [record.team_id for record in await team.gateway.records()] == ["blue"]
    assert await team.used("blue") == {"requests_per_day": 1, "tokens_per_day": INPUT + OUTPUT}
    assert await team.used("red") == {"requests_per_day": 0, "tokens_per_day": 0}
    assert (await team.chat("alice", max_tokens=OUTPUT)).status_code == 200
    assert [record.team_id for record in await team.gateway.records()] == ["red", "blue"]
    assert await team.used("red") == {"requests_per_day": 1, "tokens_per_day": INPUT + OUTPUT}
    # The user's own window has moved along.
    own = (await team.admin("GET", "/admin/users/alice/limits"))["usage"]
    assert own["requests_per_day"]["used"] == 2


async def test_a_limit_counts_what_was_used_in_the_team_before_it_was_set(team: Team) -> None:
    await team.chat("alice")
    await team.chat("bob")
    await team.move("bob", "red")
    await team.chat("bob")
    for name, used in (("blue", 2), ("red", 1)):
        await team.limit(name, requests_per_day=5, requests_per_month=5, requests_total=5, requests_per_minute=5)
        assert await team.used(name) == dict.fromkeys(
            ("requests_per_minute", "requests_per_day", "requests_per_month", "requests_total"), used
        )


async def test_after_a_start_everything_is_as_it_was(start: Start) -> None:
    async with start(users=MEMBERS) as gateway:
        team = Team(gateway)
        await team.begin()
        await team.limit("blue", requests_per_day=3, models={"tiny": {"tokens_total": 10_000}})
        await team.chat("alice")
        await team.chat("bob")
        await team.move("bob", "red")
        shown = await team.admin("GET", "/admin/teams/blue/limits")
        secrets = dict(gateway.secrets)
    async with start(users=()) as gateway:
        gateway.secrets |= secrets
        team = Team(gateway)
        assert (await team.admin("GET", "/admin/teams/blue/limits"))["usage"]["models"] == shown["usage"]["models"]
        assert await team.used("blue") == {"requests_per_day": 2}
        assert [(await team.chat("alice")).status_code for _ in range(2)] == [200, 429]
        assert (await team.chat("bob")).status_code == 200


async def test_a_refund_is_given_to_the_team_that_the_user_is_in(team: Team) -> None:
    await team.limit("blue", cost_usd_total=1)
    await team.admin("POST", "/admin/adjustments", {"user_id": "alice", "cost_usd": "-0.25", "reason": "a gift"})
    assert await team.used("blue") == {"cost_usd_total": -0.25}
    assert [record.team_id for record in await team.gateway.records()] == ["blue"]
    await team.limit("blue", cost_usd_per_month=1)
    assert (await team.used("blue"))["cost_usd_per_month"] == -0.25
