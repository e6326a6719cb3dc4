"""The explorer: any period, grouped and filtered, from a figure down to its calls, and all of it in the address."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ollama.rig import Ollama
from tests.pages.conftest import NewWindow, furnish
from tests.pages.test_every_page import cut_off, settle, too_wide, violations
from tests.pages.visitor import ADMIN, ADMIN_PASSWORD, PASSWORD, Visitor
from tests.process.clock import Clock
from tests.process.served import Served, served

HOUR = 3_600_000
DAY = 24 * HOUR
NIGHTLY = "nightly.report.of.the.finance.department@somewhere.example.com"
USERS = ("ann", "bob", "cem", NIGHTLY)
PEAK = 13
"""The hour of yesterday in which one key called one model far more than ever."""
AT_PEAK = 6
NOW = int(time.time() * 1000) // DAY * DAY + int(time.time() * 1000) % DAY
YESTERDAY = NOW // DAY * DAY - DAY


class Used:
    """A gateway with a week of calls by four users, one of whose keys stands out for an hour of yesterday."""

    def __init__(self, gateway: Served, clock: Clock) -> None:
        self.gateway = gateway
        self.clock = clock
        self.keys = {user: self._user(user) for user in USERS}
        named = gateway.ask(self.keys[NIGHTLY], "POST", "/me/keys", {"name": "report-7"})
        self.report = named["api_key"]

    def _user(self, user_id: str) -> str:
        form = {"user_id": user_id, "password": PASSWORD}
        key: str = self.gateway.admin("POST", "/admin/users", form)["api_key"]
        return key

    def call(self, key: str, model: str = "tiny", **fields: object) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3} | fields
        url = f"{self.gateway.url}/v1/chat/completions"
        return httpx.post(url, headers={"authorization": f"Bearer {key}"}, json=body, timeout=60, verify=False)

    def fill(self) -> None:
        for day, hour in ((-5, 9), (0, 9), (0, PEAK), (0, 17)):
            self.clock.set(YESTERDAY + day * DAY + hour * HOUR)
            for user in USERS:
                assert self.call(self.keys[user], metadata={"project": "blue" if user == "ann" else "red"}).is_success
        self.clock.set(YESTERDAY + PEAK * HOUR + 60_000)
        for _ in range(AT_PEAK):
            assert self.call(self.report, "tiny-loop", max_tokens=40).is_success
        too_much = {"model": "tiny", "input": "Hi " * 20_000, "truncate": False}
        headers = {"authorization": f"Bearer {self.keys['bob']}"}
        url = f"{self.gateway.url}/api/embed"
        assert httpx.post(url, headers=headers, json=too_much, timeout=60, verify=False).status_code == 400
        self.gateway.admin("PUT", "/admin/users/cem/limits", {"allowed_models": ["tiny:latest"]})
        assert [self.call(self.keys["cem"], "tiny-loop").status_code for _ in range(2)] == [403, 403]
        self.clock.set(NOW)


@pytest.fixture(scope="module")
def used(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Used]:
    folder = tmp_path_factory.mktemp("usage")
    clock = Clock.at(folder / "clock", YESTERDAY - 6 * DAY)
    with served(folder, ollama.url, clock=clock) as gateway:
        furnish(gateway)
        used = Used(gateway, clock)
        used.fill()
        yield used


@pytest.fixture
def boss(used: Used, window: NewWindow) -> Iterator[Visitor]:
    opened = Visitor(used.gateway, window(at=used.gateway.url), ADMIN, "", ADMIN_PASSWORD)
    yield opened
    opened.leave()


@pytest.fixture
def ann(used: Used, window: NewWindow) -> Iterator[Visitor]:
    opened = Visitor(used.gateway, window(at=used.gateway.url), "ann", "")
    yield opened
    opened.leave()


def table(page: Page) -> Locator:
    return page.get_by_role("table", name="Usage by group")


def rows(page: Page) -> Locator:
    return table(page).locator("tbody tr")


def place_of(page: Page, head: str) -> int:
    """The number of a column by its head."""
    heads = [text.strip().replace("\n", " ") for text in table(page).locator("thead th").all_inner_texts()]
    return heads.index(head)


def cell(page: Page, row: Locator, head: str) -> Locator:
    """The cell of a row below a head."""
    return row.locator("td").nth(place_of(page, head))


def column(page: Page, head: str) -> list[str]:
    """The figures below a head, without their changes."""
    found = [cell(page, row, head).inner_text() for row in rows(page).all()]
    return [text.split("\n")[0] for text in found]


def expect_column(page: Page, head: str, figures: list[str]) -> None:
    """Wait for these figures below a head: until rows in another order have come, the old ones stay."""
    cells = table(page).locator(f"tbody td:nth-child({place_of(page, head) + 1})")
    expect(cells).to_have_text([re.compile(rf"^{re.escape(figure)}(?!\d)") for figure in figures])


def sort_by(page: Page, head: str, order: str) -> None:
    button = table(page).get_by_role("button", name=re.compile(rf"^{head}"))
    button.click()
    expect(table(page).locator(f'th[aria-sort="{order}"]')).to_have_text(re.compile(head))


def test_yesterdays_anomaly_is_found_by_clicks_alone(boss: Visitor) -> None:
    boss.arrive("/admin")
    page = boss.page
    boss.rail.get_by_role("link", name="Usage").click()
    expect(page.get_by_role("heading", name="Usage", exact=True)).to_be_visible()
    page.get_by_text("7 days", exact=True).click()
    # Who: the user that cost most.
    expect(rows(page).first).to_contain_text(NIGHTLY)
    expect(cell(page, rows(page).first, "Cost")).to_contain_text("new")
    rows(page).first.get_by_role("link", name=NIGHTLY).click()
    # With what: the model.
    expect(page.get_by_role("group", name="Filters")).to_contain_text(NIGHTLY)
    expect(rows(page).first).to_contain_text("tiny-loop:latest")
    rows(page).first.get_by_role("link", name="tiny-loop:latest").click()
    # When: the day, and its hour.
    expect(rows(page)).to_have_count(1)
    rows(page).first.get_by_role("link").first.click()
    hour = time.strftime("%H:00", time.gmtime((YESTERDAY + PEAK * HOUR) / 1000))
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text(hour)
    # The calls, and their key.
    cell(page, rows(page).first, "Requests").get_by_role("link").click()
    boss.is_at("/admin/calls")
    expect(page.get_by_text(f"{AT_PEAK} of {AT_PEAK} calls, newest first")).to_be_visible()
    page.go_back()
    boss.choose("Group by", "Key")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("report-7")


def test_groups_sort_by_every_figure_and_the_address_keeps_it_all(boss: Visitor) -> None:
    boss.arrive("/admin/usage?period=7d")
    page = boss.page
    expect(rows(page)).to_have_count(len(USERS))
    requests = sorted(column(page, "Requests"), key=int)  # before any rows are on their way
    for head in ("Requests", "Tokens", "Input", "Output", "Cost", "Errors", "Refused", "First token p95", "Total p50"):
        sort_by(page, head.split(" p")[0] if " p" not in head else head.replace(" p", r"\s*p"), "descending")
    sort_by(page, "Requests", "descending")
    expect_column(page, "Requests", requests[::-1])
    sort_by(page, "Requests", "ascending")
    expect_column(page, "Requests", requests)
    boss.choose("Then by", "Model")
    expect(rows(page)).to_have_count(len(USERS) + 2)
    shown = rows(page).all_inner_texts()
    page.reload()
    expect(rows(page)).to_have_count(len(USERS) + 2)
    assert rows(page).all_inner_texts() == shown
    assert parse_qs(urlsplit(page.url).query)["group_by"] == ["user,model"]


def test_the_file_holds_what_the_table_shows(boss: Visitor, tmp_path: Path) -> None:
    boss.arrive("/admin/usage?period=7d&group_by=user,model&order_by=-total_tokens")
    page = boss.page
    expect(rows(page)).to_have_count(len(USERS) + 2)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "usage.csv")
    found = list(csv.DictReader(io.StringIO((tmp_path / "usage.csv").read_text(encoding="utf-8-sig"))))
    assert [line["user_id"] for line in found] == column(page, "User")
    assert [line["model"] for line in found] == column(page, "Model")
    assert [line["requests"] for line in found] == column(page, "Requests")
    assert [line["errors"] for line in found] == column(page, "Errors")
    spent = page.locator("dl > div").filter(has=page.locator("dt", has_text="Cost")).locator("dd").inner_text()
    shown = Decimal(spent.split("\n")[0].removeprefix("$"))
    total = sum(Decimal(line["cost_usd"]) for line in found)
    assert round(total, -shown.as_tuple().exponent) == shown  # type: ignore[operator]


def test_filters_are_added_and_taken_away(boss: Visitor) -> None:
    boss.arrive("/admin/usage?period=7d")
    page = boss.page
    chips = page.get_by_role("group", name="Filters")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_role("combobox", name="Value").fill("bo")
    page.get_by_role("option", name="bob").click()
    page.get_by_role("button", name="Add filter").click()
    expect(chips).to_contain_text("bob")
    expect(rows(page)).to_have_count(1)
    # A tag, whose name is suggested.
    page.get_by_role("button", name="Filter", exact=True).click()
    boss.choose("Filter by", "Tag")
    page.get_by_role("combobox", name="Name of the tag").fill("proj")
    page.get_by_role("option", name="project").click()
    page.get_by_role("combobox", name="Value").fill("blue")
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Any tag project").click()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name="Any user").click()
    expect(rows(page)).to_have_count(len(USERS))
    group = page.get_by_role("combobox", name="Group by", exact=True)
    group.fill("project")
    page.get_by_role("option", name="Tag project").click()
    expect(rows(page)).to_have_count(3)
    expect(rows(page)).to_contain_text(["without it", "red", "blue"], use_inner_text=True)


def test_errors_and_refusals_lead_to_what_they_are(boss: Visitor) -> None:
    boss.arrive("/admin/usage?period=7d")
    page = boss.page
    cell(page, rows(page).filter(has_text="bob"), "Errors").get_by_role("link").click()
    failed = rows(page).filter(has_text="Failed")
    cell(page, failed, "Requests").get_by_role("link").click()
    expect(page.get_by_text("1 of 1 call, newest first")).to_be_visible()
    expect(page.get_by_role("table", name="Calls").locator("tbody tr")).to_contain_text("too long")
    page.go_back()
    page.go_back()
    cell(page, rows(page).filter(has_text="cem"), "Refused").get_by_role("link").click()
    reasons = page.get_by_role("dialog", name="Refused requests")
    expect(reasons.locator("tbody tr")).to_have_count(1)
    expect(reasons.locator("tbody tr")).to_contain_text("Model not allowed")
    expect(reasons.locator("tbody tr")).to_contain_text("2")
    page.keyboard.press("Escape")
    expect(reasons).to_be_hidden()
    expect(rows(page)).to_have_count(len(USERS))


def test_the_chart_is_of_a_figure_and_narrows_the_period(boss: Visitor) -> None:
    boss.arrive("/admin/usage?period=7d")
    page = boss.page
    chart = page.get_by_role("region", name="Cost by day (UTC) and user", exact=True)
    expect(chart.locator("svg[role=img]")).to_be_visible()
    boss.choose("Figure of the chart", "Total p95")
    chart = page.get_by_role("region", name="Total p95 by day (UTC) and user", exact=True)
    chart.get_by_role("button", name="Table").click()
    expect(chart.get_by_role("columnheader")).to_have_count(1 + len(USERS))
    chart.get_by_role("button", name="Chart").click()
    # By the keyboard: the day before today.
    plot = chart.locator("svg[role=img]")
    plot.focus()
    for key in ("ArrowLeft", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Total p95 by hour (UTC) and user")).to_be_visible()
    expect(rows(page)).to_have_count(len(USERS))


def test_a_user_explores_their_own(ann: Visitor) -> None:
    ann.arrive("/home")
    page = ann.page
    ann.rail.get_by_role("link", name="Usage").click()
    expect(page.get_by_role("heading", name="Usage", exact=True)).to_be_visible()
    page.get_by_text("7 days", exact=True).click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("tiny:latest")
    page.get_by_role("combobox", name="Group by", exact=True).click()
    expect(page.get_by_role("option", name="Tag project")).to_be_visible()
    offered = page.get_by_role("option").all_inner_texts()
    assert "Key" in offered
    assert {"User", "Team"} & set(offered) == set()
    page.get_by_role("option", name="Key").click()
    expect(rows(page)).to_have_count(1)
    cell(page, rows(page).first, "Requests").get_by_role("link").click()
    ann.is_at("/calls")
    expect(page.get_by_text("4 of 4 calls, newest first")).to_be_visible()


@pytest.mark.parametrize(
    "query",
    ["", "?period=7d", "?period=7d&group_by=user,model&user=ann&model=tiny:latest&order_by=-errors", "?user=nobody"],
)
def test_it_is_usable_at_every_width_in_both_themes(boss: Visitor, query: str) -> None:
    boss.arrive(f"/admin/usage{query}")
    page = boss.page
    wrong: list[str] = []
    for width in (1440, 820, 360):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            settle(page)
            wrong += [f"{width}, {scheme}: {found}" for found in violations(page)]
        if (told := too_wide(page)) is not None:
            wrong.append(f"{width} px is too narrow: {told}")
    wrong += [f"360 px cuts off {part}" for part in cut_off(page)]
    page.get_by_role("button", name="Filter", exact=True).click()
    settle(page)
    wrong += [f"the form of a filter: {found}" for found in violations(page)]
    if (told := too_wide(page)) is not None:
        wrong.append(f"the form of a filter is too wide: {told}")
    assert wrong == [], "\n".join(wrong)


def test_colours_of_another_theme_are_there_at_once_where_motion_is_reduced(boss: Visitor) -> None:
    page = boss.page
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    boss.arrive("/admin/usage?period=7d")
    legend = page.get_by_role("region", name="Cost by day (UTC) and user").get_by_role("listitem").first
    expect(legend).to_be_visible()
    # Deep in the page: one that only sets out for its colour when its parents have theirs is last.
    shown, wanted = legend.evaluate(
        """one => {
            document.documentElement.dataset.mantineColorScheme = "dark";
            const fresh = document.createElement("i");
            fresh.style.color = "var(--text-quiet)";
            document.body.append(fresh);
            return [getComputedStyle(one).color, getComputedStyle(fresh).color];
        }"""
    )
    assert shown == wanted


def test_a_failure_is_said_and_tried_again(boss: Visitor, faults: list[str]) -> None:
    boss.arrive("/admin")
    page = boss.page
    page.route(
        "**/admin/usage/summary?*",
        lambda route: route.fulfill(status=503, json={"error": {"message": "The ledger rests."}}),
    )
    boss.rail.get_by_role("link", name="Usage").click()
    expect(page.get_by_role("alert").filter(has_text="The ledger rests.").first).to_be_visible()
    expect(page.locator(".mantine-Skeleton-root")).to_have_count(0)
    page.unroute("**/admin/usage/summary?*")
    page.get_by_text("7 days", exact=True).click()
    expect(rows(page)).to_have_count(len(USERS))
    faults[:] = [fault for fault in faults if "status of 503" not in fault]
