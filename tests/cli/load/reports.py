"""Reports as the generator could have made them."""

from __future__ import annotations

import io

import msgspec
from rich.console import Console

from tollkeeper.cli.load.histogram import Histogram
from tollkeeper.cli.load.report import Report
from tollkeeper.cli.load.result import Distribution, Result
from tollkeeper.cli.load.table import show

NASTY = "<script>alert('&\"')</script>\x1b[31m"


def distribution(*seconds: float) -> Distribution:
    histogram = Histogram()
    for one in seconds:
        histogram.record(one)
    return histogram.distribution()


def report(**given: object) -> Report:
    result = Result(
        answered=98,
        failed=2,
        unfinished=0,
        seconds=2.0,
        rate=49.0,
        statuses={200: 98, 429: 1},
        errors={"429 rate_limit_exceeded": 1, "connection refused": 1},
        latency=distribution(*(0.010 + n / 10_000 for n in range(98))),
        first=Distribution(),
        between=Distribution(),
        late=Distribution(),
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
