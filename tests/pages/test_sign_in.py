"""Signing in and out: where it leads, what is said, and what guards it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Page, expect

from tests.ollama.rig import Ollama
from tests.pages.conftest import NewWindow, forgive
from tests.pages.visitor import PASSWORD, Visitor
from tests.process.clock import Clock
from tests.process.served import Served, served
from tollkeeper.wire.http.cookies import cookie_name

NOON = 1_782_907_200_000
"""Noon of a day in July 2026, in milliseconds since the epoch."""


def test_a_user_lands_at_home(visitor: Visitor) -> None:
    visitor.page.goto("/ui/login")
    expect(visitor.page.get_by_label("Username")).to_have_count(1)
    expect(visitor.page.get_by_label("Password")).to_have_count(1)
    visitor.fill_in(visitor.user_id, PASSWORD)
    visitor.is_at("/home")
    expect(visitor.page.get_by_role("heading", name="Home", level=1)).to_be_visible()


def test_an_admin_lands_at_the_overview(admin: Visitor) -> None:
    admin.sign_in()
    admin.is_at("/admin")
    expect(admin.page.get_by_role("heading", name="Overview", level=1)).to_be_visible()


def test_a_wrong_password_is_said_in_words(visitor: Visitor, faults: list[str]) -> None:
    visitor.page.goto("/login")
    visitor.fill_in(visitor.user_id, "not-my-password")
    expect(visitor.page.get_by_role("alert")).to_have_text(
        "The name or the password is wrong. Check both, or ask an admin for a new password."
    )
    visitor.is_at("/login")
    expect(visitor.page.get_by_label("Password")).to_have_value("")
    forgive(faults, "/auth/login")


def test_who_is_suspended_learns_it_with_the_right_password(visitor: Visitor, faults: list[str]) -> None:
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"status": "suspended"})
    visitor.page.goto("/login")
    visitor.fill_in(visitor.user_id, PASSWORD)
    expect(visitor.page.get_by_role("alert")).to_contain_text("suspended")
    forgive(faults, "/auth/login")


def test_short_addresses_lead_to_the_sign_in_page(visitor: Visitor) -> None:
    for path in ("/", "/login", "/ui", "/ui/"):
        visitor.page.goto(path)
        expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
        visitor.is_at("/login")


def test_short_addresses_lead_a_user_to_their_pages(visitor: Visitor) -> None:
    visitor.arrive("/home")
    for path, place in {"/chat": "/chat", "/": "/home", "/login": "/home", "/admin": "/home"}.items():
        visitor.page.goto(path)
        visitor.is_at(place)
        expect(visitor.rail).to_be_visible()


def test_short_addresses_lead_an_admin_to_theirs(admin: Visitor) -> None:
    admin.arrive("/admin")
    for path in ("/admin", "/", "/login"):
        admin.page.goto(path)
        admin.is_at("/admin")
        expect(admin.rail).to_be_visible()


def test_a_user_who_opens_an_admin_page_is_sent_home(visitor: Visitor) -> None:
    visitor.arrive("/home")
    for path in ("/admin", "/admin/users", "/admin/users/boss", "/admin/billing"):
        visitor.open(path)
        visitor.is_at("/home")
        expect(visitor.page.get_by_role("heading", name="Home", level=1)).to_be_visible()


ADMIN_PATHS = ["/admin/users", "/admin/usage", "/admin/usage.csv", "/admin/live", "/admin/models", "/admin/prices"]


def test_the_api_refuses_a_user_by_itself(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/home")
    statuses = visitor.page.evaluate(
        "paths => Promise.all(paths.map(path => fetch(path).then(answer => answer.status)))", ADMIN_PATHS
    )
    assert statuses == [403] * len(ADMIN_PATHS)
    forgive(faults, "status of 403")


def test_a_link_opened_signed_out_is_come_back_to(visitor: Visitor) -> None:
    visitor.page.goto("/ui/calls?period=7d&status=failed")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    visitor.fill_in(visitor.user_id, PASSWORD)
    expect(visitor.page.get_by_role("heading", name="Calls", level=1)).to_be_visible()
    expect(visitor.page).to_have_url(f"{visitor.gateway.url}/ui/calls?period=7d&status=failed")


ELSEWHERE = [
    "//evil.example/",
    "/\\evil.example/",
    "/%2f%2fevil.example",
    "https://evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "/../../docs",
]


def test_signing_in_never_leads_to_another_site(visitor: Visitor) -> None:
    for target in ELSEWHERE:
        visitor.page.context.clear_cookies()
        visitor.page.goto(f"/ui/login?{urlencode({'next': target})}")
        visitor.fill_in(visitor.user_id, PASSWORD)
        expect(visitor.rail).to_be_visible()
        assert visitor.page.url.startswith(f"{visitor.gateway.url}/ui/")


def account_menu(page: Page, item: str) -> None:
    page.get_by_role("button", name=re.compile("^Account of ")).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    visitor.sign_in()
    cookies = visitor.page.context.cookies()
    account_menu(visitor.page, "Sign out")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert visitor.page.context.cookies() == []
    # Nor does it live on for who kept a copy of the cookie.
    visitor.page.context.add_cookies(cookies)  # type: ignore[arg-type]
    visitor.page.goto("/ui/home")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_signing_out_leaves_other_browsers_signed_in_but_everywhere_does_not(
    visitor: Visitor, window: NewWindow, faults: list[str]
) -> None:
    elsewhere = Visitor(visitor.gateway, window(), visitor.user_id, visitor.key)
    elsewhere.arrive("/home")
    visitor.sign_in()
    account_menu(visitor.page, "Sign out")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    elsewhere.open("/keys")
    visitor.sign_in()
    account_menu(visitor.page, "Sign out everywhere")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    # Without a reload: the next thing that is asked for leads there.
    elsewhere.rail.get_by_role("link", name="Calls").click()
    expect(elsewhere.page.get_by_role("button", name="Sign in")).to_be_visible()
    forgive(faults, "status of 401")


def test_a_new_password_ends_other_sessions_only(visitor: Visitor, window: NewWindow, faults: list[str]) -> None:
    elsewhere = Visitor(visitor.gateway, window(), visitor.user_id, visitor.key)
    elsewhere.arrive("/home")
    visitor.sign_in()
    account_menu(visitor.page, "Change password")
    dialog = visitor.page.get_by_role("dialog", name="Change password")
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_label("New password").fill("opensesame-3")
    dialog.get_by_role("button", name="Change password").click()
    expect(visitor.notices).to_contain_text("Your password is changed.")
    expect(dialog).to_be_hidden()
    visitor.rail.get_by_role("link", name="Keys").click()
    # The session was rotated, and the page knows its new token: a change goes through.
    visitor.page.get_by_role("button", name="New key").click()
    visitor.page.get_by_role("button", name="Make the key").click()
    expect(visitor.page.get_by_role("dialog", name="Your new key")).to_be_visible()
    # Its live stream has ended by then, which tells the page.
    expect(elsewhere.page.get_by_role("button", name="Sign in")).to_be_visible()
    forgive(faults, "status of 401")


def session_cookie(page: Page) -> Any:
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"].startswith("tollkeeper_session")]
    return cookie


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    visitor.sign_in()
    cookie = session_cookie(visitor.page)
    assert cookie["httpOnly"] is True
    assert cookie["sameSite"] == "Lax"
    assert cookie["path"] == "/"
    assert visitor.page.evaluate("document.cookie") == ""


def test_a_session_planted_before_signing_in_is_not_taken_over(visitor: Visitor, faults: list[str]) -> None:
    visitor.page.goto("/login")
    name = cookie_name(visitor.gateway.url.partition("://")[2])
    planted: Any = {"name": name, "value": "A" * 43, "url": visitor.gateway.url}
    visitor.page.context.add_cookies([planted])
    visitor.fill_in(visitor.user_id, PASSWORD)
    expect(visitor.rail).to_be_visible()
    first = session_cookie(visitor.page)["value"]
    assert first != "A" * 43
    # Nor is one of the visitor's own gone on with: whoever saw it before is signed out.
    visitor.page.evaluate(SIGN_IN, [visitor.user_id, PASSWORD])
    assert session_cookie(visitor.page)["value"] != first
    visitor.page.context.add_cookies([planted | {"value": first}])
    visitor.page.goto("/ui/home")
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()


SIGN_IN = """([username, password]) => fetch("/auth/login", {
    method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({username, password}),
}).then(answer => answer.json())"""


def test_too_many_guesses_are_told_how_long_to_wait(
    ollama: Ollama, tmp_path: Path, window: NewWindow, faults: list[str]
) -> None:
    # Its time stands still: however slow the machine is, the wait is not over before the last attempt.
    clock = Clock.at(tmp_path / "clock", NOON)
    with served(tmp_path, ollama.url, clock=clock) as gateway:
        gateway.admin("POST", "/admin/users", {"user_id": "alice", "password": PASSWORD})
        visitor = Visitor(gateway, window(at=gateway.url), "alice", "")
        visitor.page.goto("/login")
        message = visitor.page.get_by_role("alert")
        for _ in range(5):
            with visitor.page.expect_response("**/auth/login"):
                visitor.fill_in("alice", "not-my-password")
            expect(message).to_contain_text("The name or the password is wrong.")
        # Even the right one is not looked at now.
        visitor.fill_in("alice", PASSWORD)
        expect(message).to_have_text("There were too many attempts to sign in. Try again in 1 s.")
        clock.set(NOON + 1000)
        visitor.fill_in("alice", PASSWORD)
        expect(visitor.rail).to_be_visible()
        forgive(faults, "/auth/login")
        visitor.leave()


def test_a_session_that_ended_meanwhile_leads_to_the_sign_in_page_and_back(
    visitor: Visitor, gateway: Served, faults: list[str]
) -> None:
    visitor.arrive("/keys")
    gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"password": "opensesame-4"})
    visitor.rail.get_by_role("link", name="Calls").click()
    expect(visitor.page.get_by_role("button", name="Sign in")).to_be_visible()
    visitor.fill_in(visitor.user_id, "opensesame-4")
    expect(visitor.page.get_by_role("heading", name="Calls", level=1)).to_be_visible()
    forgive(faults, "status of 401")
