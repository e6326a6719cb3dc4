"""Counts and durations of all requests of a load, collected while it runs."""

from __future__ import annotations

from collections import Counter

from tollkeeper.cli.load.histogram import Histogram
from tollkeeper.cli.load.result import Result

_MAX_ERRORS = 50
"""Distinct errors that are counted separately, so that texts from a server cannot fill the memory."""
_OTHER = "other errors"


class Measurements:
    """Counts and durations, as `Result` defines them. `ended` is the time of the last response."""

    def __init__(self) -> None:
        self.answered = self.failed = self.received = self.events = self.reads = 0
        self.completion_tokens: int | None = None
        self.statuses: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self.latency = Histogram()
        self.first = Histogram()
        self.between = Histogram()
        self.late = Histogram()
        self.ended = 0.0

    def add_success(self, began: float, now: float) -> None:
        """Count a request with a complete response without errors."""
        self.answered += 1
        self.latency.record(now - began)
        self.ended = now

    def add_failure(self, reason: str, now: float, count: int = 1) -> None:
        """Count `count` requests that failed for the same reason."""
        self.failed += count
        self.errors[reason if reason in self.errors or len(self.errors) < _MAX_ERRORS else _OTHER] += count
        self.ended = now

    def add_tokens(self, count: int) -> None:
        """Count the output tokens that a response reports."""
        self.completion_tokens = (self.completion_tokens or 0) + count

    def result(self, began: float, unfinished: int, cpu: float) -> Result:
        """Summarize the load that began at `began` and used `cpu` seconds of processor time."""
        seconds = max(0.0, self.ended - began)
        return Result(
            answered=self.answered,
            failed=self.failed,
            unfinished=unfinished,
            seconds=seconds,
            rate=self.answered / seconds if seconds else 0.0,
            statuses=dict(sorted(self.statuses.items())),
            errors=dict(self.errors.most_common()),
            latency=self.latency.distribution(),
            first=self.first.distribution(),
            between=self.between.distribution(),
            late=self.late.distribution(),
            received=self.received,
            events=self.events,
            reads=self.reads,
            completion_tokens=self.completion_tokens,
            cpu=cpu,
        )
