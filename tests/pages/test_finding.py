"""Finding: the jump box by keys alone, and calls by order, time and page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.pages.test_every_page import settle, too_wide, violations
from tests.pages.visitor import Visitor


def jump(page: Page) -> Locator:
    """Open the jump box by its key."""
    page.keyboard.press("Control+K")
    box = page.get_by_role("combobox", name="Jump to")
    expect(box).to_be_focused()
    return box


def test_an_admin_jumps_to_everything_by_keys(visitor: Visitor, admin: Visitor) -> None:
    gateway = visitor.gateway
    visitor.call()
    (record,) = visitor.records(1)
    [key] = gateway.admin("GET", f"/admin/users/{visitor.user_id}/keys")["data"]
    team = f"team-{visitor.user_id}"
    gateway.admin("POST", "/admin/teams", {"team_id": team})
    [upstream, *_] = gateway.admin("GET", "/admin/upstreams")["data"]
    admin.arrive("/admin")
    page, keys = admin.page, admin.page.keyboard
    for typed, path in (
        (visitor.user_id, f"/admin/users/{visitor.user_id}"),
        (team, f"/admin/teams/{team}"),
        (record["request_id"], f"/admin/calls/{record['request_id']}"),
        (visitor.key, f"/admin/users/{visitor.user_id}"),
        (upstream["id"], f"/admin/upstreams/{upstream['id']}"),
        ("Webh", "/admin/webhooks"),
    ):
        jump(page)
        keys.insert_text(typed)
        if typed == upstream["id"]:  # keys are called so, too: the upstream is the last of what is found
            expect(page.get_by_role("group", name="Upstreams").get_by_role("option")).to_be_visible()
            keys.press("ArrowUp")
        keys.press("Enter")
        admin.is_at(path)
        expect(page.get_by_role("combobox", name="Jump to")).to_be_hidden()
        if typed == visitor.key:
            expect(page).to_have_url(re.compile(rf"key={key['id']}"))
            expect(page.get_by_role("table", name="Keys").locator("tr[data-selected=true]")).to_contain_text(
                key["prefix"]
            )
        keys.press("Escape")


def test_the_box_gives_the_focus_back_and_is_in_the_rail(visitor: Visitor) -> None:
    visitor.arrive("/keys")
    page, keys = visitor.page, visitor.page.keyboard
    opener = page.get_by_role("button", name="Jump to")
    opener.focus()
    keys.press("Enter")
    box = page.get_by_role("combobox", name="Jump to")
    expect(box).to_be_focused()
    keys.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_have_text("Usage")
    keys.press("Escape")
    expect(box).to_be_hidden()
    expect(opener).to_be_focused()
    jump(page)
    keys.insert_text("cal")
    keys.press("Enter")
    visitor.is_at("/calls")


def test_calls_are_sorted_and_found_and_the_link_says_so(visitor: Visitor) -> None:
    for tokens in (2, 8, 5):
        visitor.call(max_tokens=tokens)
    records = visitor.records(3)
    visitor.arrive("/calls")
    page = visitor.page
    rows = page.get_by_role("table", name="Calls").locator("tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Cost").click()
    expect(page).to_have_url(re.compile("order_by=-cost_usd"))
    expect(page.get_by_text("3 of 3 calls, dearest first")).to_be_visible()
    dearest = max(records, key=lambda record: (float(record["cost_usd"]), record["request_id"]))
    expect(rows.first.get_by_role("link")).to_have_attribute("href", re.compile(dearest["request_id"]))
    rows.first.click()
    expect(page.get_by_role("dialog", name="Call")).to_contain_text(dearest["request_id"])
    page.keyboard.press("j")
    expect(page.get_by_role("dialog", name="Call")).not_to_contain_text(dearest["request_id"])
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(dearest["request_id"]))
    page.keyboard.press("Escape")
    page.get_by_label("Request", exact=True).fill(records[2]["request_id"])
    page.keyboard.press("Enter")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)


def test_pages_of_calls_are_turned_both_ways_and_minutes_are_in_the_link(visitor: Visitor) -> None:
    for number in range(52):
        visitor.gateway.admin(
            "POST", "/admin/adjustments", {"user_id": visitor.user_id, "cost_usd": "0.01", "reason": str(number)}
        )
    visitor.arrive("/calls")
    page = visitor.page
    rows = page.get_by_role("table", name="Calls").locator("tbody tr")
    expect(rows).to_have_count(50)
    turn = page.get_by_role("navigation", name="Pages of the table")
    expect(turn.get_by_role("button", name="Previous page")).to_be_disabled()
    turn.get_by_role("button", name="Next page").click()
    expect(rows).to_have_count(2)
    turn.get_by_role("button", name="Previous page").click()
    expect(rows).to_have_count(50)
    expect(page).to_have_url(re.compile("before="))
    page.get_by_text("Custom", exact=True).click()
    page.get_by_label("Starting at").fill("00:00")
    page.get_by_label("Ending at").fill("00:01")
    page.get_by_label("From").fill("2025-01-01")
    page.get_by_role("textbox", name=re.compile("^To")).fill("2025-01-01")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No calls in this time")).to_be_visible()
    expect(page).to_have_url(re.compile("to=2025-01-01T00%3A01"))


@pytest.mark.parametrize("role", ["user", "admin"])
def test_the_box_fits_a_telephone_and_everyone_can_use_it(visitor: Visitor, admin: Visitor, role: str) -> None:
    person, path = (visitor, "/keys") if role == "user" else (admin, "/admin/audit")
    person.page.set_viewport_size({"width": 360, "height": 740})
    person.arrive(path)
    person.page.get_by_role("button", name="Jump to").click()
    expect(person.page.get_by_role("combobox", name="Jump to")).to_be_focused()
    settle(person.page)
    assert too_wide(person.page) is None
    assert violations(person.page) == []


def test_the_audit_log_is_filtered_by_whom_what_and_of_whom_and_sign_ins_are_apart(
    visitor: Visitor, admin: Visitor
) -> None:
    visitor.arrive("/keys")  # signs in
    visitor.limit(requests_per_day=5)
    admin.arrive("/admin/audit?period=today")
    page = admin.page
    rows = page.get_by_role("table", name="Audit log").get_by_role("row").filter(has_text=visitor.user_id)
    changed = rows.filter(has_text="Changed a user’s limits")
    signed_in = rows.filter(has_text="Signed in")
    expect(changed).to_have_count(1)
    expect(signed_in).to_have_count(0)
    page.get_by_role("searchbox", name=re.compile("^Who")).fill(visitor.user_id)
    expect(page.get_by_text("No entry matches")).to_be_visible()
    page.get_by_role("switch", name="Sign-ins too").click()
    expect(signed_in).to_have_count(1)
    expect(changed).to_have_count(0)
    # Whom it was done to, and what was done.
    page.get_by_role("searchbox", name=re.compile("^Who")).fill("")
    page.get_by_role("searchbox", name=re.compile("^Of")).fill(visitor.user_id)
    expect(changed).to_have_count(1)
    admin.choose("Action", "Changed a user’s limits")
    expect(signed_in).to_have_count(0)
    expect(changed).to_have_count(1)
    # The link shows what its sender saw.
    page.reload()
    expect(changed).to_have_count(1)
    expect(rows).to_have_count(1)
