"""The people whom a user's keys act for: what was used for each, and what an admin does with them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.pages.test_users import asked
from tests.pages.visitor import Visitor

PERSON = "x-tollkeeper-user"


@pytest.fixture
def app(visitor: Visitor) -> Visitor:
    """A visitor whose key acts for others; the admin made it."""
    made = visitor.gateway.admin("POST", f"/admin/users/{visitor.user_id}/keys", {"name": "app", "acts_for": "users"})
    visitor.key = made["api_key"]
    return visitor


def people(gateway: Any, user_id: str) -> dict[str, str]:
    """Ids of a user's end users, by what the app calls them."""
    found = gateway.admin("GET", f"/admin/users/{user_id}/end-users")["data"]
    return {each["value"]: each["id"] for each in found}


def rows(page: Page, table: str) -> list[str]:
    return page.get_by_role("table", name=table).locator("tbody tr").all_inner_texts()


def test_use_is_summed_by_person_and_leads_to_their_calls(app: Visitor, admin: Visitor) -> None:
    for person in ("mia@school.example", "noah@school.example", "mia@school.example"):
        assert asked(app, **{PERSON: person}).status_code == 200
    app.call()  # for nobody but the app itself
    admin.arrive(f"/admin/users/{app.user_id}")
    page = admin.page
    table = page.get_by_role("table", name="Use by person")
    expect(table.get_by_role("link", name="noah@school.example")).to_be_visible()
    sums = [text.split() for text in rows(page, "Use by person")]
    assert sums[0][0] == "mia@school.example", "whoever costs most comes first"
    assert sums[0][2] == "2"
    assert {" ".join(words[:2]) for words in sums} >= {"nobody named"}
    table.get_by_role("link", name="mia@school.example").click()
    admin.is_at("/admin/calls")
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(2)
    # The address has the id; what is read is what the app calls the person.
    expect(page.get_by_text("mia@school.example", exact=True)).to_be_visible()
    assert people(admin.gateway, app.user_id)["mia@school.example"] in page.url


def test_the_owner_sees_it_too_once_somebody_was_named(app: Visitor) -> None:
    app.arrive("/home")
    app.call()
    app.open("/home")
    expect(app.page.get_by_role("heading", name="Cost by day (UTC) and model")).to_be_visible()
    expect(app.page.get_by_role("heading", name="Use by person")).to_have_count(0)
    assert asked(app, **{PERSON: "mia@school.example"}).status_code == 200
    app.open("/home")
    app.page.get_by_role("table", name="Use by person").get_by_role("link", name="mia@school.example").click()
    app.is_at("/calls")
    expect(app.page.get_by_role("table", name="Calls").locator("tbody tr")).to_have_count(1)


def test_one_is_limited_blocked_and_erased(app: Visitor, admin: Visitor) -> None:
    mia, noah = "mia@school.example", "noah@school.example"
    for person in (mia, noah):
        assert asked(app, **{PERSON: person}).status_code == 200
    admin.arrive(f"/admin/users/{app.user_id}")
    page = admin.page
    page.get_by_role("button", name=f"Limits of {mia}").click()
    page.get_by_role("dialog").get_by_label("Requests per day").first.fill("1")
    page.get_by_role("button", name="Save limits").click()
    expect(admin.notices).to_contain_text(f"The limits of {mia} are in force")
    refused = asked(app, **{PERSON: mia})
    assert refused.status_code == 429
    assert "of this end user (1)" in refused.json()["error"]["message"]
    page.get_by_role("button", name=f"Block {noah}").click()
    expect(admin.notices).to_contain_text(f"{noah} is blocked")
    assert asked(app, **{PERSON: noah}).status_code == 403

    was = people(admin.gateway, app.user_id)[mia]
    page.get_by_role("button", name=f"Erase {mia}").click()
    dialog = page.get_by_role("dialog", name=f"Erase {mia}")
    expect(dialog).to_contain_text(f"Their calls stay, as those of {was}.")
    expect(dialog).to_contain_text("This cannot be undone.")
    dialog.get_by_role("button", name="Erase for good").click()
    expect(admin.notices).to_contain_text(f"Nothing says any more who {was} is.")
    expect(page.get_by_role("table", name="People behind the keys")).not_to_contain_text(mia)
    page.reload()
    expect(page.get_by_role("table", name="Use by person").get_by_role("link", name=was)).to_be_visible()
    assert mia not in page.content()
    # Named again, they are somebody new, without the limits that were erased.
    assert asked(app, **{PERSON: mia}).status_code == 200
    assert people(admin.gateway, app.user_id)[mia] != was


@pytest.mark.parametrize("by_admin", [True, False])
def test_the_explorer_calls_people_as_their_app_does(app: Visitor, admin: Visitor, by_admin: bool) -> None:
    for person in ("mia@school.example", "noah@school.example", "mia@school.example"):
        assert asked(app, **{PERSON: person}).status_code == 200
    known = people(app.gateway, app.user_id)
    someone, path = (admin, f"/admin/usage?user={app.user_id}&") if by_admin else (app, "/usage?")
    someone.arrive(f"{path}group_by=end_user")
    page = someone.page
    groups = page.get_by_role("table", name="Usage by group")
    expect(groups.locator("tbody td:first-child")).to_have_text(["mia@school.example", "noah@school.example"])
    legend = page.get_by_role("region", name="Cost by day (UTC) and person").get_by_role("listitem")
    expect(legend).to_have_text(["mia@school.example", "noah@school.example"])
    groups.get_by_role("link", name="mia@school.example").click()
    expect(page.get_by_role("group", name="Filters")).to_contain_text("Personmia@school.example")
    assert known["mia@school.example"] in page.url
    # One is filtered by what they are called, too.
    page.get_by_role("button", name="Any person").click()
    page.get_by_role("button", name="Filter", exact=True).click()
    someone.choose("Filter by", "Person")
    page.get_by_role("combobox", name="Value").fill("noah")
    page.get_by_role("option", name="noah@school.example").click()
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("group", name="Filters")).to_contain_text("Personnoah@school.example")
    assert known["noah@school.example"] in page.url
