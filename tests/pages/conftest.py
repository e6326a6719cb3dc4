"""The pages in a real Chromium, on the real gateway as a process of its own, the real Ollama behind it.

Fixtures that are shared end with this package: Playwright keeps an event loop of its own running for as long as it is
up, and no test of another package could run one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.ollama.rig import Ollama
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.served import Served, served

CHROMIUM = "/usr/bin/chromium"
ALONE = [
    "--no-sandbox",  # the tests run as root, in CI
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PAGES = Path("src/tollkeeper/portal/assets/index.html")
PATIENCE_MS = 60_000
PRICED = ("tiny:latest", "tiny-loop:latest", "tiny-vision:latest")
PRICE = {"input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.60"}

NewWindow = Callable[..., Page]


@pytest.fixture(scope="package")
def gateway(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    assert PAGES.exists(), "the pages are not built: run these tests with scripts/test"
    with served(tmp_path_factory.mktemp("pages"), ollama.url) as running:
        furnish(running)
        yield running


def furnish(gateway: Served) -> None:
    """An admin with a password, and prices."""
    gateway.admin("POST", "/admin/users", {"user_id": ADMIN, "role": "admin", "password": ADMIN_PASSWORD})
    for model in PRICED:
        gateway.admin("PUT", "/admin/prices", {"model": model, **PRICE})


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE)
        yield chromium
        chromium.close()


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What the browsers complained of: anything, a blocked style or an error of a script, fails the test. A test that
    means to cause one takes it out (`forgive`)."""
    found: list[str] = []
    yield found
    assert found == []


def forgive(faults: list[str], part: str) -> None:
    """Take out what a test meant to cause; there must have been some."""
    meant = [fault for fault in faults if part in fault]
    assert meant, f"no fault has {part!r} in it: {faults}"
    faults[:] = [fault for fault in faults if part not in fault]


@pytest.fixture
def window(gateway: Served, browser: Browser, faults: list[str]) -> Iterator[NewWindow]:
    """`window()` is a page in a browser of somebody who has never been here; `at=` names another gateway."""
    with ExitStack() as opened:

        def another(*, at: str = gateway.url, **options: Any) -> Page:
            options = {"viewport": {"width": 1280, "height": 900}} | options
            context: BrowserContext = opened.enter_context(browser.new_context(base_url=at, **options))
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            watch(page, at, faults)
            return page

        yield another


@pytest.fixture
def page(window: NewWindow) -> Page:
    return window()


def watch(page: Page, home: str, faults: list[str]) -> None:
    """`home` is the origin that nothing may be fetched from but it."""

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{home}/", "data:", "blob:")):
            faults.append(f"left its origin: {request.url}")

    def said(message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        url = message.location.get("url", "")
        # Whether somebody is signed in is asked before anybody is.
        if url.endswith("/auth/session") and "status of 401" in message.text:
            return
        faults.append(f"{message.type}: {message.text} ({url})")

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: faults.append(f"pageerror: {error}"))


@pytest.fixture(scope="package")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def newcomer(gateway: Served, window: NewWindow, numbers: Iterator[int]) -> Callable[..., Visitor]:
    """`newcomer()` is a new user with a browser of their own, not yet signed in."""

    def another(page: Page | None = None, **fields: Any) -> Visitor:
        user_id = f"visitor-{next(numbers)}"
        made = gateway.admin("POST", "/admin/users", {"user_id": user_id, "password": PASSWORD, **fields})
        return Visitor(gateway, page or window(), user_id, made["api_key"])

    return another


@pytest.fixture
def visitor(newcomer: Callable[..., Visitor], page: Page) -> Visitor:
    return newcomer(page)


@pytest.fixture
def admin(gateway: Served, window: NewWindow) -> Visitor:
    """The admin, in a browser of their own, not yet signed in."""
    return Visitor(gateway, window(), ADMIN, "", ADMIN_PASSWORD)
