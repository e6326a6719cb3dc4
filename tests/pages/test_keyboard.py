"""Without a mouse: every step by keys, and always to be seen where one is."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor

MOST_STEPS = 120
# The name of what has the focus, as assistive technology would read it, near enough.
FOCUSED = """() => {
    const one = document.activeElement;
    if (one === null || one === document.body) return "";
    const label = one.labels?.[0]?.innerText ?? "";
    return (one.getAttribute("aria-label") ?? (label || one.innerText || "")).trim();
}"""
# Whether it can be seen that it has the focus: it looks other than it does without.
SHOWN = """async () => {
    const one = document.activeElement;
    const around = [one, one.nextElementSibling].filter(Boolean);
    for (let part = one.parentElement; part && around.length < 8; part = part.parentElement) around.push(part);
    const still = async () => {
        await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        const ending = document.getAnimations().filter(part => part.effect.getTiming().iterations !== Infinity);
        await Promise.all(ending.map(part => part.finished.catch(() => null)));
    };
    const look = () => around.map(part => {
        const style = getComputedStyle(part);
        return [style.outlineStyle === "none" ? "" : style.outline, style.boxShadow, style.borderColor,
                style.backgroundColor, style.textDecoration, style.transform, style.top].join();
    }).join(";");
    await still();
    const focused = look();
    one.blur();
    await still();
    const without = look();
    one.focus();
    return focused !== without;
}"""


def tab_to(page: Page, name: str | re.Pattern[str]) -> None:
    """Press Tab until what has the focus is called so."""
    pattern = re.compile(re.escape(name) + "$") if isinstance(name, str) else name
    passed = []
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(FOCUSED))
        if pattern.match(passed[-1]):
            return
    raise AssertionError(f"{name} is not reached; on the way were {passed}")


def test_an_admin_changes_a_limit_and_signs_out_by_keys_alone(visitor: Visitor, admin: Visitor) -> None:
    page, keys = admin.page, admin.page.keyboard
    page.goto("/login")
    expect(page.get_by_label("Username")).to_be_focused()
    keys.type(ADMIN)
    keys.press("Tab")
    expect(page.get_by_label("Password")).to_be_focused()
    keys.type(ADMIN_PASSWORD)
    keys.press("Enter")
    expect(admin.rail).to_be_visible()
    tab_to(page, "Users")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Users", level=1)).to_be_visible()
    tab_to(page, "Search users by id or name")
    keys.type(visitor.user_id)
    expect(page.get_by_text("1 user", exact=True)).to_be_visible()
    tab_to(page, visitor.user_id)
    keys.press("Enter")
    admin.is_at(f"/admin/users/{visitor.user_id}")
    expect(page.get_by_role("button", name="Edit limits")).to_be_visible()
    tab_to(page, "Edit limits")
    keys.press("Enter")
    panel = page.get_by_role("dialog", name=f"Limits of {visitor.user_id}")
    expect(panel.get_by_label("Requests per second")).to_be_focused()
    tab_to(page, "Requests per minute")
    keys.type("7")
    keys.press("Enter")
    expect(admin.notices).to_contain_text(f"{visitor.user_id}, requests per minute: 7.")
    expect(panel).to_be_hidden()
    assert visitor.gateway.ask(visitor.key, "GET", "/me")["limits"]["requests_per_minute"] == 7
    # The focus is where it was before the panel was opened.
    expect(page.get_by_role("button", name="Edit limits")).to_be_focused()
    tab_to(page, f"Account of {ADMIN}")
    keys.press("Enter")
    item = page.get_by_role("menuitem", name="Sign out", exact=True)
    expect(item).to_be_visible()
    for _ in range(page.get_by_role("menuitem").count()):
        if item.evaluate("one => one === document.activeElement"):
            break
        keys.press("ArrowDown")
    expect(item).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_a_dialog_holds_the_focus_and_gives_it_back(visitor: Visitor) -> None:
    visitor.arrive("/keys")
    page, keys = visitor.page, visitor.page.keyboard
    expect(page.get_by_role("table", name="Keys")).to_be_visible()
    tab_to(page, "New key")
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name="New key")
    expect(dialog.get_by_label("Name")).to_be_focused()
    for _ in range(8):
        keys.press("Tab")
        assert dialog.evaluate("one => one.contains(document.activeElement)")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="New key")).to_be_focused()


def test_a_calls_detail_gives_the_focus_back(visitor: Visitor) -> None:
    visitor.call()
    visitor.arrive("/calls")
    page, keys = visitor.page, visitor.page.keyboard
    row = page.get_by_role("table", name="Calls").get_by_role("link")
    expect(row).to_have_count(1)
    row.focus()
    keys.press("Enter")
    detail = page.get_by_role("dialog", name="Call")
    expect(detail.get_by_role("table")).to_be_visible()
    assert detail.evaluate("one => one.contains(document.activeElement)")
    keys.press("Escape")
    expect(detail).to_be_hidden()
    expect(row).to_be_focused()


def test_the_focus_is_always_to_be_seen(visitor: Visitor, admin: Visitor) -> None:
    unseen: list[str] = []
    for person, paths in ((visitor, ("/home", "/keys", "/chat")), (admin, ("/admin", "/admin/users"))):
        person.arrive(paths[0])
        for path in paths:
            person.open(path)
            page = person.page
            expect(page.locator('[aria-busy="true"]')).to_have_count(0)
            first = ""
            for step in range(40):
                page.keyboard.press("Tab")
                name = page.evaluate(FOCUSED)
                if page.evaluate("document.activeElement === document.body") or (step and name == first):
                    break
                first = first or name
                if not page.evaluate(SHOWN):
                    unseen.append(f"{path}: {name or page.evaluate('document.activeElement.outerHTML')[:120]}")
            # In the chat the box for the next message has the focus from the start.
            assert path == "/chat" or first == "Skip to the content", path
    assert unseen == [], "\n".join(unseen)


def test_chatting_by_keys(visitor: Visitor) -> None:
    page, keys = visitor.page, visitor.page.keyboard
    visitor.limit(max_tokens_per_request=24)  # the model that talks would go on for a while
    page.goto("/ui/chat")
    expect(page.get_by_label("Username")).to_be_focused()
    keys.type(visitor.user_id)
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    expect(page.get_by_role("combobox", name="Model", exact=True)).not_to_have_value("")
    keys.type("First line")
    keys.press("Shift+Enter")
    keys.type("Second line")
    keys.press("Enter")
    question = page.get_by_role("log").get_by_role("article").first
    expect(question).to_contain_text("First line\nSecond line", use_inner_text=True)
    expect(page.get_by_role("log").get_by_role("article").last).to_contain_text("first token")
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
