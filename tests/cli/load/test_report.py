"""What the table and the page both show, and the format of numbers."""

from __future__ import annotations

import msgspec
import pytest

from tests.cli.load.reports import distribution, on_terminal, report
from tollkeeper.cli.load.measurements import Measurements
from tollkeeper.cli.load.page import page
from tollkeeper.cli.load.report import duration, number


def test_streams_have_additional_columns() -> None:
    streams = msgspec.structs.replace(report().result, first=distribution(0.2), between=distribution(0.01, 0.02))
    told = report(stream=True, result=streams)
    for text in (on_terminal(told), page(told)):
        assert "first token" in text
        assert "between tokens" in text
    assert page(told).count("<svg") == 3
    assert "first token" not in on_terminal(report())


def test_a_load_without_successes_has_no_distributions() -> None:
    nothing = Measurements()
    nothing.add_failure("timed out", 1.0, 3)
    told = report(result=nothing.result(0.0, 0, 0.0))
    assert "timed out" in on_terminal(told)
    assert "p50" not in on_terminal(told)
    assert "<svg" not in page(told)


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
