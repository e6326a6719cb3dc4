"""Many tabs, and what happens in one of them that the others must learn."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from playwright.sync_api import expect

from tests.pages.conftest import forgive, watch
from tests.pages.visitor import Visitor

TABS = 8
"""More than a browser opens connections to one host."""


def test_eight_tabs_are_all_alive(visitor: Visitor, admin: Visitor, faults: list[str]) -> None:
    admin.arrive("/admin")
    pages = [admin.page]
    for _ in range(TABS - 1):
        page = admin.page.context.new_page()
        watch(page, admin.gateway.url, faults)
        page.goto(f"{admin.gateway.url}/ui/admin")
        pages.append(page)
    for page in pages:
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    visitor.bill("9.00")  # among so many visitors, the first of today are those who pay most
    visitor.call()
    for page in pages:
        expect(page.get_by_role("table", name="Top users")).to_contain_text(visitor.user_id)
    # Who holds the stream goes; the others do not lose it.
    pages.pop(0).close()
    visitor.call()
    for page in pages:
        page.get_by_role("link", name="Users", exact=True).click()
        expect(page.get_by_role("heading", name="Users", level=1)).to_be_visible()
    for page in pages:
        page.close()


def test_a_session_that_ends_elsewhere_leads_to_the_sign_in_page(admin: Visitor, faults: list[str]) -> None:
    admin.arrive("/admin?period=7d")
    expect(admin.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    # As another tab would do it; this one is told by nobody.
    admin.page.evaluate("""async () => {
        const {csrf_token} = await (await fetch('/auth/session')).json();
        await fetch('/auth/logout', {method: 'POST', headers: {'x-csrf-token': csrf_token}});
    }""")
    expect(admin.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert f"next={quote('/admin?period=7d', safe='')}" in admin.page.url
    forgive(faults, "status of 401")


def test_the_suspended_learn_it_and_may_sign_out(visitor: Visitor, faults: list[str]) -> None:
    visitor.arrive("/home")
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"status": "suspended"})
    visitor.page.reload()
    page = visitor.page
    expect(page.get_by_role("heading", name="Your account is suspended", level=1)).to_be_visible()
    expect(visitor.rail).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert page.context.cookies() == []
    # Whoever comes back to it after the suspension is not signed in.
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"status": "active"})
    page.goto(f"{visitor.gateway.url}/ui/home")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    faults[:] = [fault for fault in faults if "status of 403" not in fault]


def test_a_suspension_that_ended_lets_one_on(visitor: Visitor) -> None:
    visitor.arrive("/home")
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"status": "suspended"})
    visitor.page.reload()
    again = visitor.page.get_by_role("button", name="Look again")
    expect(again).to_be_visible()
    visitor.gateway.admin("PATCH", f"/admin/users/{visitor.user_id}", {"status": "active"})
    again.click()
    expect(visitor.page.get_by_role("heading", name="Home", level=1)).to_be_visible()


def test_a_page_that_is_not_there_keeps_the_rail(visitor: Visitor, admin: Visitor) -> None:
    for person, path in ((admin, "/admin/nosuch"), (admin, "/nosuch"), (visitor, "/nosuch")):
        person.arrive(path)
        expect(person.page.get_by_role("heading", name="There is no such page", level=1)).to_be_visible()
        expect(person.page.get_by_role("main")).to_have_count(1)


def test_a_page_that_is_not_there_for_a_stranger(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.gateway.url}/ui/nosuch")
    expect(visitor.page.get_by_role("heading", name="There is no such page", level=1)).to_be_visible()
    expect(visitor.rail).to_have_count(0)


def test_days_of_ones_own(visitor: Visitor) -> None:
    visitor.arrive("/home")
    page = visitor.page
    picker = page.get_by_role("radiogroup", name="Period")
    picker.get_by_text("Custom").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("From").fill("2025-03-12")
    dialog.get_by_label("To (UTC)").fill("2025-03-11")
    dialog.get_by_role("button", name="Show").click()
    expect(dialog).to_contain_text("This is before “From”")
    assert "period=custom" not in page.url
    dialog.get_by_label("To (UTC)").fill("2025-03-18")
    expect(dialog).not_to_contain_text("This is before “From”")
    dialog.get_by_role("button", name="Show").click()
    expect(dialog).to_be_hidden()
    assert "period=custom&from=2025-03-12&to=2025-03-18" in page.url
    picker.locator("label").filter(has_text=re.compile(r"12\s–\s18 Mar 2025")).click()
    expect(dialog.get_by_label("From")).to_have_value("2025-03-12")


def test_a_question_after_another_user_signed_in_is_not_lost_without_a_word(
    visitor: Visitor, newcomer: Callable[..., Visitor], faults: list[str]
) -> None:
    visitor.arrive("/chat")
    other = newcomer(visitor.page)
    given = {"username": other.user_id, "password": other.password}
    # As another tab of this browser would.
    assert visitor.page.request.post(
        f"{visitor.gateway.url}/auth/login", data=given, headers={"origin": visitor.gateway.url}
    ).ok
    visitor.page.get_by_label("Message").fill("My question")
    visitor.page.get_by_label("Message").press("Enter")
    expect(visitor.notices).to_contain_text(f"{other.user_id} is signed in now, by another tab.")
    expect(visitor.page.get_by_role("navigation", name="Conversations")).to_contain_text("No conversations yet")
    visitor.arrive("/chat")
    conversations = visitor.page.get_by_role("navigation", name="Conversations")
    expect(conversations).to_contain_text("My question")
    forgive(faults, "status of 403")
