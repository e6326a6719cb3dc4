"""Every page and what opens over it, with and without data: usable by everyone, in light and dark, at every width."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from tests.ollama.rig import Ollama
from tests.pages.conftest import PATIENCE_MS, NewWindow, forgive, furnish
from tests.pages.test_chat import ask
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.served import Served, served

AXE = Path("web/node_modules/axe-core/axe.min.js")
WIDTHS = (360, 820, 1440)
SOON_MS = 3_000
USER_PAGES = ["/home", "/calls", "/keys", "/chat", "/chat?new", "/no-such-page"]
ADMIN_PAGES = [
    "/admin",
    "/admin/users",
    "/admin/users/alice",
    "/admin/users/app",
    "/admin/users/nobody-at-all",
    "/admin/teams",
    "/admin/teams/blue",
    "/admin/teams/nobody-at-all",
    "/admin/calls",
    "/admin/models",
    "/admin/upstreams",
    "/admin/billing",
    "/admin/alerts",
    "/admin/webhooks",
    "/admin/audit",
]
NOWHERE = "http://127.0.0.1:9/library/a-model-of-a-long-name-that-nobody-has-heard-of-before:latest"
# What opens over a page.
ADMIN_PANELS = [
    "/admin/teams?new=1",
    "/admin/teams/blue?limits=1",
    "/admin/users?new=1",
    "/admin/users?limits=alice",
    "/admin/users?defaults=1",
    "/admin/billing?add=tiny",
    "/admin/billing/tiny:latest",
    "/admin/models/tiny:latest",
    "/admin/models?pull=tiny",
    "/admin/models?evict=1",
]

# What clicks open: the page, then the names of what is clicked on, menus' entries after their menus.
ADMIN_CLICKS = [
    ("/admin/users/alice", "More to do with alice"),
    ("/admin/users/alice", "More to do with alice", "Name, team, role, password"),
    ("/admin/users/alice", "More to do with alice", "Address, tax id, e-mail"),
    ("/admin/users/alice", "More to do with alice", "Correction or refund"),
    ("/admin/users/alice", "More to do with alice", "Close the account"),
    ("/admin/users/alice", "Add credit"),
    ("/admin/users/alice", "New key"),
    ("/admin/users/alice", "Account of"),
    ("/admin/users/alice", "Account of", "Second factor"),
    ("/admin/users/alice", "Account of", "Change password"),
    ("/admin/users/app", "Limits of mia@school.example"),
    ("/admin/users/app", "Erase mia@school.example"),
    ("/admin/teams/blue", "More to do with blue"),
    ("/admin/teams/blue", "More to do with blue", "Close the team"),
    ("/admin/webhooks", "New webhook"),
    ("/admin/usage", "Filter"),
    ("/admin/users", "Limit templates"),
    ("/admin/models", "Pull a model"),
    ("/admin/models", "Add an alias"),
    ("/admin/upstreams", "Add upstream"),
]
USER_CLICKS = [
    ("/home", "Account of"),
    ("/usage", "Filter"),
    ("/keys", "New key"),
    ("/keys", "Rotate"),
    ("/keys", "Revoke"),
    ("/chat", "Conversations"),
    ("/chat", "Settings of this conversation"),
]


@pytest.fixture(scope="module")
def new(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that nobody has used: a user without calls and keys, and no prices."""
    with served(tmp_path_factory.mktemp("new"), ollama.url) as running:
        running.admin("POST", "/admin/users", {"user_id": ADMIN, "role": "admin", "password": ADMIN_PASSWORD})
        running.admin("POST", "/admin/users", {"user_id": "alice", "password": PASSWORD})
        running.admin("POST", "/admin/teams", {"team_id": "blue"})
        yield running


@pytest.fixture(scope="module")
def used(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway with calls of every kind, limits of every state, and names of every length."""
    with served(tmp_path_factory.mktemp("used"), ollama.url) as running:
        furnish(running)
        limits = {
            "requests_per_day": 5,
            "tokens_per_day": 100_000,
            "cost_usd_per_month": 5,
            "requests_per_minute": 0,
            "models": {"tiny:latest": {"tokens_per_day": 1000}},
        }
        form = {"user_id": "alice", "name": "Alice Adebayo-Featherstonehaugh of Upper Slaughter", "password": PASSWORD}
        key = running.admin("POST", "/admin/users", form)["api_key"]
        for model in ("tiny", "tiny-loop", "tiny-vision", "llama3.2:1b"):
            asked = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 6}
            running.ask(key, "POST", "/v1/chat/completions", asked)
        running.ask(key, "POST", "/me/keys", {"name": "the nightly report of the finance department"})
        running.admin("PUT", "/admin/users/alice/limits", limits)
        name = "The department of everything that has no department of its own"
        running.admin("POST", "/admin/teams", {"team_id": "blue", "name": name, "limits": limits})
        running.admin("PUT", "/admin/teams/blue/limits", {"requests_per_minute": None, "requests_per_day": 500})
        running.admin("PATCH", "/admin/users/alice", {"team": "blue", "team_admin": True})
        running.admin("POST", "/admin/adjustments", {"user_id": "alice", "cost_usd": "-0.01", "reason": "A gift"})
        for number in range(12):
            member: dict[str, str | None] = {
                "user_id": f"somebody.with.a.long.name.{number}@example.com",
                "team": "blue" if number % 2 else None,
            }
            running.admin("POST", "/admin/users", member)
        running.admin("PATCH", "/admin/users/somebody.with.a.long.name.0@example.com", {"status": "suspended"})
        running.admin("DELETE", "/admin/users/somebody.with.a.long.name.1@example.com")
        running.admin("POST", "/admin/users", {"user_id": "app"})
        app = running.admin("POST", "/admin/users/app/keys", {"name": "chat", "acts_for": "users", "acts_from": "body"})
        for person in ("mia@school.example", "x" * 200):
            asked = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 6, "user": person}
            running.ask(app["api_key"], "POST", "/v1/chat/completions", asked)
        running.admin("POST", "/admin/models/pin", {"model": "tiny-loop", "digest": "current", "loaded": False})
        # Nothing listens there: it is tried again and again.
        running.admin("POST", "/admin/models/pull", {"model": NOWHERE, "insecure": True})
        yield running


@pytest.fixture
def person(window: NewWindow) -> Any:
    """`person(gateway, "alice")`, with a browser that moves nothing about."""

    def before(gateway: Served, user_id: str, **options: Any) -> Visitor:
        opened = window(at=gateway.url, reduced_motion="reduce", **options)
        return Visitor(gateway, opened, user_id, "", ADMIN_PASSWORD if user_id == ADMIN else PASSWORD)

    return before


# One question for all of it: each would wait for its turn in a page that is busy.
_SETTLED = """async patience => {
    const frame = () => new Promise(requestAnimationFrame);
    const late = performance.now() + patience;
    const waitsFor = () => {
        if (!document.querySelector("h1")?.checkVisibility()) return "a heading";
        return document.querySelector('[aria-busy="true"], .mantine-Skeleton-root')?.outerHTML.slice(0, 160);
    };
    for (let what; (what = waitsFor()) !== undefined; await frame())
        if (performance.now() > late) throw new Error(`the page still waits for ${what}`);
    await frame();
    await frame();
    // Colours that are on their way to others are neither; what inherits one sets out when that has arrived.
    const isOnItsWay = one => one.playState === "running" && one.effect.getTiming().iterations !== Infinity;
    for (let some; (some = document.getAnimations().filter(isOnItsWay)).length > 0; await frame())
        await Promise.all(some.map(one => one.finished.catch(() => null)));
}"""


def settle(page: Page) -> None:
    """Wait until what the page shows is there."""
    page.evaluate(_SETTLED, PATIENCE_MS)


# Of axe's rules, those that look at colours: the others say the same in every theme.
OF_COLORS = ("color-contrast", "link-in-text-block")


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds on the page as it is, by these rules or by all."""
    if not page.evaluate("'axe' in window"):
        # By the debugger's hand: the policy of the page would not let it in.
        page.evaluate(AXE.read_text())
    # Without `preload` it does not read the style sheets anew each time, which no rule in force asks for.
    options: dict[str, Any] = {"resultTypes": ["violations"], "preload": False}
    if rules:
        options["runOnly"] = {"type": "rule", "values": rules}
    found = page.evaluate("options => axe.run(options).then(result => result.violations)", options)
    return [
        f"{violation['id']}: {node['html'][:160]}: {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"][:2]
    ]


FITS = "() => document.scrollingElement.scrollWidth <= document.documentElement.clientWidth"


def too_wide(page: Page) -> str | None:
    """What sticks out to the right of the window, if the page can be moved sideways."""
    # Charts are drawn anew a moment after the window was made narrow.
    with suppress(NotInTime):
        page.wait_for_function(FITS, timeout=SOON_MS)
    told: str | None = page.evaluate(
        """() => {
            const room = document.documentElement.clientWidth;
            if (document.scrollingElement.scrollWidth <= room) return null;
            const all = [...document.body.querySelectorAll("*")];
            const wide = all.filter(one => one.getBoundingClientRect().right > room + 1);
            return wide.slice(0, 3).map(one => one.outerHTML.slice(0, 160)).join(" | ") || "something";
        }"""
    )
    return told


def cut_off(page: Page) -> list[str]:
    """What of the tables' rows has to be reached for at the side, in a window that is narrow."""
    told: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('table[data-stacks="true"]')].flatMap(table => {
            const { right } = table.parentElement.getBoundingClientRect();
            const parts = [...table.querySelectorAll("td, td button, td a")];
            const out = parts.filter(one => one.getBoundingClientRect().right > right + 1);
            return out.slice(0, 3).map(one => one.outerHTML.slice(0, 160));
        })"""
    )
    return told


def examine(page: Page, name: str, wrong: list[str]) -> None:
    """What is open, at every width in both themes; it is opened once."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        if (told := too_wide(page)) is not None:
            wrong.append(f"{name} at {width} px is wider than its window: {told}")
        if width == min(WIDTHS):
            wrong.extend(f"{name} at {width} px cuts off {part}" for part in cut_off(page))
        # In between, the frame is that of narrow windows, and the content that of wide ones: only colours may differ.
        rules = () if width in (min(WIDTHS), max(WIDTHS)) else OF_COLORS
        wrong.extend(f"{name}, {width} px, {theme(page)}: {found}" for found in violations(page, *rules))
        other: Literal["light", "dark"] = "light" if theme(page) == "dark" else "dark"
        page.emulate_media(color_scheme=other)
        settle(page)
        assert theme(page) == other
        wrong.extend(f"{name}, {width} px, {other}: {found}" for found in violations(page, *OF_COLORS))


def theme(page: Page) -> Literal["light", "dark"]:
    """The one that the page is in, as it says itself."""
    told: Literal["light", "dark"] = page.evaluate("document.documentElement.dataset.mantineColorScheme")
    return told


@pytest.mark.parametrize("state", ["new", "used"])
def test_pages_of_a_user(state: str, person: Any, faults: list[str], request: pytest.FixtureRequest) -> None:
    gateway: Served = request.getfixturevalue(state)
    wrong: list[str] = []
    alice = person(gateway, "alice")
    alice.page.goto("/ui/login")
    examine(alice.page, "/login", wrong)
    alice.arrive("/home")
    pages = list(USER_PAGES)
    if state == "used":
        gateway.admin("PUT", "/admin/users/alice/limits", {"requests_per_minute": None})
        alice.open("/chat")
        expect(ask(alice.page, "Hello")).to_contain_text("first token")
        expect(ask(alice.page, "Again")).to_contain_text("You have used up your limit: requests per day")
        forgive(faults, "status of 429")
        examine(alice.page, "/chat, with a refusal", wrong)
        calls = gateway.admin("GET", "/admin/users/alice/usage")["data"]
        pages += [f"/calls/{calls[0]['request_id']}", "/calls?model=none", "/calls?period=7d"]
        pages += ["/team", "/team?member=somebody.with.a.long.name.3@example.com"]
    for path in pages:
        alice.page.goto(f"/ui{path}")
        examine(alice.page, path, wrong)
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("state", ["new", "used"])
def test_pages_of_an_admin(state: str, person: Any, faults: list[str], request: pytest.FixtureRequest) -> None:
    gateway: Served = request.getfixturevalue(state)
    wrong: list[str] = []
    admin = person(gateway, ADMIN)
    admin.arrive("/admin")
    pages = list(ADMIN_PAGES)
    if state == "used":
        calls = gateway.admin("GET", "/admin/users/alice/usage?limit=20")["data"]
        pages += [*ADMIN_PANELS, *(f"/admin/calls/{call['request_id']}" for call in (calls[0], calls[-1]))]
    for path in pages:
        admin.page.goto(f"/ui{path}")
        examine(admin.page, path, wrong)
    faults[:] = [fault for fault in faults if not ("status of 404" in fault and is_nobodys(fault, state))]
    assert wrong == [], "\n".join(wrong)


def is_nobodys(fault: str, state: str) -> bool:
    """Whether what was not found is of somebody who is not there."""
    return "nobody-at-all" in fault or (state == "new" and "/admin/users/app" in fault)


@pytest.mark.parametrize(("user_id", "clicks"), [(ADMIN, ADMIN_CLICKS), ("alice", USER_CLICKS)])
def test_what_clicks_open(used: Served, person: Any, user_id: str, clicks: list[tuple[str, ...]]) -> None:
    wrong: list[str] = []
    someone = person(used, user_id)
    someone.arrive("/home")
    page = someone.page
    opened = page.get_by_role("dialog").or_(page.get_by_role("menu"))
    for path, *names in clicks:
        # Opened where there is least room for it.
        page.set_viewport_size({"width": min(WIDTHS), "height": 900})
        page.goto(f"/ui{path}")
        settle(page)
        page.get_by_role("button", name=names[0]).first.click()
        expect(opened).to_be_visible()
        for name in names[1:]:
            page.get_by_role("menuitem", name=name).click()
            expect(page.get_by_role("menu")).to_have_count(0)
            expect(page.get_by_role("dialog")).to_be_visible()
        examine(page, f"{path}, {names}", wrong)
        expect(opened).to_be_visible()
    assert wrong == [], "\n".join(wrong)
