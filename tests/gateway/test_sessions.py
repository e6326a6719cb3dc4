"""What a session's cookie opens on the relayed paths, through the whole gateway."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager

import httpx2 as httpx
import pytest

from tests.browser import Browser
from tests.gateway.conftest import ADMIN, TEST, ask, running
from tests.scripted import chat_chunks, sse, streamed
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.wire.http.cookies import cookie_name

PASSWORD = "wonderland"
CHAT = "/v1/chat/completions"
BY_ADMIN = {"authorization": f"Bearer {ADMIN}"}


@asynccontextmanager
async def browsing(gateway, name="alice", *, password=None):
    if password is None:
        await gateway.context.accounts.update_user(name, TEST, UserChange(password=PASSWORD))
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30, limits=limits) as client:
        browser = Browser(client)
        assert (await browser.sign_in(name, password or PASSWORD)).status_code == 200
        yield browser


@pytest.fixture
async def alice(gateway):
    async with browsing(gateway) as browser:
        yield browser


@pytest.mark.parametrize("path", [CHAT, CHAT.removeprefix("/v1")])
async def test_a_session_chats_and_its_record_has_no_key(gateway, alice, path):
    assert (await alice.post(path, json=ask())).status_code == 200
    record = await gateway.record()
    assert (record.user_id, record.key_id, record.status) == ("alice", None, "completed")
    [row] = (await alice.get("/v1/usage")).json()["data"]
    assert row["key_id"] is None
    summary = await alice.get("/v1/usage/summary?group_by=key")
    assert summary.json()["total"]["requests"] == 1


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models/tiny"])
async def test_models_are_listed_for_a_page_of_ours(gateway, alice, path):
    assert (await alice.get(path)).status_code == 200
    # Where browsers tell the Origin of a GET, it must be ours; where they tell neither, nobody knows who asks.
    assert (await alice.get(path, headers={"origin": alice.origin, "sec-fetch-site": "none"})).status_code == 200
    for headers in ({"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"}, {"sec-fetch-site": ""}):
        assert (await alice.get(path, headers=headers)).status_code == 403
    assert (await alice.get(path, without="csrf")).status_code == 403


@pytest.mark.parametrize(
    ("headers", "without", "missing"),
    [
        ({}, "csrf", "x-csrf-token"),
        ({"x-csrf-token": "0" * 64}, "", "x-csrf-token"),
        ({}, "origin", "Origin"),
        ({"sec-fetch-site": "same-origin"}, "origin", "Origin"),
    ],
)
async def test_a_call_that_no_page_of_ours_made_is_refused(gateway, up, alice, headers, without, missing):
    for path in (CHAT, "/completions", "/v1/embeddings"):
        answer = await alice.post(path, json=ask(prompt="x", input="x"), headers=headers, without=without)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
        assert missing in answer.json()["error"]["message"]
    assert not up.calls(f"POST {CHAT}")
    assert await gateway.records() == []


async def test_pages_that_cors_lets_in_have_keys_not_sessions(start, up):
    async with start(cors_origins="https://app.example") as gateway, browsing(gateway) as alice:
        there = {"origin": "https://app.example"}
        assert (await alice.post(CHAT, json=ask(), headers=there)).status_code == 403
        assert (await alice.post("/me/keys", json={}, headers=there)).status_code == 403
        answer = await alice.get("/me", headers=there)
        assert "access-control-allow-credentials" not in answer.headers  # so browsers neither send nor show it


async def test_a_key_wins_over_a_cookie(gateway, alice):
    key = {"authorization": f"Bearer {gateway.secrets['bob']}"}
    assert (await alice.post(CHAT, json=ask(), headers=key, without="csrf")).status_code == 200
    assert (await gateway.record()).user_id == "bob"
    in_path = f"/k/{gateway.secrets['bob']}{CHAT}"
    assert (await alice.post(in_path, json=ask(), without="csrf")).status_code == 200
    assert {record.user_id for record in await gateway.records()} == {"bob"}
    answer = await alice.post(CHAT, json=ask(), headers={"x-api-key": "sk-wrong"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_what_is_no_key_leaves_the_cookie_its_say(gateway, alice):
    for headers in ({"x-api-key": ""}, {"authorization": "Bearer"}, {"authorization": "Basic dTpw"}):
        assert (await alice.post(CHAT, json=ask(), headers=headers)).status_code == 200
        assert (await alice.post(CHAT, json=ask(), headers=headers, without="csrf")).status_code == 403
        assert (await alice.post(CHAT, json=ask(), headers=headers, without="cookie")).status_code == 401
    assert {record.user_id for record in await gateway.records()} == {"alice"}


async def test_a_cookie_is_no_key(gateway, alice):
    for headers in ({"x-api-key": alice.token}, {"authorization": f"Bearer {alice.token}"}):
        assert (await alice.post(CHAT, json=ask(), headers=headers, without="cookie")).status_code == 401
    for path in (f"/k/{alice.token}{CHAT}", f"/k/%00session {alice.token}{CHAT}"):
        assert (await alice.post(path, json=ask(), without="cookie")).status_code == 401


async def test_no_cookie_and_no_token_reaches_the_upstream_or_the_log(gateway, up, alice, caplog):
    caplog.set_level(0)
    assert (await alice.post(CHAT, json=ask())).status_code == 200
    await alice.post(CHAT, json=ask(), headers={"x-csrf-token": "wrong"})
    [call] = up.calls(f"POST {CHAT}")
    assert not {"cookie", "x-csrf-token", "origin"} & {name.decode().lower() for name, _ in call.headers}
    for secret in (alice.token, alice.csrf_token):
        assert secret not in repr(call)
        assert secret not in caplog.text


def endless():
    """A stream of a and b, then nothing until the gateway hangs up; the event is set then."""
    hung_up = asyncio.Event()

    async def script(conn, request):
        await conn.send(streamed(*sse(*chat_chunks(["a", "b"])[:2], done=False), end=False))
        await conn.hang()
        hung_up.set()

    return script, hung_up


ENDS = {
    "suspended": ("admin", "PATCH", "/admin/users/alice", {"status": "suspended"}),
    "closed": ("admin", "DELETE", "/admin/users/alice", None),
    "another role": ("admin", "PATCH", "/admin/users/alice", {"role": "admin"}),
    "another password": ("admin", "PATCH", "/admin/users/alice", {"password": "looking-glass"}),
    "signed out": ("self", "POST", "/auth/logout", None),
    "signed out everywhere": ("other", "POST", "/auth/logout-all", None),
    "signed in anew": ("self", "POST", "/auth/login", {"username": "alice", "password": PASSWORD}),
}


@pytest.mark.parametrize("end", ENDS)
async def test_what_ends_a_session_cuts_its_stream_which_pays(gateway, up, alice, end):
    async with browsing(gateway, password=PASSWORD) as other:
        script, hung_up = endless()
        up.answer(script)
        who, method, path, body = ENDS[end]
        request = alice.request("POST", CHAT, json=ask(stream=True))
        answer = await alice._client.send(request, stream=True)
        lines = answer.aiter_lines()
        while '"b"' not in await anext(lines):
            pass
        if who == "admin":
            ended = await gateway.client.request(method, path, json=body, headers=BY_ADMIN)
        else:
            ended = await {"self": alice, "other": other}[who].send(method, path, json=body)
        assert ended.status_code in (200, 204)
        async with asyncio.timeout(60):
            rest = [line async for line in lines if line]
            await hung_up.wait()
        await answer.aclose()
        assert len(rest) == 1
        code = "account_suspended" if end == "suspended" else "access_ended"
        assert json.loads(rest[0].removeprefix("data: "))["error"]["code"] == code
        record = await gateway.record()
        assert (record.status, record.key_id) == ("cancelled", None)
        assert record.usage.completion_tokens > 0
        assert gateway.context.admission.counters.held() == 0


async def test_what_ends_one_session_leaves_others_and_keys_alone(gateway, up, alice):
    async with browsing(gateway, password=PASSWORD) as other:
        script, _ = endless()
        up.always(script)
        by_key = await gateway.client.send(
            gateway.client.build_request("POST", CHAT, json=ask(stream=True)), stream=True
        )
        by_other = await other._client.send(other.request("POST", CHAT, json=ask(stream=True)), stream=True)
        arriving = [answer.aiter_lines() for answer in (by_key, by_other)]
        for lines in arriving:
            while '"b"' not in await anext(lines):
                pass
        await alice.post("/auth/logout")
        assert len(gateway.context.requests.active) == 2
        await by_key.aclose()
        await by_other.aclose()
        assert {record.status for record in await gateway.records()} == {"cancelled"}


async def test_a_session_that_ends_while_its_body_comes_is_refused(gateway, up, alice):
    body = json.dumps(ask()).encode()
    async with gateway.raw() as (reader, writer):
        lines = [f"POST {CHAT} HTTP/1.1", f"Host: {alice.host}", f"Origin: {alice.origin}"]
        lines += [f"Cookie: {cookie_name(alice.host)}={alice.token}", f"X-Csrf-Token: {alice.csrf_token}"]
        writer.write(("\r\n".join([*lines, f"Content-Length: {len(body)}"]) + "\r\n\r\n").encode() + body[:-1])
        await writer.drain()
        assert (await alice.get("/auth/session")).status_code == 200
        await alice.post("/auth/logout")
        writer.write(body[-1:])
        assert b" 401 " in await reader.readline()
    assert not up.calls(f"POST {CHAT}")


async def test_limits_of_the_user_hold_whatever_they_ask_with(gateway, up, alice):
    """Two hundred at once, by key and by session: never one too many."""
    await gateway.context.accounts.set_limits("alice", TEST, {"requests_per_day": 50, "max_concurrent_requests": 7})
    running = most = 0

    async def script(conn, request):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        await conn.send(streamed(*sse(*chat_chunks(["a"]))))

    up.always(script)
    statuses: Counter[int] = Counter()
    while statuses[200] < 50:
        calls = [
            alice._client.send(alice.request("POST", CHAT, json=ask(stream=True))) if number % 2 else
            gateway.chat(stream=True)
            for number in range(200)
        ]  # fmt: skip
        statuses.update(answer.status_code for answer in await asyncio.gather(*calls))
    assert most <= 7
    assert statuses.keys() == {200, 429}
    records = await gateway.records()
    assert len(records) == len(up.calls(f"POST {CHAT}")) == statuses[200] == 50
    assert {record.key_id is None for record in records} == {True, False}
    usage = (await alice.get("/me")).json()["usage"]
    assert usage["requests_per_day"]["used"] == 50
    assert gateway.context.admission.counters.held() == 0


async def test_a_limit_on_a_model_holds_for_sessions_and_that_of_a_key_does_not(gateway, alice):
    [key] = gateway.context.accounts.keys_of("alice")
    none: dict[str, object] = {"requests_per_day": 0, "allowed_models": []}
    await gateway.context.accounts.update_key(key.id, TEST, KeyChange(limits=none))
    await gateway.context.accounts.set_limits("alice", TEST, {"models": {"tiny": {"requests_per_day": 1}}})
    assert (await gateway.chat()).status_code == 403
    assert [(await alice.post(CHAT, json=ask())).status_code for _ in range(2)] == [200, 429]
    await gateway.context.accounts.set_limits("alice", TEST, {"allowed_models": ["eye:latest"]})
    assert (await alice.post(CHAT, json=ask())).status_code == 403
    assert [model["id"] for model in (await alice.get("/v1/models")).json()["data"]] == ["eye:latest"]


async def test_what_a_session_used_counts_for_limits_that_come_later_and_after_a_restart(tmp_path, up):
    async with running(tmp_path, up.url) as gateway, browsing(gateway) as alice:
        assert (await alice.post(CHAT, json=ask())).status_code == 200
        await gateway.context.accounts.set_limits("alice", TEST, {"requests_per_day": 2})
        assert (await alice.get("/me")).json()["usage"]["requests_per_day"]["used"] == 1
    async with running(tmp_path, up.url, users=()) as gateway, browsing(gateway, password=PASSWORD) as alice:
        assert [(await alice.post(CHAT, json=ask())).status_code for _ in range(2)] == [200, 429]


async def test_a_session_outlives_a_restart(tmp_path, up):
    async with running(tmp_path, up.url) as gateway, browsing(gateway) as alice:
        token, csrf_token = alice.token, alice.csrf_token
    async with running(tmp_path, up.url, users=()) as gateway, httpx.AsyncClient(base_url=gateway.url) as client:
        browser = Browser(client)
        browser.token, browser.csrf_token = token, csrf_token
        assert (await browser.get("/auth/session")).json()["csrf_token"] == csrf_token
        assert (await browser.post(CHAT, json=ask())).status_code == 200


async def test_two_gateways_on_one_host_do_not_sign_each_other_out(tmp_path, up):
    """As a browser keeps cookies: by host, whatever the port."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    async with running(first, up.url) as one, running(second, up.url) as other, httpx.AsyncClient() as client:
        csrf_tokens = {}
        for gateway in (one, other):
            await gateway.context.accounts.update_user("alice", TEST, UserChange(password=PASSWORD))
            body = {"username": "alice", "password": PASSWORD}
            answer = await client.post(f"{gateway.url}/auth/login", json=body, headers={"origin": gateway.url})
            csrf_tokens[gateway.url] = answer.json()["csrf_token"]
        assert len(client.cookies) == 2
        for gateway in (one, other):
            session = await client.get(f"{gateway.url}/auth/session")
            assert session.json()["csrf_token"] == csrf_tokens[gateway.url]
        headers = {"origin": one.url, "x-csrf-token": csrf_tokens[one.url]}
        assert (await client.post(f"{one.url}/auth/logout", headers=headers)).status_code == 204
        assert (await client.get(f"{one.url}/auth/session")).status_code == 401
        assert (await client.get(f"{other.url}/auth/session")).status_code == 200


async def test_who_signs_in_asks_from_behind_the_proxy(start):
    async with start(trusted_proxies="127.0.0.1") as gateway, browsing(gateway) as alice:
        right = {"username": "alice", "password": PASSWORD}
        forwarded = {"x-forwarded-for": "203.0.113.6"}
        assert (await alice.post("/auth/login", json=right, headers=forwarded)).status_code == 200
        newest = (await gateway.client.get("/admin/audit", headers=BY_ADMIN)).json()["data"][0]
        assert (newest["action"], newest["address"]) == ("user.sign_in", "203.0.113.6")


async def test_the_browser_is_led_to_the_pages(gateway):
    for path, page in (("/", "/ui/"), ("/login", "/ui/login"), ("/chat", "/ui/chat"), ("/admin", "/ui/admin")):
        headers = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site"}
        answer = await gateway.client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (307, page)
