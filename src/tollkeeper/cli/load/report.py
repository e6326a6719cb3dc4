"""The report of a load: its plan and its result, as JSON, and as text for a terminal and a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from tollkeeper.cli.load.result import Distribution, Result
from tollkeeper.cli.terminal import counted

_FIGURES = (
    ("fastest", "fastest"),
    ("average", "average"),
    ("p50", "p50"),
    ("p90", "p90"),
    ("p99", "p99"),
    ("p99.9", "p999"),
    ("slowest", "slowest"),
)


class Report(Struct, frozen=True):
    """The plan and the result of a load, without keys, prompts and responses. `rate` is the planned rate, None for a
    closed loop; `started_at` is in RFC 3339; `stopped` says that a signal ended the load early."""

    url: str
    model: str
    stream: bool
    connections: int
    rate: float | None
    started_at: str
    stopped: bool
    result: Result

    @property
    def title(self) -> str:
        """One sentence about the load."""
        done = self.result.answered + self.result.failed + self.result.unfinished
        how = f"{counted(done, 'streamed request' if self.stream else 'request')} for {self.model}"
        at = f", at {self.rate:g} per second," if self.rate is not None else ""
        stopped = "; stopped early" if self.stopped else ""
        return f"{how}{at} over {counted(self.connections, 'connection')} in {duration(self.result.seconds)}{stopped}"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Names and values of the figures that have one value."""
        result = self.result
        yield "requests/s", number(result.rate)
        yield "answered", f"{result.answered:,}"
        yield "failed", f"{result.failed:,}"
        if result.unfinished:
            yield "unfinished", f"{result.unfinished:,}"
        if self.rate is not None:
            late = result.late
            worst = f", by {duration(late.p50)} at the median, {duration(late.slowest)} at most" if late.count else ""
            yield "sent late", f"{late.count:,}{worst}"
        if result.completion_tokens is not None and result.tokens_rate is not None:
            yield "output tokens", f"{result.completion_tokens:,}"
            yield "tokens/s", number(result.tokens_rate)
        yield "content received", f"{result.received / 1e6:,.3g} MB"

    def columns(self) -> Sequence[Column]:
        """Columns of the table: each kind of duration that was measured."""
        named = (
            Column("latency", self.result.latency),
            Column("first token", self.result.first),
            Column("between tokens", self.result.between),
        )
        return [column for column in named if column.distribution.count]

    def outcomes(self) -> Iterator[tuple[str, str]]:
        """Statuses, then reasons of failures, each with its count."""
        yield from ((f"status {status}", f"{count:,}") for status, count in self.result.statuses.items())
        yield from ((reason, f"{count:,}") for reason, count in self.result.errors.items())


class Column(NamedTuple):
    """One kind of duration."""

    name: str
    distribution: Distribution


def figures(columns: Sequence[Column]) -> Iterator[tuple[str, list[str]]]:
    """Rows of the table: the name of a statistic, and its value in each column."""
    for name, field in _FIGURES:
        yield name, [duration(getattr(column.distribution, field)) for column in columns]


def duration(seconds: float) -> str:
    """Format a duration with three digits, in s, ms or µs."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds * 1e6)} µs" if seconds else "0"


def number(value: float) -> str:
    """Format a number with three digits, or as many as its whole part has."""
    return f"{value:,.0f}" if value >= 99.95 or not value else f"{value:#.3g}"
