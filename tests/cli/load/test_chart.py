"""Charts of distributions."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.cli.load.reports import distribution
from tollkeeper.cli.load.chart import chart


@pytest.mark.parametrize("seconds", [(0.01,), (0.01, 0.01), (0.0, 0.0), (0.0, 1.0), (1e-6, 1e3), (0.0101, 0.0102)])
def test_a_chart_draws_every_duration(seconds: tuple[float, ...]) -> None:
    shown = ET.fromstring(chart(distribution(*seconds), "Distribution"))
    bars = shown.findall("rect")
    assert sum(int((bar.findtext("title") or "").rpartition(" ")[2]) for bar in bars) == len(seconds)
    assert max(float(bar.get("height", 0)) for bar in bars) > 100
    assert all(0 <= float(bar.get("x", -1)) <= 720 for bar in bars)
    assert len(shown.findall("text")) > 3  # marks, and at least one tick
