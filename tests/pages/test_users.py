"""The users' pages of an admin: what is changed there is in force at once."""

from __future__ import annotations

import re

import httpx2 as httpx
import pytest
from playwright.sync_api import Locator, expect

from tests.pages.conftest import NewWindow, forgive
from tests.pages.test_chat import ask
from tests.pages.visitor import Visitor


def row_of(admin: Visitor, user: Visitor) -> Locator:
    """In the open table of users."""
    return admin.page.get_by_role("row").filter(has=admin.page.get_by_role("link", name=user.user_id, exact=True))


def open_users(admin: Visitor, user: Visitor) -> Locator:
    admin.arrive(f"/admin/users?q={user.user_id}")
    row = row_of(admin, user)
    expect(row).to_be_visible()
    return row


def asked(user: Visitor, **more: str) -> httpx.Response:
    """A request with the user's key; `more` are headers."""
    ask = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
    headers = {"authorization": f"Bearer {user.key}", **more}
    url = f"{user.gateway.url}/v1/chat/completions"
    return httpx.post(url, json=ask, headers=headers, timeout=60, verify=False)


def test_a_limit_changed_in_the_table_refuses_the_next_request(visitor: Visitor, admin: Visitor) -> None:
    assert asked(visitor).status_code == 200
    row = open_users(admin, visitor)
    row.hover()
    row.get_by_role("button", name=f"Set limits of {visitor.user_id}").click()
    editor = admin.page.get_by_role("form", name=f"Limits of {visitor.user_id}")
    editor.get_by_label("Requests per minute").fill("1")
    editor.get_by_role("button", name="Save").click()
    expect(admin.notices).to_contain_text(f"{visitor.user_id}, requests per minute: 1. In force at the next request.")
    expect(row).to_contain_text("100 %")
    refused = asked(visitor)
    assert refused.status_code == 429
    assert "requests_per_minute" in refused.json()["error"]["message"]
    admin.notices.get_by_role("button", name="Undo").click()
    expect(admin.notices).to_contain_text(f"Limits of {visitor.user_id} are as before.")
    expect(row).to_contain_text("no limits")
    assert asked(visitor).status_code == 200


def test_what_is_no_number_is_said_at_its_field(visitor: Visitor, admin: Visitor) -> None:
    row = open_users(admin, visitor)
    row.hover()
    row.get_by_role("button", name=f"Set limits of {visitor.user_id}").click()
    editor = admin.page.get_by_role("form", name=f"Limits of {visitor.user_id}")
    editor.get_by_label("Tokens per day").fill("many")
    expect(editor).to_contain_text("A whole number, like 1000; empty is no limit.")
    expect(editor.get_by_role("button", name="Save")).to_be_disabled()


def test_the_pencil_edits_the_limit_beside_it(visitor: Visitor, admin: Visitor) -> None:
    visitor.limit(requests_per_day=1000, tokens_per_month=50_000_000)
    assert asked(visitor).status_code == 200
    row = open_users(admin, visitor)
    row.hover()
    row.get_by_role("button", name=f"Edit the limit of {visitor.user_id}: Requests per day").click()
    editor = admin.page.get_by_role("form", name=f"Limits of {visitor.user_id}")
    expect(editor.get_by_role("textbox")).to_have_count(1)
    editor.get_by_label("Requests per day").fill("2")
    editor.get_by_role("button", name="Save").click()
    expect(admin.notices).to_contain_text(f"{visitor.user_id}, requests per day: 2. In force at the next request.")
    expect(row).to_contain_text("50 %")


@pytest.mark.parametrize("width", [360, 1440])
def test_selected_users_are_suspended_after_a_preview_and_it_is_undone(
    visitor: Visitor, admin: Visitor, width: int
) -> None:
    admin.page.set_viewport_size({"width": width, "height": 900})
    row = open_users(admin, visitor)
    row.get_by_role("checkbox", name=f"Select {visitor.user_id}").check()
    bar = admin.page.get_by_role("group", name="Selected users")
    expect(bar).to_contain_text("1 user selected")
    assert admin.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bar.get_by_role("button", name="Suspend").click()
    dialog = admin.page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 user is suspended.")
    expect(row).to_contain_text("active")
    dialog.get_by_role("button", name="Change 1 user").click()
    expect(row).to_contain_text("suspended")
    assert asked(visitor).status_code == 403
    admin.notices.get_by_role("button", name="Undo").click()
    expect(admin.notices).to_contain_text("1 user is as before.")
    assert asked(visitor).status_code == 200


def test_suspending_in_mid_answer_cuts_it_and_it_is_paid_and_undone(
    visitor: Visitor, admin: Visitor, faults: list[str]
) -> None:
    row = open_users(admin, visitor)
    row.hover()
    visitor.arrive("/chat")
    answer = ask(visitor.page, "Tell me everything", "tiny-loop:latest")
    expect(answer).to_contain_text("Hello, this is a tiny model")
    expect(visitor.page.get_by_role("button", name="Stop")).to_be_visible()
    row.get_by_role("button", name=f"Suspend {visitor.user_id}").click()
    expect(answer).to_contain_text("Your access was ended")
    expect(row).to_contain_text("suspended")
    expect(admin.notices).to_contain_text(f"{visitor.user_id} is suspended. What ran for them was stopped")
    (record,) = visitor.records(1)
    assert record["status"] == "cancelled"
    assert record["completion_tokens"] > 0
    assert float(record["cost_usd"]) > 0
    expect(answer).to_contain_text("Hello, this is a tiny model")
    assert asked(visitor).status_code == 403
    admin.notices.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("active")
    expect(admin.notices).to_contain_text(f"{visitor.user_id} is active.")
    assert asked(visitor).status_code == 200
    faults[:] = [fault for fault in faults if "status of 403" not in fault and "status of 401" not in fault]


def test_a_new_users_key_is_shown_once(admin: Visitor, window: NewWindow) -> None:
    admin.arrive("/admin/users?q=nadia")  # there are more users than one page shows
    page = admin.page
    page.get_by_role("button", name="New user", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User id").fill("nadia")
    dialog.get_by_label("Name", exact=True).fill("Nadia K.")
    dialog.get_by_label("Password", exact=True).fill("opensesame-5")
    dialog.get_by_role("button", name="Make the user").click()
    shown = page.get_by_role("dialog", name="nadia was created")
    key = shown.locator("code").first.inner_text()
    assert re.fullmatch(r"sk-\S{20,}", key)
    nadia = Visitor(admin.gateway, window(), "nadia", key, "opensesame-5")
    assert asked(nadia).status_code == 200
    shown.get_by_role("button", name="Done").click()
    expect(shown).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text="Nadia K.")).to_contain_text("nadia")
    admin.open("/admin/users/nadia")
    expect(page.get_by_role("heading", name="Nadia K.", level=1)).to_be_visible()
    expect(page.get_by_role("table", name="Keys")).to_contain_text("active")
    assert key not in page.content()
    nadia.sign_in()
    nadia.is_at("/home")


def test_a_name_that_is_taken_is_said_at_its_field(admin: Visitor, visitor: Visitor, faults: list[str]) -> None:
    admin.arrive("/admin/users?new=1")
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("User id").fill(visitor.user_id)
    dialog.get_by_role("button", name="Make the user").click()
    expect(dialog.get_by_label("User id")).to_have_attribute("aria-invalid", "true")
    expect(dialog).to_contain_text(visitor.user_id)
    forgive(faults, "status of 409")


def test_closing_an_account_names_what_stops(visitor: Visitor, admin: Visitor) -> None:
    admin.arrive(f"/admin/users/{visitor.user_id}")
    page = admin.page
    page.get_by_role("button", name=f"More to do with {visitor.user_id}").click()
    page.get_by_role("menuitem", name="Close the account").click()
    dialog = page.get_by_role("dialog", name=f"Close the account of {visitor.user_id}?")
    expect(dialog).to_contain_text(f"The one key of {visitor.user_id} stops working at once")
    dialog.get_by_role("button", name=f"Close {visitor.user_id} for good").click()
    expect(admin.notices).to_contain_text(f"{visitor.user_id} is closed.")
    assert asked(visitor).status_code == 401


def test_sort_and_search_are_in_the_link(visitor: Visitor, admin: Visitor) -> None:
    visitor.call()
    admin.arrive("/admin/users")
    page = admin.page
    page.get_by_role("button", name="User", exact=True).click()
    expect(page.get_by_role("columnheader", name="User", exact=True)).to_have_attribute("aria-sort", "ascending")
    page.get_by_label("Search users by id or name").fill(visitor.user_id)
    admin.choose("Status", "Active")
    expect(page.get_by_role("row").filter(has_text="visitor-")).to_have_count(1)
    link = page.url
    page.reload()
    expect(page.get_by_role("columnheader", name="User", exact=True)).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_label("Search users by id or name")).to_have_value(visitor.user_id)
    expect(page.get_by_role("row").filter(has_text="visitor-")).to_have_count(1)
    assert page.url == link
    admin.choose("Status", "Suspended")
    expect(page.get_by_text("No user matches")).to_be_visible()


def test_whoever_is_forgotten_leaves_their_sums_and_nothing_else(
    visitor: Visitor, admin: Visitor, faults: list[str]
) -> None:
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"name": "Vera Visitor"})
    visitor.call()
    was = visitor.user_id
    admin.arrive(f"/admin/users/{was}")
    page = admin.page
    page.get_by_role("button", name=f"More to do with {was}").click()
    page.get_by_role("menuitem", name="Close the account").click()
    dialog = page.get_by_role("dialog", name=f"Close the account of {was}?")
    expect(dialog).to_contain_text("Their records stay, and so does the id")
    dialog.get_by_label("Forget the person, too").check()
    for said in (
        "Their id, name, keys, sessions and the metadata of their requests are deleted",
        "Records and sums stay, under an id that tells nothing. Invoices stay as they were issued.",
        "Backups and logs keep what they have.",
        "This cannot be undone.",
    ):
        expect(dialog).to_contain_text(said)
    dialog.get_by_role("button", name=f"Forget {was} for good").click()
    expect(admin.notices).to_contain_text("The person is forgotten. Their records are those of u_")
    expect(page).to_have_url(re.compile(r"/admin/users/u_[0-9a-f]{24}$"))
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(1)
    expect(page.get_by_text("closed", exact=True)).to_be_visible()
    page.get_by_role("button", name="More to do with").click()
    expect(page.get_by_role("menuitem")).to_have_text(["Correction or refund"])
    page.reload()
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(1)
    for gone in (was, "Vera Visitor"):
        assert gone not in page.content()
    assert asked(visitor).status_code == 401
    admin.open(f"/admin/users/{was}")
    expect(page.get_by_role("heading", name="No such user", level=1)).to_be_visible()
    forgive(faults, "status of 404")


def test_an_address_set_on_the_page_stands_on_the_draft(visitor: Visitor, admin: Visitor) -> None:
    visitor.bill("1")
    admin.arrive(f"/admin/users/{visitor.user_id}")
    page = admin.page
    page.get_by_role("button", name=f"More to do with {visitor.user_id}").click()
    page.get_by_role("menuitem", name="Address, tax id, e-mail").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Address").fill("12 River Lane\nOxford")
    dialog.get_by_label("Tax id").fill("GB 123")
    dialog.get_by_label("E-mail").fill("vera@example.com")
    dialog.get_by_role("button", name="Save").click()
    expect(admin.notices).to_contain_text("Invoices that are issued stay as they are.")
    expect(dialog).to_be_hidden()
    page.get_by_role("table", name="Invoices").get_by_role("link", name=re.compile("^Draft for")).click()
    paper = page.get_by_role("article")
    expect(paper).to_contain_text("12 River Lane")
    expect(paper).to_contain_text("Tax id: GB 123")
