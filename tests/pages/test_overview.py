"""The overview: pushed, not polled, and mended when the gateway comes back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ollama.rig import Ollama
from tests.pages.conftest import NewWindow, forgive, furnish
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.served import served


def tile(page: Page, label: str) -> Locator:
    return page.locator("dl > div").filter(has=page.locator("dt", has_text=label)).first


def today(page: Page) -> int:
    """Requests of today, as the tile has them."""
    shown = tile(page, "Requests per second")
    expect(shown).to_contain_text(re.compile(r"\d today"))
    found = re.search(r"([\d,]+) today", shown.inner_text())
    assert found
    return int(found[1].replace(",", ""))


def test_numbers_move_without_a_reload(visitor: Visitor, admin: Visitor) -> None:
    admin.arrive("/admin")
    page = admin.page
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    page.evaluate("window.same = true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    before = today(page)
    for _ in range(3):
        visitor.call()
    visitor.bill("5.00")  # among so many visitors, the first of today are those who pay most
    expect(tile(page, "Requests per second")).to_contain_text(f"{before + 3:,} today")
    expect(tile(page, "Requests per second").locator("dd")).not_to_contain_text(re.compile("^0 /s"))
    expect(page.get_by_role("table", name="Top users")).to_contain_text(visitor.user_id)
    expect(page.get_by_role("table", name="Top models")).to_contain_text("tiny:latest")
    assert page.evaluate("window.same") is True
    # Pushed: nothing was asked for, but for what was used in the chosen period, which is read again when something was.
    assert [url for url in asked if not re.search(r"/admin/(usage/summary|users)\?", url)] == []


def test_all_below_the_live_strip_follows_the_period(visitor: Visitor, admin: Visitor) -> None:
    visitor.call()
    visitor.bill("6.00")
    admin.arrive("/admin?period=today")
    page = admin.page
    expect(page.get_by_role("table", name="Top users")).to_contain_text(visitor.user_id)
    expect(page.get_by_role("heading", name=re.compile("^Cost by hour"))).to_be_visible()
    page.goto(f"{admin.gateway.url}/ui/admin?period=custom&from=2026-01-01&to=2026-01-31")
    expect(page.get_by_text("Nobody has sent a request in this time.")).to_be_visible()
    expect(page.get_by_text("No model was used in this time.")).to_be_visible()
    expect(page.get_by_text("Nothing was used in this time.").first).to_be_visible()
    page.get_by_role("radiogroup", name="Period").get_by_text("7 days").click()
    expect(page.get_by_role("table", name="Top users")).to_contain_text(visitor.user_id)
    expect(page.get_by_role("heading", name=re.compile("^Cost by day"))).to_be_visible()
    usage = page.get_by_role("link", name=f"Usage of {visitor.user_id}")
    leads = rf"/admin/usage\?group_by=model&user={visitor.user_id}&period=custom&from=[^&]+&to=[^&]+$"
    expect(usage).to_have_attribute("href", re.compile(leads))


def test_users_are_listed_with_the_figures_of_a_period(visitor: Visitor, admin: Visitor) -> None:
    visitor.call()
    admin.arrive(f"/admin/users?q={visitor.user_id}&period=7d")
    row = admin.page.get_by_role("row").filter(has_text=visitor.user_id)
    expect(row).to_contain_text(re.compile(r"<\$0\.01|\$0\.0*[1-9]"))
    expect(admin.page.get_by_role("columnheader", name="Spend 7 days")).to_be_visible()
    admin.open(f"/admin/users?q={visitor.user_id}&period=custom&from=2026-01-01&to=2026-01-31")
    expect(row).not_to_contain_text(re.compile(r"\$0\.0*[1-9]"))


def test_the_users_table_moves_too(visitor: Visitor, admin: Visitor) -> None:
    admin.arrive(f"/admin/users?q={visitor.user_id}")
    row = admin.page.get_by_role("row").filter(has_text=visitor.user_id)
    expect(row).to_contain_text("never")
    admin.page.evaluate("window.same = true")
    admin.page.mouse.move(0, 0)
    visitor.call()
    expect(row).to_contain_text(re.compile(r"<\$0\.01|\$0\.0*[1-9]"))
    expect(row).not_to_contain_text("never")
    assert admin.page.evaluate("window.same") is True


def test_the_feed_mends_when_the_gateway_comes_back(
    ollama: Ollama, window: NewWindow, faults: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("mending")
    with served(folder, ollama.url) as gateway:
        furnish(gateway)
        key = gateway.admin("POST", "/admin/users", {"user_id": "alice", "password": PASSWORD})["api_key"]
        page = window(at=gateway.url)
        admin = Visitor(gateway, page, ADMIN, key, ADMIN_PASSWORD)
        admin.arrive("/admin")
        state = page.get_by_role("status").filter(has_text=re.compile("Live|Connection lost"))
        expect(state).to_contain_text("Live")
        admin.call()
        expect(tile(page, "Requests per second")).to_contain_text("1 today")
        gateway.kill()
        gateway.exit_code()
        expect(state).to_contain_text("Connection lost")
        # The figures of before stay, and say of when they are.
        expect(tile(page, "Requests per second")).to_contain_text("1 today")
        port = gateway.port
    with served(folder, ollama.url, port=port) as again:
        assert again.url == admin.gateway.url
        again.ask(key, "POST", "/v1/chat/completions", {"model": "tiny", "messages": [{"role": "user", "content": ""}]})
        expect(state).to_contain_text("Live")
        expect(tile(page, "Requests per second")).to_contain_text("2 today")
        admin.is_at("/admin")
        page.close()
    forgive(faults, "ERR_")
