"""The report on a terminal."""

from __future__ import annotations

import re

import msgspec

from tests.cli.load.reports import NASTY, distribution, on_terminal, report


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


def test_an_open_loop_reports_late_requests() -> None:
    late = msgspec.structs.replace(report().result, late=distribution(0.5, 0.5, 2.0))
    assert "3, by 500 ms at the median, 2.00 s at most" in on_terminal(report(rate=100.0, result=late))
    assert re.search(r"sent late +0\b", on_terminal(report(rate=100.0)))
    assert "sent late" not in on_terminal(report())


def test_control_characters_in_names_are_escaped() -> None:
    assert "\x1b" not in on_terminal(report(model=NASTY))
