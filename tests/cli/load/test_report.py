"""What came of it in words, on a terminal and as a page."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import msgspec
import pytest
from rich.console import Console

from tollkeeper.cli.load.chart import chart
from tollkeeper.cli.load.histogram import Histogram
from tollkeeper.cli.load.page import page
from tollkeeper.cli.load.report import Report, duration, number
from tollkeeper.cli.load.result import Result, Spread
from tollkeeper.cli.load.table import show
from tollkeeper.cli.load.tally import Tally

NASTY = "<script>alert('&\"')</script>\x1b[31m"


def spread(*seconds: float) -> Spread:
    histogram = Histogram()
    for one in seconds:
        histogram.record(one)
    return histogram.spread()


def report(**given: object) -> Report:
    result = Result(
        answered=98,
        failed=2,
        unfinished=0,
        seconds=2.0,
        rate=49.0,
        statuses={200: 98, 429: 1},
        errors={"429 rate_limit_exceeded": 1, "connection refused": 1},
        latency=spread(*(0.010 + n / 10_000 for n in range(98))),
        first=Spread(),
        between=Spread(),
        late=Spread(),
        received=60_000,
        events=0,
        reads=98,
        completion_tokens=980,
        cpu=0.1,
    )
    fields = {
        "url": "http://127.0.0.1:8000",
        "model": "tiny",
        "stream": False,
        "connections": 10,
        "rate": None,
        "started_at": "2026-11-20T12:00:00Z",
        "stopped": False,
        "result": result,
    }
    return msgspec.convert(fields | given, Report, from_attributes=True)


def on_terminal(told: Report) -> str:
    out = io.StringIO()
    show(told, Console(file=out, width=100))
    return out.getvalue()


def test_the_table_has_every_figure() -> None:
    lines = [re.split(r"\s{2,}", line.strip()) for line in on_terminal(report()).splitlines()]
    for row in (
        ["100 requests for tiny over 10 connections in 2.00 s"],
        ["requests/s", "49.0"],
        ["failed", "2"],
        ["tokens/s", "490"],
        ["fastest", "10.0 ms"],
        ["average", "14.9 ms"],
        ["p50", "14.8 ms"],
        ["p90", "18.8 ms"],
        ["p99", "19.7 ms"],
        ["slowest", "19.7 ms"],
        ["status 200", "98"],
        ["status 429", "1"],
        ["429 rate_limit_exceeded", "1"],
        ["connection refused", "1"],
    ):
        assert row in lines


def test_an_open_loop_tells_who_was_sent_late() -> None:
    late = msgspec.structs.replace(report().result, late=spread(0.5, 0.5, 2.0))
    assert "3, by 500 ms at the median, 2.00 s at most" in on_terminal(report(rate=100.0, result=late))
    assert re.search(r"sent late +0\b", on_terminal(report(rate=100.0)))
    assert "sent late" not in on_terminal(report())


def test_streams_have_columns_of_their_own() -> None:
    streams = msgspec.structs.replace(report().result, first=spread(0.2), between=spread(0.01, 0.02))
    told = report(stream=True, result=streams)
    for text in (on_terminal(told), page(told)):
        assert "first token" in text
        assert "between tokens" in text
    assert page(told).count("<svg") == 3
    assert "first token" not in on_terminal(report())


def test_nothing_answered_is_told_without_figures() -> None:
    nothing = Tally()
    nothing.fault("timed out", 1.0, 3)
    told = report(result=nothing.result(0.0, 0, 0.0))
    assert "timed out" in on_terminal(told)
    assert "p50" not in on_terminal(told)
    assert "<svg" not in page(told)


def test_names_can_do_nothing_to_a_terminal() -> None:
    assert "\x1b" not in on_terminal(report(model=NASTY))


def test_the_page_takes_names_as_text() -> None:
    text = page(report(model=NASTY, url=f"http://x/{NASTY}"))
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#x27;&amp;&quot;&#x27;)&lt;/script&gt;" in text


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    text = page(report())
    elements = Elements()
    elements.feed(text)
    assert elements.open == []
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(elements.names)
    assert not {"src", "href", "srcset"} & {name for name, _ in elements.attributes}
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("seconds", [(0.01,), (0.01, 0.01), (0.0, 0.0), (0.0, 1.0), (1e-6, 1e3), (0.0101, 0.0102)])
def test_a_chart_of_whatever_was_measured(seconds: tuple[float, ...]) -> None:
    shown = ET.fromstring(chart(spread(*seconds), "Distribution"))
    bars = shown.findall("rect")
    assert sum(int((bar.findtext("title") or "").rpartition(" ")[2]) for bar in bars) == len(seconds)
    assert max(float(bar.get("height", 0)) for bar in bars) > 100
    assert all(0 <= float(bar.get("x", -1)) <= 720 for bar in bars)
    assert len(shown.findall("text")) > 3  # marks, and at least one tick


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0"), (0.000_012_34, "12.3 µs"), (0.000_999_6, "1.00 ms"), (0.012_34, "12.3 ms"), (0.9996, "1.00 s"),
     (1.5, "1.50 s"), (75.25, "75.2 s"), (1234.5, "1,234 s")],
)  # fmt: skip
def test_durations(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (5, "5.00"), (99.96, "100"), (12345.6, "12,346"), (0.5, "0.500")]
)
def test_numbers(value: float, shown: str) -> None:
    assert number(value) == shown
