"""The calls: filters in the link, one call reckoned out, and the file of what is shown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from tests.ollama.rig import Ollama
from tests.pages.conftest import NewWindow
from tests.pages.visitor import PASSWORD, Visitor
from tests.process.clock import Clock
from tests.process.served import served

BEFORE_MIDNIGHT = 1_795_217_400_000
"""2026-11-20T23:30:00Z"""
HOUR = 3_600_000


@pytest.fixture
def caller(visitor: Visitor) -> Visitor:
    """Has called two models, three times."""
    visitor.call()
    visitor.call(model="tiny-loop", max_tokens=20)
    visitor.call(max_tokens=3)
    return visitor


def test_filters_are_in_the_link_and_in_the_file(caller: Visitor, tmp_path: Path) -> None:
    caller.arrive("/calls")
    page = caller.page
    table = page.get_by_role("table", name="Calls").locator("tbody tr")
    expect(table).to_have_count(3)
    page.get_by_text("Today", exact=True).click()
    caller.choose("Model", "tiny:latest")
    expect(table).to_have_count(2)
    caller.choose("Status", "Completed")
    expect(page).to_have_url(re.compile("period=today"))
    page.reload()
    expect(table).to_have_count(2)
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("tiny:latest")
    expect(page.get_by_role("combobox", name="Status", exact=True)).to_have_value("Completed")
    expect(page.get_by_text("2 of 2 calls, newest first")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "calls.csv")
    found = list(csv.DictReader(io.StringIO((tmp_path / "calls.csv").read_text(encoding="utf-8-sig"))))
    shown = [record for record in caller.records(3) if record["model"] == "tiny:latest"]
    assert [line["request_id"] for line in found] == [record["request_id"] for record in shown]
    assert [Decimal(line["cost_usd"]) for line in found] == [Decimal(record["cost_usd"]) for record in shown]
    caller.choose("Status", "Failed")
    expect(page.get_by_text("No calls match")).to_be_visible()
    page.get_by_role("button", name="Clear the filters").click()
    expect(table).to_have_count(3)


def dollars(text: str) -> Decimal:
    return Decimal(text.split(" ")[0].removeprefix("$").replace(",", ""))


def test_a_calls_cost_is_the_multiplication_that_is_written_out(caller: Visitor) -> None:
    caller.arrive("/calls")
    page = caller.page
    first = caller.records(3)[0]
    page.get_by_role("table", name="Calls").locator("tbody tr").first.click()
    detail = page.get_by_role("dialog", name="Call")
    expect(page).to_have_url(re.compile(rf"/ui/calls/{first['request_id']}"))
    bill = detail.get_by_role("table")
    expect(bill.locator("tbody tr")).to_have_count(2)
    total = Decimal(0)
    for line, count in zip(
        bill.locator("tbody tr").all(), (first["prompt_tokens"], first["completion_tokens"]), strict=True
    ):
        tokens, price, cost = (cell.inner_text() for cell in line.locator("td").all())
        assert int(tokens.replace(",", "")) == count
        assert int(tokens.replace(",", "")) * dollars(price) / 1_000_000 == dollars(cost)
        total += dollars(cost)
    in_all = bill.locator("tfoot td").all()
    assert int(in_all[0].inner_text()) == first["total_tokens"]
    assert dollars(in_all[2].inner_text()) == total == Decimal(first["cost_usd"])
    expect(detail).to_contain_text(first["request_id"])
    # Its link shows it too, and Esc leads back to the list as it was.
    page.reload()
    expect(detail).to_contain_text(first["request_id"])
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    caller.is_at("/calls")


def test_anothers_call_is_not_there(caller: Visitor, newcomer: Callable[..., Visitor], faults: list[str]) -> None:
    other = newcomer()
    request_id = caller.records(3)[0]["request_id"]
    other.arrive(f"/calls/{request_id}")
    expect(other.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    expect(other.page.get_by_text("tiny:latest")).to_have_count(0)
    assert any("status of 404" in fault for fault in faults)
    faults[:] = [fault for fault in faults if "status of 404" not in fault]


def test_an_admin_sees_everyones_and_narrows_them_down_to_one(caller: Visitor, admin: Visitor) -> None:
    admin.arrive(f"/admin/calls?user={caller.user_id}")
    page = admin.page
    table = page.get_by_role("table", name="Calls").locator("tbody tr")
    expect(table).to_have_count(3)
    expect(table.first).to_contain_text(caller.user_id)
    table.first.click()
    detail = page.get_by_role("dialog", name="Call")
    detail.get_by_role("link", name=caller.user_id).click()
    admin.is_at(f"/admin/users/{caller.user_id}")


def test_a_call_that_failed_and_requests_that_were_refused_say_why(visitor: Visitor) -> None:
    """An input that is longer than the context, and a limit of one request."""
    headers = {"authorization": f"Bearer {visitor.key}"}
    ask = {"model": "tiny", "input": "Hi " * 20_000, "truncate": False}
    visitor.limit(requests_per_day=1)
    answers = [
        httpx.post(f"{visitor.gateway.url}/api/embed", headers=headers, json=ask, timeout=60, verify=False)
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [400, 429, 429]
    visitor.arrive("/calls")
    page = visitor.page
    row = page.get_by_role("table", name="Calls").locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("failed")
    expect(row).to_contain_text("too long")
    row.click()
    detail = page.get_by_role("dialog", name="Call")
    expect(detail).to_contain_text(
        "The request was longer than the model’s context. Send a shorter one. The upstream answered with status 400."
    )
    while visitor.gateway.ask(visitor.key, "GET", "/v1/refusals")["total"]["count"] < 2:
        page.wait_for_timeout(100)  # they are written every few seconds
    visitor.open("/home")
    refused = page.get_by_role("table", name="Refused requests").locator("tbody tr")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("Limit: requests per day 429")
    expect(refused).to_contain_text("2")


def test_home_tells_what_was_spent_against_the_limits(caller: Visitor) -> None:
    caller.limit(requests_per_day=4, cost_usd_per_month=1)
    caller.arrive("/home")
    page = caller.page
    limits = page.get_by_role("region", name="Limits").or_(page.locator("section").filter(has_text="Requests per day"))
    expect(limits.first).to_contain_text("3 of 4")
    expect(limits.first).to_contain_text("1 left")
    expect(limits.first).to_contain_text(re.compile("resets (in|tomorrow)"))
    records = caller.records(3)
    expect(page.locator("dl").first).to_contain_text(f"{sum(one['prompt_tokens'] for one in records)} tokens")
    expect(page.locator("dl").first).to_contain_text(f"{sum(one['completion_tokens'] for one in records)} tokens")


@pytest.mark.parametrize(
    ("zone", "times"),
    [
        ("Pacific/Auckland", ("21 Nov, 12:30:00", "21 Nov, 13:30:00")),
        ("America/Los_Angeles", ("20 Nov, 15:30:00", "20 Nov, 16:30:00")),
    ],
)
def test_a_link_to_a_days_calls_means_that_day_wherever_it_is_opened(
    ollama: Ollama, window: NewWindow, tmp_path: Path, zone: str, times: tuple[str, str]
) -> None:
    """Its times are those of the browser."""
    clock = Clock.at(tmp_path / "clock", BEFORE_MIDNIGHT)
    with served(tmp_path, ollama.url, clock=clock) as gateway:
        made = gateway.admin("POST", "/admin/users", {"user_id": "ann", "password": PASSWORD})
        ann = Visitor(gateway, window(at=gateway.url, timezone_id=zone), "ann", made["api_key"])
        ann.call()
        clock.set(BEFORE_MIDNIGHT + HOUR)
        ann.call()
        ann.arrive("/calls")
        for day, shown in zip(("2026-11-20", "2026-11-21"), times, strict=True):
            ann.open(f"/calls?period=custom&from={day}&to={day}")
            rows = ann.page.get_by_role("table", name="Calls").locator("tbody tr")
            expect(rows).to_have_count(1)
            expect(rows.first).to_contain_text(shown)
        ann.leave()
