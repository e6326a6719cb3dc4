"""Signing in and out, and what a session's cookie opens on the control plane."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import pytest

from tests.browser import Browser, token_in
from tests.control.desk import ADMIN_KEY, ALICE_KEY, BOB_KEY, shape_of
from tests.services.in_memory import ROOT, START
from tollkeeper.control.http.guards import OpenRoute
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.sessions import IDLE_MS, LONGEST_MS

PASSWORDS = {"alice": "wonderland", "bob": "builder", "root": "of-all-evil"}


@pytest.fixture
async def desk(desk):
    for name, password in PASSWORDS.items():
        await desk.house.accounts.update_user(name, ROOT, UserChange(password=password))
    return desk


@asynccontextmanager
async def signed_in(desk, name):
    async with desk.client(address="192.0.2.9") as client:
        browser = Browser(client)
        assert (await browser.sign_in(name, PASSWORDS[name])).status_code == 200
        yield browser


@pytest.fixture
async def anyone(desk):
    async with desk.client() as client:
        yield Browser(client)


@pytest.fixture
async def alice(desk):
    async with signed_in(desk, "alice") as browser:
        yield browser


@pytest.fixture
async def root(desk):
    async with signed_in(desk, "root") as browser:
        yield browser


async def test_signing_in(desk, anyone):
    answer = await anyone.sign_in("Alice", "wonderland")
    assert answer.status_code == 200
    body = answer.json()
    assert body == {
        "user": {
            "user_id": "alice",
            "name": "Alice",
            "role": "user",
            "status": "active",
            "team": None,
            "team_admin": False,
        },
        "csrf_token": anyone.csrf_token,
        "created_at": "2026-11-20T12:00:00.123Z",
        "expires_at": "2026-11-21T12:00:00.123Z",
        "provider": None,
        "second_factor": "off",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert anyone.token not in answer.text
    desk.house.clock.ms += 60_000
    again = await anyone.get("/auth/session")
    assert again.json() == body | {"expires_at": "2026-11-21T12:01:00.123Z"}
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "wrong"), ("nobody", "wonderland"), ("alice", ""), ("x" * 256, "x" * 1024)]
)
async def test_a_wrong_name_and_a_wrong_password_look_alike(anyone, name, password):
    answer = await anyone.sign_in(name, password)
    error = shape_of(answer)
    assert (answer.status_code, error["type"], error["code"]) == (401, "invalid_request_error", "invalid_credentials")
    assert error == shape_of(await anyone.sign_in("other", "word"))
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "alice"},
        {"username": "", "password": "x"},
        {"username": "alice", "password": 5},
        {"username": "alice", "password": "x" * 1025},
        {"username": "alice", "password": "wonderland", "remember": True},
    ],
    ids=str,
)
async def test_a_body_that_is_wrong(anyone, body):
    answer = await anyone.post("/auth/login", json=body)
    assert answer.status_code == 422
    assert "wonderland" not in answer.text


async def test_text_that_is_no_unicode(anyone):
    for body in (b'{"username":"alice","password":"\\ud800"}', b'{"username":"\\ud800","password":"x"}'):
        answer = await anyone.send("POST", "/auth/login", content=body)
        assert answer.status_code in (401, 422)


async def test_the_suspended_are_told_so_once_their_password_is_right(desk, anyone):
    await desk.house.accounts.update_user("alice", ROOT, UserChange(status="suspended"))
    answer = await anyone.sign_in("alice", "wonderland")
    assert (answer.status_code, shape_of(answer)["code"]) == (403, "account_suspended")
    assert "set-cookie" not in answer.headers
    assert (await anyone.sign_in("alice", "wrong")).status_code == 401


async def test_too_many_attempts_are_told_when_to_come_again(desk, anyone):
    for _ in range(5):
        assert (await anyone.sign_in("alice", "wrong")).status_code == 401
    answer = await anyone.sign_in("alice", "wonderland")
    error = shape_of(answer)
    assert (answer.status_code, error["type"], error["code"]) == (429, "requests", "rate_limit_exceeded")
    desk.house.clock.ms += int(answer.headers["retry-after"]) * 1000
    assert (await anyone.sign_in("alice", "wonderland")).status_code == 200


async def test_a_cookie_that_was_planted_is_never_adopted(desk, anyone):
    async with signed_in(desk, "bob") as attacker:
        planted = attacker.token
        for token in (planted, "chosen-by-the-attacker"):
            anyone.token = token
            answer = await anyone.sign_in("alice", "wonderland")
            assert answer.status_code == 200
            assert anyone.token not in (planted, "chosen-by-the-attacker", None)
            assert (await anyone.get("/me")).json()["user_id"] == "alice"
        assert (await attacker.get("/me")).status_code == 401  # nor does what was planted go on


async def test_each_sign_in_has_a_token_of_its_own(anyone):
    await anyone.sign_in("alice", "wonderland")
    first, csrf = anyone.token, anyone.csrf_token
    await anyone.sign_in("alice", "wonderland")
    assert anyone.token != first
    assert anyone.csrf_token != csrf
    anyone.token = first
    assert (await anyone.get("/auth/session")).status_code == 401


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [
        ("http://localhost:8000", "tollkeeper_session_8000", ""),
        ("http://127.0.0.1:8001", "tollkeeper_session_8001", ""),
        ("https://gw.example", "__Host-tollkeeper_session", "; Secure"),
        ("https://gw.example:8443", "__Host-tollkeeper_session_8443", "; Secure"),
    ],
)
async def test_the_cookie_is_as_safe_as_the_place_allows(desk, url, name, secure):
    cookie = f"{name}={{}}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax{secure}"
    async with desk.client() as client:
        client.base_url = url
        browser = Browser(client)
        answer = await browser.sign_in("alice", "wonderland")
        assert answer.headers["set-cookie"] == cookie.format(token_in(answer, browser.host))
        assert (await browser.get("/me")).status_code == 200
        left = await browser.post("/auth/logout")
        assert left.headers["set-cookie"] == cookie.format("").replace("604800", "0")


async def test_who_is_not_signed_in(desk, anyone):
    for answer in (await anyone.get("/auth/session"), await anyone.post("/auth/logout")):
        assert (answer.status_code, shape_of(answer)["code"]) == (401, "not_signed_in")
    anyone.token = "none-of-ours"
    anyone.csrf_token = desk.house.accounts.sessions.csrf_token(anyone.token)
    for answer in (await anyone.get("/me"), await anyone.get("/admin/users"), await anyone.post("/me/keys", json={})):
        assert (answer.status_code, shape_of(answer)["code"]) == (401, "not_signed_in")


async def test_a_key_is_no_session(desk):
    async with desk.client(ALICE_KEY) as client:
        for method, path in (("GET", "session"), ("POST", "logout"), ("POST", "logout-all"), ("POST", "password")):
            answer = await client.request(method, f"/auth/{path}")
            assert (answer.status_code, shape_of(answer)["code"]) == (401, "not_signed_in")


async def test_it_ends_by_itself(desk, alice):
    desk.house.clock.ms += IDLE_MS
    assert (await alice.get("/me")).status_code == 401
    await alice.sign_in("alice", "wonderland")
    began = desk.house.clock.ms
    while desk.house.clock.ms < began + LONGEST_MS - IDLE_MS // 2:
        desk.house.clock.ms += IDLE_MS // 2
        assert (await alice.get("/me")).status_code == 200
    assert (await alice.get("/auth/session")).json()["expires_at"] == "2026-11-28T12:00:00.123Z"
    desk.house.clock.ms = began + LONGEST_MS
    assert (await alice.get("/me")).status_code == 401
    assert began == START + IDLE_MS


async def test_a_session_opens_what_a_key_does(alice, root):
    for path in ("/me", "/me/keys", "/v1/usage", "/v1/usage/summary"):
        assert (await alice.get(path)).status_code == 200
    assert (await alice.post("/me/keys", json={"name": "by hand"})).status_code == 201
    for path in ("/admin/users", "/admin/usage", "/admin/prices", "/admin/audit", "/me"):
        assert (await root.get(path)).status_code == 200
    made = await root.post("/admin/users", json={"user_id": "carol"})
    assert made.status_code == 201
    newest = (await root.get("/admin/audit")).json()["data"][0]
    assert (newest["actor"], newest["action"], newest["address"]) == ("root", "user.create", "192.0.2.9")


async def test_metrics_take_a_key_only(root):
    assert (await root.get("/metrics")).status_code == 401


async def test_the_session_of_a_user_opens_nothing_of_admins(alice):
    for method, path in (
        ("GET", "/admin/users"),
        ("GET", "/admin/usage"),
        ("GET", "/admin/live"),
        ("GET", "/admin/users/alice/live"),
        ("GET", "/admin/audit"),
        ("POST", "/admin/users"),
        ("PATCH", "/admin/users/alice"),
    ):
        answer = await alice.send(method, path)
        assert (answer.status_code, shape_of(answer)["code"]) == (403, "forbidden"), path


CHANGES = [
    ("root", "POST", "/admin/users"),
    ("root", "PATCH", "/admin/users/bob"),
    ("root", "DELETE", "/admin/users/bob"),
    ("root", "PUT", "/admin/users/bob/limits"),
    ("alice", "POST", "/me/keys"),
    ("alice", "DELETE", "/me/keys/none"),
    ("alice", "POST", "/auth/logout"),
    ("alice", "POST", "/auth/logout-all"),
    ("alice", "POST", "/auth/password"),
]
FORGED = {
    "no token": ({}, "csrf", "x-csrf-token"),
    "a wrong token": ({"x-csrf-token": "0" * 64}, "", "x-csrf-token"),
    "an empty token": ({"x-csrf-token": ""}, "", "x-csrf-token"),
    "a token that is no ASCII": ({"x-csrf-token": b"\xe9" * 64}, "", "x-csrf-token"),
    "no origin": ({}, "origin", "Origin"),
    "a foreign origin": ({"origin": "http://evil.example"}, "", "Origin"),
    "another port": ({"origin": "http://gateway:8001"}, "", "Origin"),
    "a hidden origin": ({"origin": "null"}, "", "Origin"),
    "an origin told otherwise": ({"sec-fetch-site": "same-origin"}, "origin", "Origin"),
}


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize(("name", "method", "path"), CHANGES)
async def test_a_change_that_no_page_of_ours_sent_is_refused(desk, name, method, path, forged):
    headers, without, missing = FORGED[forged]
    async with signed_in(desk, name) as browser:
        saved = len(await desk.house.audit())
        answer = await browser.send(method, path, headers=headers, without=without)
        error = shape_of(answer)
        assert (answer.status_code, error["code"]) == (403, "forbidden")
        other = {"x-csrf-token": "Origin", "Origin": "x-csrf-token"}[missing]
        assert missing in error["message"]
        assert other not in error["message"]
        assert len(await desk.house.audit()) == saved
        assert (await browser.get("/auth/session")).status_code == 200


async def test_no_path_makes_a_change_for_a_page_of_another_place(desk, root):
    """Every path that asks who calls, those of tomorrow too."""
    asked = 0
    for route in desk.app.routes:
        if not hasattr(route, "authenticate") or isinstance(route, OpenRoute):
            continue
        path = re.sub(r"\{[^}]*\}", "x", route.path)
        for method in route.methods - {"GET", "HEAD"}:
            for without in ("csrf", "origin"):
                answer = await root.send(method, path, without=without)
                assert (answer.status_code, shape_of(answer)["code"]) == (403, "forbidden"), f"{method} {path}"
                asked += 1
    assert asked > 100
    assert (await root.get("/auth/session")).status_code == 200


async def test_the_token_of_one_session_is_none_of_another(desk, alice):
    async with signed_in(desk, "bob") as bob:
        answer = await alice.post("/me/keys", json={}, headers={"x-csrf-token": bob.csrf_token})
    assert answer.status_code == 403


async def test_reading_needs_neither(alice, root):
    for browser, path in ((alice, "/me"), (alice, "/v1/usage"), (alice, "/auth/session"), (root, "/admin/users")):
        for without in ("csrf", "origin"):
            assert (await browser.get(path, without=without, headers={"sec-fetch-site": "none"})).status_code == 200


async def test_only_pages_of_this_host_sign_people_in(anyone):
    for origin in ("http://evil.example", "null", "http://gateway:8001"):
        body = {"username": "alice", "password": "wonderland"}
        answer = await anyone.post("/auth/login", json=body, headers={"origin": origin})
        assert (answer.status_code, shape_of(answer)["code"]) == (403, "forbidden")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
async def test_a_key_wins_over_a_cookie(alice, header):
    def by_key(key):
        return {header: f"Bearer {key}" if header == "authorization" else key}

    assert (await alice.get("/me", headers=by_key(BOB_KEY))).json()["user_id"] == "bob"
    assert (await alice.get("/admin/users", headers=by_key(ADMIN_KEY))).status_code == 200
    # What is sent with a key needs no proof: no browser sends keys by itself.
    made = await alice.post("/me/keys", json={}, without="csrf", headers=by_key(BOB_KEY))
    assert made.status_code == 201
    answer = await alice.get("/me", headers=by_key("sk-wrong"))
    assert (answer.status_code, shape_of(answer)["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "headers", [{"x-api-key": ""}, {"authorization": "Bearer "}, {"authorization": "Basic dTpw"}], ids=str
)
async def test_what_is_no_key_leaves_the_cookie_its_say(alice, root, headers):
    assert (await alice.get("/me", headers=headers)).json()["user_id"] == "alice"
    assert (await root.get("/admin/users", headers=headers)).status_code == 200
    assert (await alice.get("/auth/session", headers=headers)).status_code == 200
    answer = await alice.post("/me/keys", json={}, without="csrf", headers=headers)
    assert (answer.status_code, shape_of(answer)["code"]) == (403, "forbidden")


async def test_signing_out(desk, alice):
    async with signed_in(desk, "alice") as other:
        answer = await alice.post("/auth/logout")
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await alice.get("/me")).status_code == 401
        assert (await other.get("/me")).status_code == 200
    assert len(await desk.house.store.sessions.load()) == 1


async def test_signing_out_everywhere(desk, alice):
    async with signed_in(desk, "alice") as other, signed_in(desk, "bob") as bob:
        answer = await other.post("/auth/logout-all")
        assert (answer.status_code, token_in(answer, other.host)) == (204, None)
        assert (await alice.get("/me")).status_code == (await other.get("/me")).status_code == 401
        assert (await bob.get("/me")).status_code == 200
    async with desk.client(ALICE_KEY) as client:
        assert (await client.get("/me")).status_code == 200


async def test_changing_ones_password(desk, alice):
    async with signed_in(desk, "alice") as other:
        before = alice.token, alice.csrf_token
        body = {"current_password": "wonderland", "new_password": "looking-glass"}
        answer = alice.take(await alice.post("/auth/password", json=body))
        assert answer.status_code == 200
        assert answer.json()["user"]["user_id"] == "alice"
        assert alice.token != before[0]
        assert alice.csrf_token != before[1]
        assert (await alice.get("/me")).status_code == 200
        assert (await other.get("/me")).status_code == 401
        assert (await other.sign_in("alice", "wonderland")).status_code == 401
        assert (await other.sign_in("alice", "looking-glass")).status_code == 200
        alice.token = before[0]
        assert (await alice.get("/me")).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"current_password": "wrong", "new_password": "looking-glass"}, 401),
        ({"current_password": "wonderland", "new_password": "short"}, 422),
        ({"current_password": "wonderland"}, 422),
    ],
)
async def test_a_password_that_is_not_changed(alice, body, status):
    answer = await alice.post("/auth/password", json=body)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert (await alice.get("/me")).status_code == 200


CHANGED = {
    "password": ({"password": "looking-glass"}, 401, "not_signed_in"),
    "role": ({"role": "admin"}, 401, "not_signed_in"),
    "closed": ({"status": "closed"}, 401, "not_signed_in"),
    "suspended": ({"status": "suspended"}, 403, "account_suspended"),
}


@pytest.mark.parametrize("change", CHANGED)
async def test_what_an_admin_changes_counts_at_the_next_request(admin, alice, change):
    body, status, code = CHANGED[change]
    assert (await admin.patch("/admin/users/alice", json=body)).status_code == 200
    for answer in (await alice.get("/me"), await alice.post("/auth/logout-all"), await alice.post("/me/keys", json={})):
        assert (answer.status_code, shape_of(answer)["code"]) == (status, code)
    session = await alice.get("/auth/session")
    if change == "suspended":
        assert session.json()["user"]["status"] == "suspended"
        await admin.patch("/admin/users/alice", json={"status": "active"})
        assert (await alice.get("/me")).status_code == 200
    else:
        assert session.status_code == 401


async def test_the_suspended_may_sign_out(admin, alice):
    await admin.patch("/admin/users/alice", json={"status": "suspended"})
    assert (await alice.post("/auth/logout", headers={"x-csrf-token": "A" * 43})).status_code == 403
    assert (await alice.post("/auth/logout")).status_code == 204
    await admin.patch("/admin/users/alice", json={"status": "active"})
    assert (await alice.get("/me")).status_code == 401


async def test_an_admin_who_is_none_any_more(desk, root):
    assert (await root.get("/admin/users")).status_code == 200
    await desk.house.accounts.update_user("root", ROOT, UserChange(role="user"))
    assert (await root.get("/admin/users")).status_code == 401
    await root.sign_in("root", PASSWORDS["root"])
    assert (await root.get("/admin/users")).status_code == 403
