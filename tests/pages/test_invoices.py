"""Invoices: a month is closed step by step, and its payers read and print what they owe."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ollama.rig import Ollama
from tests.pages.conftest import NewWindow, furnish
from tests.pages.test_every_page import examine
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.clock import Clock
from tests.process.served import Served, served
from tollkeeper.app.build import now_ms

A4_PX = {"width": 794 - 121, "height": 1123 - 121}
"""What is left of a sheet at 96 px an inch between margins of 16 mm."""
Person = Callable[[str], Visitor]


class Closing:
    """A gateway whose users used something last month."""

    def __init__(self, gateway: Served, clock: Clock, month: str) -> None:
        self.gateway = gateway
        self.clock = clock
        self.month = month
        self.words = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).strftime("%B %Y")


@pytest.fixture
def closing(ollama: Ollama, tmp_path: Path) -> Iterator[Closing]:
    now = datetime.fromtimestamp(now_ms() / 1000, UTC)
    before = now.replace(day=1, hour=0, minute=0) - timedelta(minutes=30)
    clock = Clock.at(tmp_path / "clock", int(before.timestamp() * 1000))
    with served(tmp_path, ollama.url, clock=clock, invoice_seller_name="The Lab", invoice_after_days=0) as gateway:
        furnish(gateway)
        for user_id in ("alice", "bob"):
            made = gateway.admin("POST", "/admin/users", {"user_id": user_id, "password": PASSWORD})
            asked = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 6}
            gateway.ask(made["api_key"], "POST", "/v1/chat/completions", asked)
        clock.set(now_ms())
        yield Closing(gateway, clock, f"{before:%Y-%m}")


@pytest.fixture
def person(closing: Closing, window: NewWindow) -> Person:
    def arrives(user_id: str) -> Visitor:
        page = window(at=closing.gateway.url, reduced_motion="reduce")
        password = ADMIN_PASSWORD if user_id == ADMIN else PASSWORD
        return Visitor(closing.gateway, page, user_id, "", password)

    return arrives


def finalize(closing: Closing) -> dict[str, Any]:
    """The invoices of last month, by user."""
    done = closing.gateway.admin("POST", "/admin/invoices/finalize", {"month": closing.month})
    return {invoice["payer"]["user_id"]: invoice for invoice in done["data"]}


def test_a_month_is_closed_step_by_step(closing: Closing, person: Person) -> None:
    admin = person(ADMIN)
    admin.arrive("/admin/billing")
    page = admin.page
    row = page.get_by_role("table", name="Months").get_by_role("row").filter(has_text=closing.words)
    expect(row).to_contain_text("to be closed")
    row.get_by_role("link").click()
    admin.is_at(f"/admin/billing/months/{closing.month}")
    steps = page.get_by_role("listitem")
    finalizing = page.get_by_role("button", name=f"Finalize {closing.words}")
    expect(steps.nth(0)).to_contain_text("Done")
    expect(finalizing).to_be_disabled()
    payers = page.get_by_role("table", name="Payers")
    payers.get_by_role("link", name="alice").click()
    expect(page.get_by_role("article", name=f"Draft for {closing.words}")).to_contain_text("tiny:latest")
    page.go_back()
    page.get_by_role("button", name="Verify").click()
    expect(steps.nth(2)).to_contain_text("there is no difference")
    finalizing.click()
    page.get_by_role("dialog").get_by_role("button", name="Issue 2 invoices").click()
    expect(admin.notices).to_contain_text(f"2 invoices for {closing.words} are issued.")
    expect(steps.nth(3)).to_contain_text("2 invoices")
    expect(payers.get_by_role("row").filter(has_text="alice")).to_contain_text("finalized")
    with page.expect_download() as loading:
        page.get_by_role("link", name="All as ZIP").click()
    assert len(zipfile.ZipFile(loading.value.path()).namelist()) == 6


def test_one_is_paid_another_void_and_the_paid_one_taken_back(closing: Closing, person: Person) -> None:
    issued = finalize(closing)
    admin = person(ADMIN)
    admin.arrive(f"/admin/billing/invoices/{issued['alice']['number']}")
    page = admin.page
    page.get_by_role("button", name="Mark paid").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reference").fill("bank 4711")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("article")).to_contain_text("bank 4711")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Take back by a credit note").click()
    dialog.get_by_label("Reason").fill("the price was wrong")
    dialog.get_by_role("button", name="Make the credit note").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Credit note")
    expect(page.get_by_role("article")).to_contain_text("the price was wrong")
    admin.open(f"/admin/billing/invoices/{issued['bob']['id']}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Void").click()
    dialog.get_by_label("Reason").fill("wrong address")
    dialog.get_by_role("button", name="Void it for good").click()
    expect(page.get_by_role("article")).to_contain_text("Void: nothing is owed by this invoice")
    page.get_by_role("link", name=closing.words).click()
    expect(page.get_by_role("button", name=f"Finalize {closing.words}")).to_be_visible()


def test_a_payer_reads_and_prints_their_own(closing: Closing, person: Person, tmp_path: Path) -> None:
    issued = finalize(closing)
    alice = person("alice")
    alice.arrive("/home")
    page = alice.page
    alice.rail.get_by_role("link", name="Invoices").click()
    rows = page.get_by_role("table", name="Invoices").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("draft")
    number = issued["alice"]["number"]
    rows.filter(has_text=number).get_by_role("link").click()
    paper = page.get_by_role("article", name=f"Invoice {number}")
    expect(paper).to_contain_text("The Lab")
    expect(paper).to_contain_text(issued["alice"]["sha256"])
    expect(page.get_by_role("button", name="Mark paid")).to_have_count(0)
    with page.expect_download() as loading:
        page.get_by_role("link", name="CSV").click()
    assert loading.value.suggested_filename == f"{number}.csv"
    on_paper(page)
    expect(alice.rail).to_be_hidden()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_hidden()
    expect(paper).to_be_visible()
    assert cut_off(page) == []


def test_the_admin_of_a_team_opens_its_invoices(closing: Closing, person: Person) -> None:
    gateway = closing.gateway
    gateway.admin("POST", "/admin/teams", {"team_id": "blue", "name": "The Blues"})
    gateway.admin("PATCH", "/admin/users/alice", {"team": "blue", "team_admin": True})
    gateway.admin("POST", "/admin/adjustments", {"user_id": "alice", "cost_usd": "3", "reason": "setting up"})
    alice = person("alice")
    alice.arrive("/team")
    link = alice.page.get_by_role("table", name="Invoices").get_by_role("link", name=re.compile("^Draft for"))
    with alice.page.context.expect_page() as opening:
        link.click()
    paper = opening.value
    expect(paper.get_by_text("Team blue")).to_be_visible()
    expect(paper.get_by_text("The Blues")).to_be_visible()
    expect(paper.get_by_role("row").filter(has_text="setting up")).to_contain_text("$3.000000")


def test_all_invoices_are_narrowed_to_one_payer_a_user_or_a_team(closing: Closing, person: Person) -> None:
    finalize(closing)
    closing.gateway.admin("POST", "/admin/teams", {"team_id": "blue", "name": "The Blues"})
    closing.gateway.admin("PATCH", "/admin/users/alice", {"team": "blue"})
    closing.gateway.admin("POST", "/admin/adjustments", {"user_id": "alice", "cost_usd": "3", "reason": "setting up"})
    admin = person(ADMIN)
    admin.arrive("/admin/billing/invoices")
    page = admin.page
    payers = page.get_by_role("table", name="Invoices").locator("tbody tr td:nth-child(2)")
    expect(payers).to_have_text(["bob", "alice"])  # the newest first
    admin.choose("Team", "The Blues")
    expect(payers).to_have_text(["team blue"])
    expect(page).to_have_url(re.compile(r"\?team=blue$"))
    # An invoice has one payer: the one filter takes the place of the other.
    user = page.get_by_role("textbox", name="User", exact=True)
    user.fill("bob")
    user.press("Enter")
    expect(payers).to_have_text(["bob", "bob"])
    expect(page).to_have_url(re.compile(r"\?user=bob$"))
    expect(page.get_by_role("combobox", name="Team")).to_have_value("")


def test_nobody_is_asked_to_pay_a_credit_note(closing: Closing, person: Person) -> None:
    gateway = closing.gateway
    gateway.admin("POST", "/admin/credits", {"user_id": "bob", "amount_usd": "9", "reason": "prepaid"})
    issued = finalize(closing)
    gateway.admin("POST", f"/admin/invoices/{issued['alice']['id']}/pay", {})
    note = gateway.admin("POST", f"/admin/invoices/{issued['alice']['id']}/credit-note", {"reason": "the price"})
    alice, bob = person("alice"), person("bob")
    alice.arrive(f"/invoices/{note['number']}")
    bob.arrive(f"/invoices/{issued['bob']['number']}")
    for who, number, said in (
        (alice, note["number"], "Nothing to be paid: the amount has become credit"),
        (bob, issued["bob"]["number"], "Nothing to be paid"),
    ):
        paper = who.page.get_by_role("article")
        expect(paper).to_contain_text(said)
        expect(paper).not_to_contain_text("Due")
        who.page.goto(f"{gateway.url}/me/invoices/{number}.html")
        expect(who.page.get_by_text(said, exact=True)).to_be_visible()
        expect(who.page.get_by_text("Due", exact=True)).to_have_count(0)


def test_a_month_that_has_not_ended_is_not_finalized(closing: Closing, person: Person) -> None:
    closing.gateway.admin("POST", "/admin/adjustments", {"user_id": "bob", "cost_usd": "1", "reason": "setting up"})
    admin = person(ADMIN)
    now = datetime.now(UTC).strftime("%Y-%m")
    for month, offered in ((closing.month, 1), (now, 0)):
        admin.page.goto("about:blank")
        admin.arrive(f"/admin/billing/drafts/{month}/user/bob")
        expect(admin.page.get_by_role("button", name="Print")).to_be_visible()
        expect(admin.page.get_by_role("button", name="Finalize")).to_have_count(offered)


def test_the_page_to_print_needs_nothing_else(closing: Closing, person: Person) -> None:
    number = finalize(closing)["alice"]["number"]
    alice = person("alice")
    alice.arrive("/invoices")
    page = alice.page
    page.goto(f"{closing.gateway.url}/me/invoices/{number}.html")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {number}")
    assert page.evaluate("getComputedStyle(document.querySelector('.totals')).breakInside") == "avoid", (
        "it has its style"
    )
    on_paper(page)
    assert cut_off(page) == []
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def on_paper(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size(A4_PX)  # type: ignore[arg-type]
    color = page.evaluate("getComputedStyle(document.body).color")
    assert max(int(part) for part in color[4:-1].split(",")) < 64, f"{color} is hard to read on paper"


def cut_off(page: Page) -> list[str]:
    """What would be missing on a sheet of A4."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("td, th, dd, p, code")]
            .filter(one => one.getClientRects().length && one.getBoundingClientRect().right > innerWidth + 1)
            .map(one => one.outerHTML.slice(0, 160))"""
    )
    return found


def test_credit_is_added_on_a_users_page(closing: Closing, person: Person) -> None:
    admin = person(ADMIN)
    admin.arrive("/admin/users/alice")
    page = admin.page
    expect(page.get_by_role("table", name="Invoices")).to_contain_text(f"Draft for {closing.words}")
    page.get_by_role("button", name="Add credit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount in US dollars").fill("25")
    dialog.get_by_label("Reason").fill("prepaid")
    dialog.get_by_role("button", name="Add $25.00").click()
    expect(page.get_by_role("heading", name="Credit: $25.00")).to_be_visible()
    alice = person("alice")
    alice.arrive("/invoices")
    expect(alice.page.get_by_role("heading", name="Credit: $25.00")).to_be_visible()


def test_every_page_of_invoices_is_usable_by_everyone(closing: Closing, person: Person, faults: list[str]) -> None:
    wrong: list[str] = []
    admin, alice = person(ADMIN), person("alice")
    admin.arrive("/admin/billing")
    alice.arrive("/invoices")
    examine(admin.page, "the month before its close", wrong)
    number = finalize(closing)["alice"]["number"]
    for path in (
        f"/admin/billing/months/{closing.month}",
        "/admin/billing/months/2001-13",
        f"/admin/billing/invoices/{number}",
        f"/admin/billing/drafts/{closing.month}/user/nobody",
        "/admin/billing/invoices",
        "/admin/billing/invoices?status=void",
    ):
        admin.page.goto(f"{closing.gateway.url}/ui{path}")
        examine(admin.page, path, wrong)
    for path in ("/invoices", f"/invoices/{number}", "/invoices/none"):
        alice.page.goto(f"{closing.gateway.url}/ui{path}")
        examine(alice.page, path, wrong)
    faults[:] = [fault for fault in faults if "status of 404" not in fault and "status of 422" not in fault]
    assert wrong == [], "\n".join(wrong)
