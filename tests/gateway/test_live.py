"""`/admin/live` through the whole gateway, on a real connection. Ticks come when the test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2 as httpx
import pytest

from tests.browser import Browser
from tests.gateway.conftest import TEST, Gateway
from tests.scripted import Gate, ScriptedUpstream
from tests.shapes import chat_answer, json_response, ollama_error
from tollkeeper.control.admin.live import LiveSnapshot, LiveTick
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.streams import MOST_STREAMS
from tollkeeper.store.ports.reports import Filter

Event = tuple[str, int, dict[str, Any]]


@asynccontextmanager
async def watching(gateway: Gateway, key: str | None = None, **headers: str) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of one viewer."""
    sent = {"authorization": f"Bearer {key or gateway.secrets['admin']}"} | headers
    async with gateway.client.stream("GET", "/admin/live", headers=sent) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        yield events(answer)


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        else:
            yield fields["event"], int(fields["id"]), json.loads(fields["data"])
            fields = {}


async def tick(gateway: Gateway) -> None:
    """Once nothing is under way."""
    await gateway.records()
    gateway.live.tick()


async def test_numbers_move_without_reconnecting(gateway: Gateway, up: ScriptedUpstream) -> None:
    async with watching(gateway) as feed:
        name, first, body = await anext(feed)
        assert name == "snapshot"
        assert list(body) == list(LiveSnapshot.model_fields)
        assert (body["today"]["requests"], body["changed"], body["upstreams"][0]["id"]) == (0, [], "default")
        up.answer(json_response(chat_answer(usage=(7, 3))))
        await gateway.chat()
        await tick(gateway)
        name, number, body = await anext(feed)
        assert (name, number) == ("tick", first + 1)
        assert list(body) == list(LiveTick.model_fields)
        for span in ("today", "month"):
            assert (body[span]["requests"], body[span]["total_tokens"], body[span]["errors"]) == (1, 10, 0)
        assert body["users"] == [
            {"user_id": "alice", "requests": 1, "total_tokens": 10, "cost_usd": "0", "in_flight": 0, "queued": 0}
        ]
        assert body["models"][0]["model"] == "tiny:latest"
        [changed] = body["changed"]
        assert (changed["user_id"], changed["month"]["requests"]) == ("alice", 1)
        assert changed["last_seen_at"] is not None
        assert (body["point"]["requests"], body["point"]["tokens"]) == (1, 10)
        up.answer(ollama_error(500, "no"))
        await gateway.chat()
        await tick(gateway)
        _, _, body = await anext(feed)
        assert (body["today"]["requests"], body["today"]["errors"], body["point"]["errors"]) == (2, 1, 1)


async def test_what_runs_is_in_flight(gateway: Gateway, up: ScriptedUpstream) -> None:
    up.answer(held := Gate([json_response(chat_answer())]))
    async with watching(gateway) as feed:
        await anext(feed)
        asking = asyncio.create_task(gateway.chat())
        while not gateway.context.requests.active:
            await asyncio.sleep(0.005)
        gateway.live.tick()
        _, _, body = await anext(feed)
        assert (body["now"]["in_flight"], body["upstreams"][0]["in_flight"], body["point"]["in_flight"]) == (1, 1, 1)
        held.open()
        await asking
        await tick(gateway)
        assert (await anext(feed))[2]["now"]["in_flight"] == 0


async def test_two_viewers_get_the_same_bytes(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {gateway.secrets['admin']}"}
    found = [b"", b""]
    async with AsyncExitStack() as stack:
        answers = [
            await stack.enter_async_context(gateway.client.stream("GET", "/admin/live", headers=headers)) for _ in found
        ]
        parts = [answer.aiter_raw() for answer in answers]
        for number in range(3):
            for place, part in enumerate(parts):
                while found[place].count(b"\n\n") <= number:
                    found[place] += await anext(part)
            gateway.live.tick()
    assert found[0] == found[1]
    assert found[0].count(b"event: tick") == 2


async def test_who_comes_back_gets_all_of_the_series(gateway: Gateway) -> None:
    async with watching(gateway) as feed:
        await anext(feed)
        gateway.live.tick()
        _, last, _ = await anext(feed)
    for _ in range(5):
        gateway.live.tick()
    async with watching(gateway, **{"last-event-id": str(last)}) as feed:
        name, number, body = await anext(feed)
    assert (name, number, len(body["series"])) == ("snapshot", last + 5, 6)


async def an_admin(gateway: Gateway) -> str:
    """The key of an admin who is a user."""
    _, made = await gateway.context.accounts.create_user("root", TEST, role="admin")
    return made.secret


@pytest.mark.parametrize("change", [UserChange(status="suspended"), UserChange(role="user")])
async def test_who_is_no_longer_an_admin_sees_no_more(gateway: Gateway, change: UserChange) -> None:
    async with watching(gateway, await an_admin(gateway)) as feed:
        await anext(feed)
        await gateway.context.accounts.update_user("root", TEST, change)
        gateway.live.tick()
        assert [event async for event in feed] == []


async def test_a_revoked_key_sees_no_more(gateway: Gateway) -> None:
    async with watching(gateway, await an_admin(gateway)) as feed:
        await anext(feed)
        [key] = gateway.context.accounts.keys_of("root")
        await gateway.context.accounts.revoke_key(key.id, TEST)
        gateway.live.tick()
        assert [event async for event in feed] == []


async def test_watching_is_no_use_of_a_session(gateway: Gateway) -> None:
    accounts = gateway.context.accounts
    await accounts.create_user("boss", Actor("test", None), role="admin", password="opensesame")
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        browser = Browser(client)
        assert (await browser.sign_in("boss", "opensesame")).status_code == 200
        answer = await client.send(browser.request("GET", "/admin/live"), stream=True)
        feed = events(answer)
        assert (await anext(feed))[0] == "snapshot"
        [before] = accounts.sessions.of("boss")
        for _ in range(3):
            await tick(gateway)
            await anext(feed)
        assert accounts.sessions.of("boss") == [before]  # a forgotten dashboard does not keep it alive
        await accounts.sessions.end(before.id, Actor("boss"))
        await tick(gateway)
        assert [event async for event in feed] == []
        await answer.aclose()


async def test_users_see_nothing(gateway: Gateway) -> None:
    assert (await gateway.client.get("/admin/live")).status_code == 403


async def test_a_key_has_so_many_streams_and_gets_them_back(gateway: Gateway) -> None:
    async with AsyncExitStack() as stack:
        feeds = [await stack.enter_async_context(watching(gateway)) for _ in range(MOST_STREAMS)]
        assert [(await anext(feed))[0] for feed in feeds] == ["snapshot"] * MOST_STREAMS
        admin = {"authorization": f"Bearer {gateway.secrets['admin']}"}
        refused = await gateway.client.get("/admin/live", headers=admin)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        async with watching(gateway, await an_admin(gateway)) as feed:
            await anext(feed)
    while gateway.live.streams:  # the ends of the connections are still on their way
        await asyncio.sleep(0.005)
    async with watching(gateway) as feed:
        await anext(feed)


async def test_who_does_not_read_is_cut_and_holds_up_nobody(start: Any) -> None:
    async with start(client_stall_timeout=0.2) as gateway, gateway.raw() as (_, writer):
        for _ in range(300):  # so that a snapshot is long
            gateway.live.tick()
        writer.transport.pause_reading()
        line = (
            f"GET /admin/live HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {gateway.secrets['admin']}\r\n\r\n"
        )
        writer.write(line.encode())
        async with watching(gateway) as feed:
            await anext(feed)
            while gateway.live.streams < 2:
                await asyncio.sleep(0.005)
            while gateway.live.streams == 2:
                gateway.live.tick()
                gateway.live.tick()  # one missed: a snapshot follows, which is long
                name, _, _ = await anext(feed)
                assert name == "snapshot"
        assert gateway.live.streams == 1


async def test_the_figures_are_the_ledgers_after_much_at_once(gateway: Gateway, up: ScriptedUpstream) -> None:
    for _ in range(20):
        up.answer(json_response(chat_answer(usage=(7, 3))))
    await asyncio.gather(*(gateway.chat() for _ in range(20)))
    for _ in range(40):
        up.answer(json_response(chat_answer(usage=(11, 2))))
    load = [asyncio.create_task(gateway.chat()) for _ in range(20)]
    async with watching(gateway) as feed:  # in the midst of it
        await anext(feed)
        await asyncio.gather(*load, *(gateway.chat() for _ in range(20)))
        await tick(gateway)
        _, _, body = await anext(feed)
    [(_, totals)] = await gateway.store.reports.summary(Filter(), [])
    assert totals.requests == 60
    for span in ("today", "month"):
        assert (body[span]["requests"], body[span]["prompt_tokens"], body[span]["completion_tokens"]) == (
            totals.requests,
            totals.prompt_tokens,
            totals.completion_tokens,
        )


async def test_a_correction_shows(gateway: Gateway) -> None:
    admin = {"authorization": f"Bearer {gateway.secrets['admin']}"}
    async with watching(gateway) as feed:
        await anext(feed)
        change = {"user_id": "bob", "cost_usd": "-0.5", "reason": "an outage"}
        assert (await gateway.client.post("/admin/adjustments", headers=admin, json=change)).status_code == 201
        await tick(gateway)
        _, _, body = await anext(feed)
    assert (body["month"]["cost_usd"], body["month"]["requests"]) == ("-0.5", 0)
    assert (body["models"], body["users"][0]["user_id"]) == ([], "bob")
