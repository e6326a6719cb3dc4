"""`/me/live` and `/admin/users/{user_id}/live` through the whole gateway. Ticks come when the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2 as httpx
import pytest

from tests.browser import Browser
from tests.gateway.conftest import TEST, Gateway
from tests.gateway.test_live import events
from tests.scripted import Gate, ScriptedUpstream
from tests.services.upstreams.http.helpers import until
from tests.shapes import chat_answer, json_response
from tollkeeper.control.user_live import UserLiveBody
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.streams import MOST_STREAMS

Body = dict[str, Any]


@asynccontextmanager
async def watching(gateway: Gateway, path: str = "/me/live", key: str = "") -> AsyncIterator[AsyncIterator[Body]]:
    """The readings of one stream, with alice's key or another."""
    headers = {"authorization": f"Bearer {key or gateway.secrets['alice']}"}
    async with gateway.client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield bodies(answer)


async def bodies(answer: httpx.Response) -> AsyncIterator[Body]:
    async for name, _, body in events(answer):
        assert name == "snapshot"
        yield body


async def tick(gateway: Gateway) -> None:
    """Once nothing is under way."""
    await gateway.records()
    await gateway.user_live.tick()


async def test_ones_own_numbers_move_while_a_request_runs_and_when_it_ends(
    gateway: Gateway, up: ScriptedUpstream
) -> None:
    limits = {"tokens_per_month": 1000, "cost_usd_per_month": "0.1", "models": {"tiny": {"requests_per_day": 5}}}
    await gateway.context.accounts.set_limits("alice", TEST, limits)
    up.answer(held := Gate([json_response(chat_answer(usage=(7, 3)))]))
    async with watching(gateway) as feed:
        body = await anext(feed)
        assert list(body) == list(UserLiveBody.model_fields)
        assert (body["month"]["requests"], body["team"], body["team_usage"]) == (0, None, None)
        assert body["queue"] == {"waiting": 0, "running": 0, "position": None, "estimate_s": None}
        assert body["usage"]["cost_usd_per_month"]["remaining"] == 0.1
        asking = asyncio.create_task(gateway.chat(max_tokens=50))
        await until(lambda: bool(gateway.context.requests.active))
        await gateway.user_live.tick()
        body = await anext(feed)
        assert (body["queue"]["running"], body["usage"]["tokens_per_month"]["used"]) == (1, 0)
        assert body["usage"]["tokens_per_month"]["reserved"] > 50
        held.open()
        await asking
        await tick(gateway)
        body = await anext(feed)
    used = body["usage"]["tokens_per_month"]
    assert (used["used"], used["reserved"], used["remaining"]) == (10, 0, 990)
    assert body["usage"]["models"]["tiny"]["requests_per_day"]["used"] == 1
    for span in ("today", "month"):
        assert (body[span]["requests"], body[span]["total_tokens"]) == (1, 10)
    shown = (await gateway.client.get("/me")).json()
    assert (shown["usage"], shown["queue"]) == (body["usage"], body["queue"])


async def test_nobody_sees_what_others_use(gateway: Gateway, up: ScriptedUpstream) -> None:
    async with watching(gateway, key=gateway.secrets["bob"]) as feed:
        await anext(feed)
        up.answer(json_response(chat_answer(usage=(7, 3))))
        await gateway.chat()
        up.answer(json_response(chat_answer(usage=(1, 1))))
        bob = {"authorization": f"Bearer {gateway.secrets['bob']}"}
        ask = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
        await gateway.client.post("/v1/chat/completions", json=ask, headers=bob)
        await tick(gateway)
        body = await anext(feed)
    assert (body["month"]["requests"], body["month"]["total_tokens"]) == (1, 2)
    assert (await gateway.client.get("/admin/users/bob/live")).status_code == 403


async def test_an_admin_watches_a_user_and_gets_the_same(gateway: Gateway, up: ScriptedUpstream) -> None:
    admin = gateway.secrets["admin"]
    async with watching(gateway) as own, watching(gateway, "/admin/users/ALICE/live", admin) as theirs:
        await anext(own)
        await anext(theirs)
        up.answer(json_response(chat_answer(usage=(7, 3))))
        await gateway.chat()
        await tick(gateway)
        assert await anext(own) == await anext(theirs)
    answer = await gateway.client.get("/admin/users/nobody/live", headers=gateway.as_admin)
    assert answer.status_code == 404


@pytest.mark.parametrize("change", ["suspend", "revoke"])
async def test_who_loses_access_sees_no_more(gateway: Gateway, change: str) -> None:
    accounts = gateway.context.accounts
    async with watching(gateway) as feed:
        await anext(feed)
        if change == "suspend":
            await accounts.update_user("alice", TEST, UserChange(status="suspended"))
        else:
            [key] = accounts.keys_of("alice")
            await accounts.revoke_key(key.id, TEST)
        await gateway.user_live.tick()
        assert [body async for body in feed] == []


async def test_signing_out_ends_it_and_watching_is_no_use_of_the_session(gateway: Gateway) -> None:
    accounts = gateway.context.accounts
    await accounts.create_user("carol", TEST, password="opensesame")
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        browser = Browser(client)
        assert (await browser.sign_in("carol", "opensesame")).status_code == 200
        answer = await client.send(browser.request("GET", "/me/live"), stream=True)
        feed = bodies(answer)
        await anext(feed)
        [before] = accounts.sessions.of("carol")
        for _ in range(3):
            await gateway.user_live.tick()
        assert accounts.sessions.of("carol") == [before]
        assert (await client.send(browser.request("POST", "/auth/logout"))).status_code < 300
        await gateway.user_live.tick()
        assert [body async for body in feed] == []
        await answer.aclose()


async def test_a_gateway_that_stops_ends_it(gateway: Gateway) -> None:
    async with watching(gateway) as feed:
        await anext(feed)
        gateway.user_live.stop()
        assert [body async for body in feed] == []


async def test_a_user_has_so_many_streams_and_gets_them_back(gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(watching(gateway)) for _ in range(MOST_STREAMS)]
        for feed in feeds:
            await anext(feed)
        refused = await gateway.client.get("/me/live")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        await anext(await stack.enter_async_context(watching(gateway, key=gateway.secrets["bob"])))
    await until(lambda: gateway.user_live.streams == 0)
    async with watching(gateway) as feed:
        await anext(feed)


async def test_two_hundred_homes_are_served_beside_requests(start: Any, up: ScriptedUpstream) -> None:
    names = ["alice", *(f"user{number}" for number in range(200))]
    async with start(users=names) as gateway, AsyncExitStack() as stack:
        feeds = {}
        for name in names[1:]:
            feeds[name] = await stack.enter_async_context(watching(gateway, key=gateway.secrets[name]))
            await anext(feeds[name])
        assert gateway.user_live.streams == 200
        up.always(json_response(chat_answer(usage=(7, 3))))
        ask = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
        for name in names[1:20]:
            headers = {"authorization": f"Bearer {gateway.secrets[name]}"}
            await gateway.client.post("/v1/chat/completions", json=ask, headers=headers)
        await gateway.records()
        ticking = asyncio.create_task(gateway.user_live.tick())
        assert (await gateway.chat()).status_code == 200
        await ticking
        for name in names[1:20]:
            assert (await anext(feeds[name]))["month"]["total_tokens"] == 10
    await until(lambda: gateway.user_live.streams == 0)


async def test_a_head_request_has_no_stream(gateway: Gateway) -> None:
    for path, headers in (("/me/live", {}), ("/admin/users/alice/live", gateway.as_admin)):
        answer = await gateway.client.head(path, headers=headers)
        assert answer.status_code == 200
    assert gateway.user_live.streams == 0
