"""What came of all requests, while they run."""

from __future__ import annotations

from collections import Counter

from tollkeeper.cli.load.histogram import Histogram
from tollkeeper.cli.load.result import Result

_KINDS = 50
"""Kinds of errors told apart; a server's words must not fill the memory."""
_OTHER = "other errors"


class Tally:
    """Counts and durations; what each is, `Result` tells. `ended` is the moment of the last answer."""

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

    def good(self, began: float, now: float) -> None:
        """A request was answered as it should be."""
        self.answered += 1
        self.latency.record(now - began)
        self.ended = now

    def fault(self, words: str, now: float, count: int = 1) -> None:
        """So many requests were not."""
        self.failed += count
        self.errors[words if words in self.errors or len(self.errors) < _KINDS else _OTHER] += count
        self.ended = now

    def tokens(self, count: int) -> None:
        """An answer told its usage."""
        self.completion_tokens = (self.completion_tokens or 0) + count

    def result(self, began: float, unfinished: int, cpu: float) -> Result:
        seconds = max(0.0, self.ended - began)
        return Result(
            answered=self.answered,
            failed=self.failed,
            unfinished=unfinished,
            seconds=seconds,
            rate=self.answered / seconds if seconds else 0.0,
            statuses=dict(sorted(self.statuses.items())),
            errors=dict(self.errors.most_common()),
            latency=self.latency.spread(),
            first=self.first.spread(),
            between=self.between.spread(),
            late=self.late.spread(),
            received=self.received,
            events=self.events,
            reads=self.reads,
            completion_tokens=self.completion_tokens,
            cpu=cpu,
        )
