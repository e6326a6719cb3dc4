"""One's own second factor, and the second step of a sign-in, over HTTP."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import pyotp
import pytest

from tests.browser import Browser, token_in
from tests.control.desk import shape_of
from tests.services.in_memory import ROOT
from tollkeeper.control.http.guards import OpenRoute
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.second_factors import SecondFactors
from tollkeeper.services.accounts.sessions import ExternalSession
from tollkeeper.services.keyring.master_key import MasterKey

PASSWORDS = {"alice": "wonderland", "root": "of-all-evil"}
STEP_MS = 30_000


@pytest.fixture
async def desk(desk):
    for name, password in PASSWORDS.items():
        await desk.house.accounts.update_user(name, ROOT, UserChange(password=password))
    return desk


@asynccontextmanager
async def browser(desk):
    async with desk.client(address="192.0.2.9") as client:
        yield Browser(client)


@pytest.fixture
async def alice(desk):
    async with browser(desk) as opened:
        await opened.sign_in("alice", "wonderland")
        yield opened


def code(desk, secret):
    desk.house.clock.ms += STEP_MS  # so that each is a new one
    return pyotp.TOTP(secret).generate_otp(desk.house.clock.ms // STEP_MS)


async def turn_on(desk, opened, name="alice"):
    made = (await opened.post("/auth/second-factor/setup", {"password": PASSWORDS[name]})).json()
    assert made["uri"].startswith("otpauth://totp/Tollkeeper:")
    answer = await opened.post("/auth/second-factor/confirm", {"code": code(desk, made["secret"])})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    if "set-cookie" in answer.headers:
        opened.token = token_in(answer, opened.host)
        opened.csrf_token = (await opened.get("/auth/session")).json()["csrf_token"]
    return made["secret"], answer.json()["recovery_codes"]


async def test_from_setting_it_up_to_signing_in_with_it(desk, alice):
    assert (await alice.get("/auth/second-factor")).json() == {"status": "off", "recovery_codes_left": 0}
    secret, recovery = await turn_on(desk, alice)
    assert (await alice.get("/auth/second-factor")).json() == {"status": "on", "recovery_codes_left": 10}
    assert (await alice.get("/auth/session")).json()["second_factor"] == "on"
    async with browser(desk) as elsewhere:
        answer = await elsewhere.send("POST", "/auth/login", json={"username": "alice", "password": "wonderland"})
        assert answer.status_code == 202
        assert sorted(answer.json()) == ["challenge", "expires_at"]
        assert "set-cookie" not in answer.headers
        step = {"challenge": answer.json()["challenge"], "code": "000000"}
        wrong = await elsewhere.post("/auth/second-factor", step)
        assert (wrong.status_code, shape_of(wrong)["code"], shape_of(wrong)["param"]) == (
            401, "invalid_credentials", "code"
        )  # fmt: skip
        right = elsewhere.take(await elsewhere.post("/auth/second-factor", step | {"code": code(desk, secret)}))
        assert right.status_code == 200
        assert (await elsewhere.get("/me")).json()["user_id"] == "alice"
        over = await elsewhere.post("/auth/second-factor", step | {"code": recovery[0]})
        assert (over.status_code, shape_of(over)["code"]) == (401, "not_signed_in")


async def test_turned_on_it_ends_what_a_password_alone_began(desk, alice):
    """Whoever knows the password may have signed in before: their session never passed the second factor."""
    async with browser(desk) as thief:
        await thief.sign_in("alice", "wonderland")
        before = alice.token
        await turn_on(desk, alice)
        assert (await thief.get("/me")).status_code == 401
    assert alice.token != before
    assert (await alice.get("/me")).status_code == 200
    alice.token = before
    assert (await alice.get("/me")).status_code == 401


async def test_a_session_of_a_provider_goes_on_and_is_asked_for_nothing(desk, strict):
    async with browser(desk) as root:
        await root.sign_in("root", "of-all-evil")
        external = ExternalSession("https://op.example", "sub-1")
        begun = await desk.house.accounts.sessions.begin("root", ROOT, still=lambda: None, external=external)
        root.token = begun.token
        root.csrf_token = desk.house.accounts.sessions.csrf_token(begun.token)
        assert (await root.get("/admin/users")).status_code == 200
        for path, field in (("/auth/session", "second_factor"), ("/auth/second-factor", "status")):
            assert (await root.get(path)).json()[field] == "off"
        await turn_on(desk, root, "root")
        assert root.token == begun.token
        assert (await root.get("/admin/users")).status_code == 200


async def test_setting_it_up_needs_the_password(desk, alice):
    answer = await alice.post("/auth/second-factor/setup", {"password": "wrong"})
    assert (answer.status_code, shape_of(answer)["code"]) == (401, "invalid_credentials")
    answer = await alice.post("/auth/second-factor/confirm", {"code": "123456"})
    assert (answer.status_code, shape_of(answer)["code"]) == (409, "second_factor_not_set_up")


@pytest.mark.parametrize("path", ["disable", "recovery-codes"])
async def test_taking_it_away_needs_password_and_code(desk, alice, path):
    secret, recovery = await turn_on(desk, alice)
    for proof in (
        {"password": "wrong", "code": code(desk, secret)},
        {"password": "wonderland", "code": "000000"},
        {"password": "wonderland", "code": "not-a-recovery-code"},
    ):
        answer = await alice.post(f"/auth/second-factor/{path}", proof)
        assert (answer.status_code, shape_of(answer)["code"]) == (401, "invalid_credentials")
    proof = {"password": "wonderland", "code": recovery[0]}
    answer = await alice.post(f"/auth/second-factor/{path}", proof)
    assert answer.status_code == {"disable": 204, "recovery-codes": 200}[path]
    status = (await alice.get("/auth/second-factor")).json()["status"]
    assert status == {"disable": "off", "recovery-codes": "on"}[path]


async def test_an_admin_resets_it(desk, alice, admin):
    await turn_on(desk, alice)
    assert (await admin.get("/admin/users/alice")).json()["second_factor"] is True
    answer = await admin.patch("/admin/users/alice", json={"second_factor": None})
    assert answer.status_code == 422
    answer = await admin.patch("/admin/users/alice", json={"second_factor": "off"})
    assert answer.status_code == 200
    assert (await admin.get("/admin/users/alice")).json()["second_factor"] is False
    assert (await alice.sign_in("alice", "wonderland")).status_code == 200


async def test_nobody_resets_their_own_without_password_and_code(desk):
    """An admin's session that was left open must not be enough."""
    async with browser(desk) as root:
        await root.sign_in("root", "of-all-evil")
        await turn_on(desk, root, "root")
        answer = await root.send("PATCH", "/admin/users/ROOT", json={"second_factor": "off", "name": "Root"})
        assert (answer.status_code, shape_of(answer)["code"]) == (409, "own_account")
        assert (await root.get("/admin/users/root")).json()["second_factor"] is True
        assert (await root.get("/admin/users/root")).json()["name"] != "Root"


@pytest.fixture
def strict(desk):
    """Second factors are required of admins."""
    house = desk.house
    strict = SecondFactors(
        house.store.second_factors, MasterKey(b"k" * 32), house.secrets.digest, house.clock, required_for_admins=True
    )
    house.accounts.lacks_factor = strict.is_missing
    object.__setattr__(desk.services, "second_factors", strict)
    object.__setattr__(desk.services.sign_in, "_factors", strict)
    return strict


async def test_an_admin_who_needs_one_is_led_to_it_before_anything_else(desk, strict):
    async with browser(desk) as root:
        assert (await root.sign_in("root", "of-all-evil")).json()["second_factor"] == "required"
        for path in ("/admin/users", "/me", "/v1/usage"):
            answer = await root.get(path)
            assert (answer.status_code, shape_of(answer)["code"]) == (403, "second_factor_missing")
        assert (await root.get("/auth/session")).status_code == 200
        assert (await root.get("/auth/second-factor")).json()["status"] == "required"
        secret, _ = await turn_on(desk, root, "root")
        assert (await root.get("/admin/users")).status_code == 200
        proof = {"password": "of-all-evil", "code": code(desk, secret)}
        answer = await root.post("/auth/second-factor/disable", proof)
        assert (answer.status_code, shape_of(answer)["code"]) == (403, "forbidden")


OPENS = {
    "GET /auth/session", "POST /auth/logout", "GET /auth/second-factor", "POST /auth/second-factor/setup",
    "POST /auth/second-factor/confirm", "POST /auth/second-factor/recovery-codes", "POST /auth/second-factor/disable",
}  # fmt: skip
"""What a session opens that lacks the second factor it needs."""


async def test_without_the_one_that_is_needed_no_other_path_opens(desk, strict):
    """Every path of the control plane that asks who calls, those of tomorrow too."""
    asked: set[str] = set()
    async with browser(desk) as root:
        await root.sign_in("root", "of-all-evil")
        for route in desk.app.routes:
            if not hasattr(route, "authenticate") or isinstance(route, OpenRoute):
                continue
            path = re.sub(r"\{[^}]*\}", "x", route.path)
            for method in route.methods - {"HEAD"}:
                asked.add(f"{method} {route.path}")
                if f"{method} {route.path}" not in OPENS:
                    answer = await root.send(method, path)
                    found = (answer.status_code, shape_of(answer)["code"])
                    assert found == (403, "second_factor_missing"), f"{method} {path}"
    assert asked > OPENS
    assert len(asked) > 100


async def test_a_page_of_another_host_cannot_take_the_second_step(desk):
    async with browser(desk) as anyone:
        answer = await anyone.post(
            "/auth/second-factor", {"challenge": "x", "code": "1"}, headers={"origin": "https://evil.example"}
        )
        assert (answer.status_code, shape_of(answer)["code"]) == (403, "forbidden")
