"""The frame around the pages: nothing that cannot be fetched takes the rail away, and no upgrade is missed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.ollama.rig import Ollama
from tests.pages.conftest import PAGES, NewWindow, furnish
from tests.pages.test_every_page import too_wide, violations
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.served import served

USER_PAGES = ["/home", "/calls", "/keys", "/invoices", "/chat"]
ADMIN_PAGES = [
    "/admin",
    "/admin/users",
    "/admin/users/somebody",
    "/admin/teams",
    "/admin/teams/some",
    "/admin/calls",
    "/admin/calls/req_some",
    "/admin/models",
    "/admin/upstreams",
    "/admin/billing",
    "/admin/billing/invoices",
    "/admin/alerts",
    "/admin/webhooks",
    "/admin/audit",
]


class Restarting:
    """A gateway that goes down and comes back at the same address, with the same data."""

    def __init__(self, folder: Path, upstream: str) -> None:
        self._folder = folder
        self._upstream = upstream
        self._running = ExitStack()
        self.gateway = self._running.enter_context(served(folder, upstream))

    def __enter__(self) -> Restarting:
        return self

    def __exit__(self, *raised: object) -> None:
        self._running.close()

    def stop(self) -> None:
        self._running.close()

    def start(self, pages: Path | None = None) -> None:
        again = served(self._folder, self._upstream, port=self.gateway.port, pages=pages)
        self._running.enter_context(again)


@pytest.fixture
def restarting(ollama: Ollama, tmp_path: Path) -> Iterator[Restarting]:
    with Restarting(tmp_path, ollama.url) as gateway:
        furnish(gateway.gateway)
        gateway.gateway.admin("POST", "/admin/users", {"user_id": "alice", "password": PASSWORD})
        yield gateway


@pytest.fixture
def alice(restarting: Restarting, window: NewWindow) -> Visitor:
    return Visitor(restarting.gateway, window(at=restarting.gateway.url), "alice", "")


@pytest.fixture
def another_build(tmp_path: Path) -> Path:
    """The same pages under other names, as a build of a changed source has them."""
    root = tmp_path / "another-build"
    shutil.copytree(PAGES.parent, root)
    names = {file.name: re.sub(r"(\.\w+)$", r"2\1", file.name) for file in (root / "assets").iterdir()}
    longest_first = sorted(names, key=len, reverse=True)
    known = re.compile("|".join(re.escape(name) for name in longest_first))
    for file in [*(root / "assets").iterdir(), root / "index.html"]:
        if file.suffix in (".js", ".css", ".html"):
            file.write_text(known.sub(lambda found: names[found[0]], file.read_text()))
        if file.name in names:
            file.rename(file.with_name(names[file.name]))
    return root


def entry(page: Page) -> str:
    """The script that the page began with."""
    name: str = page.evaluate("document.querySelector('script[type=module]').getAttribute('src')")
    return name


@contextmanager
def out_of_reach(faults: list[str]) -> Iterator[None]:
    """While something cannot be fetched, the browser says so."""
    yield
    meant = re.compile(
        "net::ERR_|status of (404|400|503)|Failed to fetch dynamically imported module|"
        "Couldn't load preload assets|Refused to apply style"
    )
    faults[:] = [fault for fault in faults if not meant.search(fault)]


def test_a_page_that_cannot_be_fetched_keeps_the_rail_and_comes_by_itself(
    restarting: Restarting, alice: Visitor, faults: list[str]
) -> None:
    alice.arrive("/home")
    page = alice.page
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
    with out_of_reach(faults):
        restarting.stop()
        alice.rail.get_by_role("link", name="Keys").click()
        expect(page.get_by_role("heading", name="This page could not be fetched", level=1)).to_be_visible()
        alice.is_at("/keys")
        expect(page.get_by_role("alert")).to_contain_text("The gateway does not answer")
        expect(alice.rail).to_be_visible()
        expect(page.locator(".mantine-Skeleton-root")).to_have_count(0)
        assert violations(page) == []
        page.set_viewport_size({"width": 360, "height": 800})
        assert too_wide(page) is None
        # Neither is any other page, and going back works.
        alice.rail.get_by_role("link", name="Invoices").click()
        alice.is_at("/invoices")
        expect(page.get_by_role("heading", name="This page could not be fetched", level=1)).to_be_visible()
        page.go_back()
        page.evaluate("window.stayed = true")
        restarting.start()
        expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()
        assert page.evaluate("window.stayed")


def test_a_page_of_another_build_is_loaded_anew(
    restarting: Restarting, alice: Visitor, another_build: Path, faults: list[str]
) -> None:
    alice.arrive("/home")
    page = alice.page
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
    before = entry(page)
    with out_of_reach(faults):
        restarting.stop()
        restarting.start(another_build)
        alice.rail.get_by_role("link", name="Keys").click()
        expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()
        alice.is_at("/keys")
        assert entry(page) != before


def test_an_upgrade_is_told_and_comes_with_the_next_link(
    restarting: Restarting, alice: Visitor, another_build: Path, faults: list[str]
) -> None:
    alice.arrive("/keys")
    page = alice.page
    alice.rail.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
    page.evaluate("window.stayed = true")
    with out_of_reach(faults):
        restarting.stop()
        restarting.start(another_build)
        # Somebody comes back to the window, and comes back again.
        page.wait_for_function(
            """() => {
                window.dispatchEvent(new Event("focus"));
                return document.body.innerText.includes("The gateway was upgraded");
            }"""
        )
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert too_wide(page) is None
            assert violations(page) == []
        assert page.evaluate("window.stayed")
        alice.rail.get_by_role("link", name="Keys").click()
        expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()
        page.wait_for_function("window.stayed === undefined")
        alice.is_at("/keys")
        expect(page.get_by_text("The gateway was upgraded")).to_have_count(0)


def test_a_page_that_never_comes_is_loaded_anew_once(alice: Visitor, faults: list[str]) -> None:
    alice.arrive("/home")
    page = alice.page
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    page.evaluate("window.stayed = true")
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404, body="There is no such file.")

    with out_of_reach(faults):
        page.route("**/assets/Keys-*.js", refuse)
        alice.rail.get_by_role("link", name="Keys").click()
        expect(page.get_by_role("alert")).to_contain_text(
            "The gateway answers, but this part of its pages did not come"
        )
        expect(alice.rail).to_be_visible()
        page.wait_for_function("window.stayed === undefined")
        expect(page.get_by_role("alert")).to_contain_text(
            "The gateway answers, but this part of its pages did not come"
        )
        # It is tried again twice more, and the page stays.
        page.get_by_role("button", name="Try again").click()
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("alert")).to_be_visible()
        page.unroute("**/assets/Keys-*.js")
        page.get_by_role("button", name="Load again").click()
        expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()
        assert len(loads) == 2  # by itself, and by hand
        assert len(asked) >= 2


def fail(page: Page) -> None:
    """Have the whole API answer with an error, but for who is signed in."""

    def answer(route: Route) -> None:
        error = {"message": "It is out of order.", "type": "invalid_request_error", "param": None, "code": None}
        route.fulfill(status=400, json={"error": error})

    page.route(lambda url: urlsplit(url).path.startswith(("/me", "/v1/", "/admin/")), answer)


def test_no_page_waits_below_an_error(
    alice: Visitor, restarting: Restarting, window: NewWindow, faults: list[str]
) -> None:
    admin = Visitor(restarting.gateway, window(at=restarting.gateway.url), ADMIN, "", ADMIN_PASSWORD)
    with out_of_reach(faults):
        for person, paths in ((alice, USER_PAGES), (admin, ADMIN_PAGES)):
            person.arrive(paths[0])
            fail(person.page)
            for path in paths:
                person.open(path)
                expect(
                    person.page.get_by_text("It is out of order.").or_(person.page.get_by_role("alert")).first
                ).to_be_visible()
                expect(person.page.locator(".mantine-Skeleton-root"), path).to_have_count(0)
