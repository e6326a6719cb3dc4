"""The pages in a real Chromium, on the real gateway as a process of its own, the real Ollama behind it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.ollama.rig import Ollama
from tests.pages.visitor import ADMIN_PASSWORD, PASSWORD, Visitor
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


@pytest.fixture(scope="session")
def gateway(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    assert PAGES.exists(), "the pages are not built: run these tests with scripts/test"
    with served(tmp_path_factory.mktemp("pages"), ollama.url) as running:
        running.admin("POST", "/admin/users", {"user_id": "boss", "role": "admin", "password": ADMIN_PASSWORD})
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ALONE)
        yield chromium
        chromium.close()


@pytest.fixture
def faults() -> list[str]:
    """What the browser complained of: anything, a blocked style or an error of a script, fails the test. A test that
    means to cause one takes it out."""
    return []


@pytest.fixture
def page(gateway: Served, browser: Browser, faults: list[str]) -> Iterator[Page]:
    """A fresh browser, of somebody who has never been here."""
    with browser.new_context(base_url=gateway.url, viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(20_000)
        opened = context.new_page()
        watch(opened, faults)
        yield opened
    assert faults == []


def watch(page: Page, faults: list[str]) -> None:
    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            faults.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    page.on("console", said)
    page.on("pageerror", lambda error: faults.append(f"pageerror: {error}"))


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture
def visitor(gateway: Served, page: Page, numbers: Iterator[int]) -> Visitor:
    """A new user with a browser, not yet signed in."""
    user_id = f"visitor-{next(numbers)}"
    made = gateway.admin("POST", "/admin/users", {"user_id": user_id, "password": PASSWORD})
    return Visitor(gateway, page, user_id, made["api_key"])
