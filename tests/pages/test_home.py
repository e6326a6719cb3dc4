"""Home: pushed, not polled, each figure the same wherever it stands."""

from __future__ import annotations

import re

import httpx2 as httpx
from playwright.sync_api import Locator, Page, expect

from tests.pages.conftest import forgive
from tests.pages.test_overview import tile
from tests.pages.visitor import Visitor


def meter(page: Page, name: str) -> Locator:
    return page.get_by_role("meter", name=re.compile(f"^{name}"))


def tokens_on(page: Page) -> tuple[int, int]:
    """Input and output of the tiles together, and what the meter says is used."""
    tiles = [tile(page, label).locator("dd > span").first.inner_text() for label in ("Input", "Output")]
    return sum(int(re.sub(r"\D", "", text)) for text in tiles), used_on(page)


def used_on(page: Page) -> int:
    used = re.search(r": ([\d,]+) tokens used", meter(page, "Tokens per month").get_attribute("aria-label") or "")
    assert used
    return int(used[1].replace(",", ""))


def test_numbers_move_while_a_request_runs_and_when_it_has_ended(visitor: Visitor) -> None:
    visitor.limit(tokens_per_month=100_000)
    visitor.call()
    visitor.arrive("/home")
    page = visitor.page
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    expect(tile(page, "Requests").locator("dd")).to_contain_text("1")
    expect(tile(page, "In flight").locator("dd")).to_contain_text(re.compile("^0"))
    expect(page.get_by_role("heading", name=re.compile("^Tokens by day"))).to_be_visible()
    page.evaluate("window.same = true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    ask = {"model": "tiny-loop", "messages": [{"role": "user", "content": "Tell me everything"}], "stream": True}
    headers = {"authorization": f"Bearer {visitor.key}"}
    url = f"{visitor.gateway.url}/v1/chat/completions"
    with httpx.stream("POST", url, headers=headers, json=ask, timeout=60, verify=False) as running:
        parts = running.iter_raw()
        next(parts)
        expect(tile(page, "In flight").locator("dd")).to_contain_text(re.compile("^1"))
        expect(meter(page, "Tokens per month")).to_have_attribute(
            "aria-label", re.compile(r"used, [1-9][\d,]* tokens reserved")
        )
    expect(tile(page, "Requests").locator("dd")).to_contain_text("2")
    expect(tile(page, "In flight").locator("dd")).to_contain_text(re.compile("^0"))
    records = visitor.records(2)
    assert used_on(page) == sum(one["prompt_tokens"] + one["completion_tokens"] for one in records)
    # The charts follow: they are read again, once, after the figures have changed.
    expect(page.locator("th", has_text="tiny-loop:latest").first).to_be_attached()
    assert page.evaluate("window.same") is True
    assert [url for url in asked if not re.search(r"/usage/summary|/me/alerts|/end-users", url)] == []
    assert len([url for url in asked if "/v1/usage/summary" in url]) <= 6


def test_a_user_who_is_suspended_sees_no_more(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/home")
    page = visitor.page
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"status": "suspended"})
    expect(page.get_by_text(re.compile("suspended")).first).to_be_visible()
    expect(page.get_by_role("heading", name="Home")).to_have_count(0)
    forgive(faults, "status of 403")


def test_an_admin_sees_the_same_figures_of_a_user(visitor: Visitor, admin: Visitor) -> None:
    visitor.limit(tokens_per_month=100_000)
    admin.arrive(f"/admin/users/{visitor.user_id}")
    page = admin.page
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    expect(tile(page, "Requests").locator("dd")).to_contain_text(re.compile("^0"))
    page.evaluate("window.same = true")
    visitor.call()
    expect(tile(page, "Requests").locator("dd")).to_contain_text(re.compile("^1"))
    shown, used = tokens_on(page)
    assert shown == used > 0
    assert page.evaluate("window.same") is True
