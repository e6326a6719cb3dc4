"""Signing in by an OpenID provider, and with a second factor, in a real browser."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.open_id.provider import OpenIdProvider, client_of, open_id_provider
from tests.pages.conftest import PAGES
from tests.process.served import Served, served

NOWHERE = "http://127.0.0.1:9"
PASSWORD = "opensesame-1"

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def port() -> int:
    """Of the gateway, which the provider must know before it starts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
        return number


@pytest.fixture(scope="module")
def provider(port: int) -> Iterator[OpenIdProvider]:
    with open_id_provider(client_of(f"http://127.0.0.1:{port}")) as running:
        yield running


@pytest.fixture(scope="module")
def house(provider: OpenIdProvider, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway with a provider, where admins need a second factor."""
    assert PAGES.exists(), "the pages are not built: run these tests with scripts/test"
    folder: Path = tmp_path_factory.mktemp("providers")
    entry = provider.setting(name="Example Corp", create=True, domains=["corp.example"])
    with served(
        folder, NOWHERE, port=port, oidc_providers=json.dumps([entry]), totp_required_for_admins="true"
    ) as gateway:
        yield gateway


@pytest.fixture
def stranger(house: Served, browser: Browser) -> Iterator[Page]:
    """A page in a browser of somebody who has never been here, which may go to the provider, too."""
    context = browser.new_context(base_url=house.url)
    yield context.new_page()
    context.close()


def sign_in_at_the_provider(page: Page, name: str) -> None:
    page.get_by_role("link", name="Continue with Example Corp").click()
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()


def fill_in(page: Page, name: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_by_the_provider_to_the_page_that_was_asked_for_and_out_of_both(house: Served, stranger: Page) -> None:
    stranger.goto("/ui/calls?period=7d")
    sign_in_at_the_provider(stranger, "ann")
    expect(stranger.get_by_role("heading", name="Calls", level=1)).to_be_visible()
    assert stranger.url == f"{house.url}/ui/calls?period=7d"
    stranger.get_by_role("button", name="Account of Name of ann").click()
    expect(stranger.get_by_role("menuitem", name="Change password")).to_have_count(0)
    stranger.get_by_role("menuitem", name="Sign out", exact=True).click()
    stranger.get_by_role("button", name=re.compile("sign me out", re.IGNORECASE)).click()
    expect(stranger.get_by_role("link", name="Continue with Example Corp")).to_be_visible()
    stranger.goto("/ui/home")
    expect(stranger.get_by_role("link", name="Continue with Example Corp")).to_be_visible()


def test_whoever_gets_no_account_is_told_so_in_words(house: Served, stranger: Page) -> None:
    stranger.goto("/ui/login")
    sign_in_at_the_provider(stranger, "unverified-eve")
    expect(stranger.get_by_role("alert")).to_have_text(
        "You have no account here. Ask an admin for one, or to link yours to the provider."
    )


def test_an_admin_without_a_second_factor_is_led_to_it_and_asked_for_it_from_then_on(
    house: Served, stranger: Page
) -> None:
    house.admin("POST", "/admin/users", {"user_id": "boss", "role": "admin", "password": PASSWORD})
    stranger.goto("/ui/login")
    fill_in(stranger, "boss")
    expect(stranger.get_by_role("heading", name="Set up your second factor")).to_be_visible()
    stranger.get_by_label("Your password").fill(PASSWORD)
    stranger.get_by_role("button", name="Set up").click()
    expect(stranger.get_by_role("img", name="QR code of the secret below")).to_be_visible()
    secret = stranger.locator("code").inner_text()
    stranger.get_by_label("Code of the app").fill(pyotp.TOTP(secret).now())
    stranger.get_by_role("button", name="Turn on").click()
    shown = stranger.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(shown).to_have_count(10)
    codes = shown.all_inner_texts()
    stranger.get_by_role("button", name="I have kept them").click()
    expect(stranger.get_by_role("heading", name="Overview", level=1)).to_be_visible()

    stranger.context.clear_cookies()
    stranger.goto("/ui/login")
    fill_in(stranger, "boss")
    stranger.get_by_label("Code").fill(codes[0])
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("heading", name="Overview", level=1)).to_be_visible()

    stranger.context.clear_cookies()
    stranger.goto("/ui/login")
    fill_in(stranger, "boss")
    stranger.get_by_label("Code").fill(codes[0])
    stranger.get_by_role("button", name="Sign in").click()
    expect(stranger.get_by_role("alert")).to_contain_text("The code is wrong, or was used before.")


def test_an_admin_links_an_identity_and_unlinks_it(house: Served, browser: Browser, stranger: Page) -> None:
    key = house.admin("POST", "/admin/users", {"user_id": "carol", "password": PASSWORD})["api_key"]
    house.admin("POST", "/admin/users", {"user_id": "root", "role": "admin", "password": PASSWORD})
    admin = browser.new_context(base_url=house.url).new_page()
    admin.goto("/ui/login")
    fill_in(admin, "root")
    admin.get_by_label("Your password").fill(PASSWORD)
    admin.get_by_role("button", name="Set up").click()
    expect(admin.locator("code")).to_be_visible()
    admin.get_by_label("Code of the app").fill(pyotp.TOTP(admin.locator("code").inner_text()).now())
    admin.get_by_role("button", name="Turn on").click()
    admin.get_by_role("button", name="I have kept them").click()
    expect(admin.get_by_role("heading", name="Overview", level=1)).to_be_visible()

    admin.goto("/ui/admin/users/carol")
    admin.get_by_role("button", name="Link an identity").click()
    dialog = admin.get_by_role("dialog")
    dialog.get_by_label("Subject").fill("unverified-carol")
    dialog.get_by_role("button", name="Link it").click()
    table = admin.get_by_role("table", name="Identities")
    expect(table.get_by_role("row").last).to_contain_text("Example Corp")
    stranger.goto("/ui/login")
    sign_in_at_the_provider(stranger, "unverified-carol")
    expect(stranger.get_by_role("button", name="Account of carol")).to_be_visible()

    admin.get_by_role("button", name="Unlink unverified-carol at Example Corp").click()
    expect(dialog).to_contain_text("the sessions that began by it end now. Keys and a password work on.")
    dialog.get_by_role("button", name="Unlink it").click()
    expect(admin.get_by_text("No identity is linked")).to_be_visible()
    stranger.goto("/ui/home")
    expect(stranger.get_by_role("link", name="Continue with Example Corp")).to_be_visible()
    assert house.ask(key, "GET", "/me")["user_id"] == "carol"
    admin.context.close()
