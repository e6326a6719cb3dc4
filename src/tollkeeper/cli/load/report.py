"""What was asked and what came of it: as JSON, and in words for a terminal and a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from tollkeeper.cli.load.result import Result, Spread
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
    """`rate` is that which was asked for, None for a closed loop; `started_at` is RFC 3339; `stopped`: before its end,
    by a signal. No key, prompt or answer is in here."""

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
        """What was done, in a sentence."""
        done = self.result.answered + self.result.failed + self.result.unfinished
        how = f"{counted(done, 'streamed request' if self.stream else 'request')} for {self.model}"
        at = f", {self.rate:g} due each second," if self.rate is not None else ""
        stopped = "; stopped early" if self.stopped else ""
        return f"{how}{at} over {counted(self.connections, 'connection')} in {duration(self.result.seconds)}{stopped}"

    def facts(self) -> Iterator[tuple[str, str]]:
        """Names and figures."""
        result = self.result
        yield "requests/s", number(result.rate)
        yield "answered", f"{result.answered:,}"
        yield "failed", f"{result.failed:,}"
        if result.unfinished:
            yield "under way at the end", f"{result.unfinished:,}"
        if self.rate is not None:
            late = result.late
            worst = f", by {duration(late.p50)} at the median, {duration(late.slowest)} at most" if late.count else ""
            yield "sent late", f"{late.count:,}{worst}"
        if result.completion_tokens is not None and result.tokens_rate is not None:
            yield "tokens of output", f"{result.completion_tokens:,}"
            yield "tokens/s", number(result.tokens_rate)
        yield "content received", f"{result.received / 1e6:,.3g} MB"

    def columns(self) -> Sequence[Column]:
        """What was measured, of what there is any."""
        named = (
            Column("latency", self.result.latency),
            Column("first token", self.result.first),
            Column("between tokens", self.result.between),
        )
        return [column for column in named if column.spread.count]

    def outcomes(self) -> Iterator[tuple[str, str]]:
        """Statuses, then what was wrong, and how often."""
        yield from ((f"status {status}", f"{count:,}") for status, count in self.result.statuses.items())
        yield from ((words, f"{count:,}") for words, count in self.result.errors.items())


class Column(NamedTuple):
    """Durations of one kind."""

    name: str
    spread: Spread


def figures(columns: Sequence[Column]) -> Iterator[tuple[str, list[str]]]:
    """Rows of a table: the name of a figure, and its value in each column."""
    for name, field in _FIGURES:
        yield name, [duration(getattr(column.spread, field)) for column in columns]


def duration(seconds: float) -> str:
    """In the unit that suits it, to three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= 0.9995 * size:
            return f"{number(seconds / size)} {unit}"
    return f"{number(seconds * 1e6)} µs" if seconds else "0"


def number(value: float) -> str:
    """To three digits, or as many as there are before the point."""
    return f"{value:,.0f}" if value >= 99.95 or not value else f"{value:#.3g}"
