"""What people can rely on: one clock on a page, and a colour of its own for each model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ollama.rig import Ollama
from tests.pages.conftest import NewWindow
from tests.pages.visitor import PASSWORD, Visitor
from tests.process.clock import Clock
from tests.process.served import served

MINUTE = 60_000
NOWHERE = "http://127.0.0.1:9"


def at(text: str) -> int:
    """A moment of 20 or 21 November 2026 (UTC), "20 23:30"."""
    day, hour, minute = map(int, re.split("[ :]", text))
    return 1_795_132_800_000 + (((day - 20) * 24 + hour) * 60 + minute) * MINUTE


def figures(chart: Locator) -> dict[str, str]:
    """Of a chart's table, the last column by the first; without the rows of which it is $0."""
    rows = chart.locator("tbody tr").all()
    found = {row.locator("th").inner_text(): row.locator("td").last.inner_text() for row in rows}
    return {label: figure for label, figure in found.items() if not re.fullmatch(r"0|\$0(\.00)?", figure)}


def chart(page: Page, title: str) -> Locator:
    shown = page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True))
    shown.get_by_role("button", name="Table").click()
    expect(shown.locator("tbody tr").first).to_be_visible()
    return shown


@pytest.mark.parametrize(
    ("zone", "calls", "days", "times"),
    [
        # Half an hour off the hours of UTC: the second call is in the same hour of UTC as the first.
        ("Asia/Kolkata", ("20 18:15", "20 18:45"), ("20 Nov", "21 Nov"), ("20 Nov, 23:45", "21 Nov, 00:15")),
        ("America/New_York", ("20 04:30", "20 05:30"), ("19 Nov", "20 Nov"), ("19 Nov, 23:30", "20 Nov, 00:30")),
    ],
)
def test_a_page_has_one_clock_across_midnight(
    ollama: Ollama,
    window: NewWindow,
    tmp_path: Path,
    zone: str,
    calls: tuple[str, str],
    days: tuple[str, str],
    times: tuple[str, str],
) -> None:
    """Days of the chart, times of the table, and what a click on one opens; by the switch the same in UTC."""
    clock = Clock.at(tmp_path / "clock", at(calls[0]))
    with served(tmp_path, ollama.url, clock=clock) as gateway:
        made = gateway.admin("POST", "/admin/users", {"user_id": "ann", "password": PASSWORD})
        screen = window(at=gateway.url, timezone_id=zone)
        ann = Visitor(gateway, screen, "ann", made["api_key"])
        ann.call()
        clock.set(at(calls[1]))
        ann.call()
        ann.call()
        page = ann.page
        page.clock.set_fixed_time((at(calls[1]) + MINUTE) / 1000)
        ann.arrive("/home?period=7d")
        tokens = [record["total_tokens"] for record in ann.records(3)]
        found = chart(page, "Tokens by day and model")
        assert list(figures(found)) == [*days]
        assert figures(found)[days[0]] == str(tokens[-1])
        # Midnight is in the table of calls where it is in the chart.
        for day, count, time in ((days[0], 1, times[0]), (days[1], 2, times[1])):
            ann.open("/home?period=7d")
            found = chart(page, "Tokens by day and model")
            found.locator("tbody tr").filter(has_text=day).locator("td a").first.click()
            ann.is_at("/calls")
            rows = page.get_by_role("table", name="Calls").locator("tbody tr")
            expect(rows).to_have_count(count)
            expect(rows.first).to_contain_text(time)
            expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("tiny:latest")
            expect(page.get_by_role("radiogroup", name="Period")).to_contain_text(day)
        rows.first.locator("time").hover()
        expect(page.get_by_role("tooltip")).to_contain_text("UTC")
        # The switch is remembered.
        page.get_by_role("button", name=re.compile("^Times of your clock")).click()
        expect(rows.first).to_contain_text("UTC")
        ann.open("/home?period=7d")
        assert list(figures(chart(page, "Tokens by day (UTC) and model"))) == ["20 Nov"]
        ann.leave()


def dots(page: Page) -> dict[str, str]:
    """The colour of each model in the legend of the first chart."""
    legend = page.locator("ul").filter(has=page.locator("li span[style]")).first
    expect(legend.locator("li").first).to_be_visible()
    return {
        line.inner_text(): line.locator("span").first.evaluate("dot => getComputedStyle(dot).backgroundColor")
        for line in legend.locator("li").all()
    }


def test_a_model_keeps_its_colour_for_everyone(ollama: Ollama, window: NewWindow, tmp_path: Path) -> None:
    """With another user, without its upstream, after a restart."""
    with served(tmp_path, ollama.url) as gateway:
        keys = {}
        for user_id in ("ann", "bob"):
            made = gateway.admin("POST", "/admin/users", {"user_id": user_id, "password": PASSWORD})
            keys[user_id] = made["api_key"]
        seen = {}
        for user_id in ("ann", "bob"):
            one = Visitor(gateway, window(at=gateway.url), user_id, keys[user_id])
            one.call()
            one.call(model="tiny-loop", max_tokens=5)
            one.arrive("/home")
            seen[user_id] = dots(one.page)
            one.leave()
        assert set(seen["ann"]) == {"tiny:latest", "tiny-loop:latest"}
        assert len(set(seen["ann"].values())) == 2
        assert seen["bob"] == seen["ann"]
    with served(tmp_path, ollama.url) as gateway:
        for upstream in gateway.admin("GET", "/admin/upstreams")["data"]:
            gateway.admin("PATCH", f"/admin/upstreams/{upstream['id']}", {"base_url": NOWHERE})
        assert gateway.ask(keys["ann"], "GET", "/v1/models")["data"] == []
        ann = Visitor(gateway, window(at=gateway.url), "ann", keys["ann"])
        ann.arrive("/home")
        assert dots(ann.page) == seen["ann"]
        ann.leave()
