"""Refused requests are counted: whose they were, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Gateway, ask, running
from tests.gateway.test_limits import limit
from tests.services.in_memory import Clock
from tollkeeper.rules.times import format_time


async def admins(gateway: Gateway, path: str) -> dict[str, Any]:
    """What an admin gets from this path, once all is written."""
    await gateway.counts.write()
    body: dict[str, Any] = (await gateway.client.get(path, headers=gateway.as_admin)).json()
    return body


async def refusals(
    gateway: Gateway, path: str = "/admin/refusals?group_by=user,key,model,reason"
) -> list[tuple[Any, ...]]:
    """User, whether the key is known, model, status, code, limit, count."""
    return [
        (
            row["user_id"],
            row["key_id"] is not None,
            row["model"],
            row["status"],
            row["code"],
            row["limit"],
            row["count"],
        )
        for row in (await admins(gateway, path))["data"]
    ]


PACE = ("alice", True, "tiny:latest", 429, "rate_limit_exceeded", "requests_per_minute", 2)


async def test_a_limit(gateway):
    await limit(gateway, requests_per_minute=1)
    assert [(await gateway.chat(model="TINY")).status_code for _ in range(3)] == [200, 429, 429]
    assert await refusals(gateway) == [PACE]
    body = (await gateway.client.get("/v1/refusals")).json()
    assert (body["user_id"], body["total"]) == ("alice", {"count": 2})
    metrics = (await gateway.client.get("/metrics", headers=gateway.as_admin)).text
    assert 'tollkeeper_refusals_total{code="rate_limit_exceeded",endpoint="/v1/chat/completions"} 2.0' in metrics


@pytest.mark.parametrize(
    ("limits", "status", "code", "name"),
    [
        ({"tokens_per_minute": 1}, 400, "limit_too_small", "tokens_per_minute"),
        ({"requests_total": 0}, 429, "insufficient_quota", "requests_total"),
        ({"allowed_models": ["eye"]}, 403, "model_not_allowed", "allowed_models"),
        ({"max_tokens_per_request": 0}, 429, "rate_limit_exceeded", "max_tokens_per_request"),
        ({"max_concurrent_requests": 0}, 429, "rate_limit_exceeded", "max_concurrent_requests"),
    ],
)
async def test_every_limit_has_its_name(gateway, limits, status, code, name):
    await limit(gateway, **limits)
    assert (await gateway.chat()).status_code == status
    [found] = await refusals(gateway)
    assert (found[0], found[3:]) == ("alice", (status, code, name, 1))


async def test_what_is_asked_wrongly(gateway):
    await gateway.chat(model="no-such-model")
    await gateway.chat(stream="yes")
    await gateway.client.get("/v1/chat/completions")
    assert sorted(await refusals(gateway), key=lambda row: row[3:5]) == [
        ("alice", True, None, 400, "invalid_request", None, 1),
        ("alice", True, None, 404, "model_not_found", None, 1),
        (None, False, None, 405, "method_not_allowed", None, 1),
    ]


@pytest.mark.parametrize(
    ("ended", "status", "code"),
    [("revoked", 401, "invalid_api_key"), ("suspended", 403, "account_suspended")],
)
async def test_a_key_that_is_not_valid_any_more_is_its_users(gateway, ended, status, code):
    if ended == "suspended":
        change = {"status": "suspended"}
        await gateway.client.patch("/admin/users/alice", json=change, headers=gateway.as_admin)
    else:
        [key] = gateway.context.accounts.keys_of("alice")
        await gateway.client.delete(f"/admin/keys/{key.id}", headers=gateway.as_admin)
    assert (await gateway.chat()).status_code == status
    assert await refusals(gateway) == [("alice", True, None, status, code, None, 1)]


async def test_so_is_one_that_has_expired(start):
    clock = Clock()
    async with start(now=clock) as gateway:
        made = await gateway.client.post("/me/keys", json={"expires_at": format_time(clock.ms + 1000)})
        clock.ms += 1000
        headers = {"authorization": f"Bearer {made.json()['api_key']}"}
        answer = await gateway.client.post("/v1/chat/completions", json=ask(), headers=headers)
        assert answer.status_code == 401
        [found] = (await admins(gateway, "/admin/refusals?group_by=key,reason"))["data"]
        assert (found["key_id"], found["code"]) == (made.json()["id"], "invalid_api_key")


@pytest.mark.parametrize("key", [None, "sk-nobodys-key"])
async def test_a_key_that_was_never_valid_is_nobodys(gateway, key):
    headers = {"authorization": f"Bearer {key}" if key else ""}
    assert (await gateway.client.post("/v1/chat/completions", json=ask(), headers=headers)).status_code == 401
    assert await refusals(gateway) == [(None, False, None, 401, "invalid_api_key", None, 1)]


async def test_what_is_let_in_is_not_counted(gateway):
    await gateway.chat()
    await gateway.chat(stream=True)
    assert await refusals(gateway) == []


async def test_they_outlive_the_process(tmp_path: Path, up):
    async with running(tmp_path, up.url) as gateway:
        await limit(gateway, requests_total=0)
        await gateway.chat()
    async with running(tmp_path, up.url, users=()) as gateway:
        body = (await gateway.client.get("/admin/refusals?group_by=user", headers=gateway.as_admin)).json()
        assert [(row["user_id"], row["count"]) for row in body["data"]] == [("alice", 1)]


async def test_an_erased_user_is_counted_under_their_opaque_id(gateway):
    await limit(gateway, requests_total=0)
    await gateway.chat()
    await gateway.counts.write()
    await gateway.chat()
    erased = await gateway.client.delete("/admin/users/alice?erase=true", headers=gateway.as_admin)
    assert erased.status_code == 200, erased.text
    [found] = await refusals(gateway)
    assert (found[0], found[-1]) == (erased.json()["user_id"], 2)
