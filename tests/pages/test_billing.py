"""Prices: added, in force at the next call, and never edited."""

from __future__ import annotations

from decimal import Decimal

from playwright.sync_api import Page, expect

from tests.pages.conftest import forgive
from tests.pages.visitor import Visitor

MODEL = "llama3.2:1b"


def add_price(page: Page, read: str, written: str) -> None:
    """In the dialog that is open for MODEL."""
    dialog = page.get_by_role("dialog", name="Add a price")
    expect(dialog.get_by_role("combobox", name="Model or pattern")).to_have_value(MODEL)
    dialog.get_by_label("Input", exact=True).fill(read)
    dialog.get_by_label("Output", exact=True).fill(written)
    dialog.get_by_role("button", name="Add the price").click()
    expect(dialog).to_be_hidden()


def test_a_price_is_added_and_its_history_kept(visitor: Visitor, admin: Visitor) -> None:
    admin.arrive("/admin/billing")
    page = admin.page
    expect(page.get_by_role("note")).to_contain_text("no price")
    page.get_by_role("button", name=f"Set a price for {MODEL}").click()
    add_price(page, "1", "2")
    expect(admin.notices).to_contain_text(f"{MODEL} has a new price from now on.")
    page.get_by_role("row").filter(has_text=MODEL).click()
    history = page.get_by_role("dialog", name=MODEL)
    expect(history).to_contain_text("in force")
    history.get_by_role("button", name="Add a version").click()
    add_price(page, "3", "4.5")
    versions = history.get_by_role("listitem")
    expect(versions).to_have_count(2)
    expect(versions.first).to_contain_text("in force")
    expect(versions.first).to_contain_text("4.5")
    expect(versions.last).to_contain_text("superseded")
    visitor.call(model=MODEL, max_tokens=2)
    (record,) = visitor.records(1)
    tokens = record["prompt_tokens"] * Decimal(3) + record["completion_tokens"] * Decimal("4.5")
    assert Decimal(record["cost_usd"]) == tokens / 1_000_000
    page.keyboard.press("Escape")
    expect(history).to_be_hidden()
    admin.is_at("/admin/billing")


def test_a_price_for_some_requests_says_for_which(admin: Visitor) -> None:
    admin.arrive("/admin/billing?add=gpt-of-tiers")
    page = admin.page
    dialog = page.get_by_role("dialog", name="Add a price")
    dialog.get_by_label("Input", exact=True).fill("1")
    dialog.get_by_label("Output", exact=True).fill("2")
    dialog.get_by_role("button", name="More").click()
    dialog.get_by_role("combobox", name="At upstream").fill("default")
    dialog.get_by_label("Of tier").fill("priority")
    dialog.get_by_role("button", name="Add the price").click()
    expect(admin.notices).to_contain_text("gpt-of-tiers has a new price at default, of tier priority, from now on.")
    row = page.get_by_role("table", name="Prices in force").get_by_role("row").filter(has_text="gpt-of-tiers")
    expect(row.get_by_role("cell", name="default", exact=True)).to_be_visible()
    expect(row.get_by_role("cell", name="priority", exact=True)).to_be_visible()


def test_a_price_that_is_refused_is_told(admin: Visitor, faults: list[str]) -> None:
    admin.arrive("/admin/billing?add=a%20b")
    dialog = admin.page.get_by_role("dialog", name="Add a price")
    dialog.get_by_label("Input", exact=True).fill("1")
    dialog.get_by_label("Output", exact=True).fill("1")
    dialog.get_by_role("button", name="Add the price").click()
    expect(dialog.get_by_role("alert")).to_contain_text("model")
    forgive(faults, "status of 422")
