"""Keys: shown once when they are made, and dead when they should be."""

from __future__ import annotations

import re

import httpx2 as httpx
from playwright.sync_api import Locator, expect

from tests.pages.visitor import Visitor


def status(visitor: Visitor, key: str) -> int:
    """What a request with this key is answered."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx.get(f"{visitor.gateway.url}/v1/models", headers=headers, verify=False).status_code


def taken(visitor: Visitor, dialog: Locator) -> str:
    """The key that a dialog shows, which then shows it no more."""
    expect(dialog).to_contain_text("This is the only time it is shown.")
    key = dialog.locator("code").first.inner_text()
    visitor.page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="I have kept it").click()
    expect(dialog).to_be_hidden()
    assert key not in visitor.page.content()
    visitor.page.reload()
    expect(visitor.page.get_by_role("table", name="Keys")).to_be_visible()
    assert key not in visitor.page.content()
    return key


def test_make_rotate_and_revoke(visitor: Visitor) -> None:
    visitor.arrive("/keys")
    page = visitor.page
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_role("button", name="Make the key").click()
    first = taken(visitor, page.get_by_role("dialog", name="Your new key"))
    assert status(visitor, first) == 200

    page.get_by_role("button", name="Rotate “laptop”").or_(page.get_by_role("button", name="Rotate laptop")).click()
    page.get_by_label("The old key stops").select_option("at once")
    expect(page.get_by_role("dialog").get_by_role("note")).to_contain_text("is refused from then on")
    page.get_by_role("button", name="Rotate", exact=True).click()
    second = taken(visitor, page.get_by_role("dialog", name="The key that takes its place"))
    assert (status(visitor, first), status(visitor, second)) == (401, 200)

    page.get_by_role("button", name="Revoke “laptop”").or_(page.get_by_role("button", name="Revoke laptop")).click()
    expect(page.get_by_role("dialog")).to_contain_text("This cannot be taken back.")
    page.get_by_role("button", name="Revoke the key").click()
    expect(visitor.notices).to_contain_text("is revoked.")
    assert status(visitor, second) == 401
    assert status(visitor, visitor.key) == 200
    page.get_by_role("button", name="Show 2 keys that have ended").click()
    expect(page.get_by_role("row").filter(has_text="revoked")).to_have_count(2)


def test_a_rotated_key_may_work_on_for_a_while(visitor: Visitor) -> None:
    visitor.arrive("/keys")
    page = visitor.page
    page.get_by_role("row").last.get_by_role("button", name="Rotate").click()
    page.get_by_label("The old key stops").select_option("in an hour")
    page.get_by_role("button", name="Rotate", exact=True).click()
    fresh = taken(visitor, page.get_by_role("dialog", name="The key that takes its place"))
    assert (status(visitor, visitor.key), status(visitor, fresh)) == (200, 200)
    expect(page.get_by_role("row").filter(has_text=re.compile(r"in (59 min|1 hr)"))).to_have_count(1)


def test_the_last_key_is_not_revoked_without_a_warning(visitor: Visitor, admin: Visitor) -> None:
    admin.arrive(f"/admin/users/{visitor.user_id}")
    page = admin.page
    page.get_by_role("table", name="Keys").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("dialog").get_by_role("note")).to_contain_text(
        f"It is {visitor.user_id}’s only key that works"
    )
    page.get_by_role("button", name="Revoke the key").click()
    expect(admin.notices).to_contain_text("is revoked.")
    assert status(visitor, visitor.key) == 401
