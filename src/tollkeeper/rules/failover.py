"""Failover: what follows when an attempt at an upstream has failed.

`ROWS` is the table, a row for each way to fail; the bounds of `Attempts` and of `RetryBudget` apply to each of its
retries. An upstream that may charge is not asked again, nor another instead, once it may have done the work.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Literal

from msgspec import Struct

from tollkeeper.rules.outcomes import Outcome
from tollkeeper.rules.recent import RecentCount

MOST_WHOLE = 2
"""Upstreams that take a request in whole: one that crashes what it runs on must not visit a third."""
RETRY_SHARE = 5
"""One retry for this many requests."""
SPARE_RETRIES = 10
RECENT = 10.0


class Step(Enum):
    """What the table says. The value says it in the documents. The fresh connection of FRESH_THEN_NEXT is a part of the
    attempt, made by the client of the upstream."""

    NEXT = "next"
    FRESH_THEN_NEXT = "a fresh one, then next"
    NEXT_ONCE = "next, once"
    TO_CLIENT = "to the client as it is"
    FAIL = "502"
    TIME_OUT = "504"
    NEVER = "never"

    __repr__ = Enum.__str__


class Verdict(Enum):
    """What to do now. NEXT: try the next candidate. RAISE: the error is the client's."""

    NEXT = "next"
    RAISE = "raise"

    __repr__ = Enum.__str__


class Row(Struct, frozen=True, kw_only=True):
    """A row of the table. `free` and `paid`: the step where the upstream does not charge, and where it may.

    `whole`: the upstream took the request in, and may have begun with it; one that turns it away has not. `fails`: what
    has failed by it, for the breakers: the upstream or the model there. `rests`: what gets no requests for a while.
    `refreshes`: the upstream's list of models is out of date. `alerts`: only the operator can repair it.
    """

    free: Step
    paid: Step
    whole: bool = False
    fails: Literal["upstream", "model"] | None = None
    rests: Literal["upstream", "model"] | None = None
    refreshes: bool = False
    alerts: bool = False


ROWS: Mapping[Outcome, Row] = {
    Outcome.UNREACHABLE: Row(free=Step.NEXT, paid=Step.NEXT, fails="upstream"),
    Outcome.PARTLY_SENT: Row(free=Step.FRESH_THEN_NEXT, paid=Step.FRESH_THEN_NEXT, fails="upstream"),
    Outcome.BROKEN: Row(free=Step.NEXT_ONCE, paid=Step.FAIL, whole=True, fails="upstream"),
    Outcome.MODEL_MISSING: Row(free=Step.NEXT, paid=Step.NEXT, refreshes=True),
    Outcome.OVERLOADED: Row(free=Step.NEXT, paid=Step.NEXT, rests="model"),
    Outcome.UNAVAILABLE: Row(free=Step.NEXT, paid=Step.NEXT, rests="upstream"),
    Outcome.OPERATOR_FAULT: Row(free=Step.NEXT, paid=Step.NEXT, rests="upstream", alerts=True),
    # Providers answer it for one model, or for what one user wrote, too: the other models of the upstream go on.
    Outcome.FORBIDDEN: Row(free=Step.NEXT, paid=Step.NEXT, rests="model", alerts=True),
    Outcome.MODEL_FAILED: Row(free=Step.NEXT_ONCE, paid=Step.NEXT_ONCE, whole=True, fails="model"),
    Outcome.BAD_GATEWAY: Row(free=Step.NEXT_ONCE, paid=Step.NEXT_ONCE, whole=True, fails="upstream"),
    # It may be one user's requests that it does not do: the other models of the upstream go on.
    Outcome.UNSUPPORTED: Row(free=Step.FAIL, paid=Step.FAIL, fails="model"),
    Outcome.TOO_SLOW: Row(free=Step.TIME_OUT, paid=Step.TIME_OUT, whole=True, fails="upstream"),
    Outcome.REFUSED: Row(free=Step.TO_CLIENT, paid=Step.TO_CLIENT),
    Outcome.UNEXPECTED: Row(free=Step.FAIL, paid=Step.FAIL),
    # The bound is the gateway's own, and what exceeds it may be what one user asked for.
    Outcome.TOO_LONG: Row(free=Step.FAIL, paid=Step.FAIL, whole=True),
    Outcome.STREAM_DIED: Row(free=Step.NEVER, paid=Step.NEVER, whole=True, fails="model"),
}


class Attempts(Struct):
    """The attempts of one request so far. `whole`: upstreams that took it in whole."""

    count: int = 0
    whole: int = 0

    def decide(self, outcome: Outcome, *, paid: bool) -> Verdict:
        """Count an attempt that failed, and decide what follows."""
        row = ROWS[outcome]
        self.count += 1
        self.whole += row.whole
        step = row.paid if paid else row.free
        if step in {Step.NEXT, Step.FRESH_THEN_NEXT}:
            return Verdict.NEXT
        if step is Step.NEXT_ONCE and self.whole < MOST_WHOLE:
            return Verdict.NEXT
        return Verdict.RAISE


class RetryBudget:
    """The retries that upstreams without slots may get: nothing else keeps a failure of one from becoming twice the
    requests of the others. `now` is in seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._requests = RecentCount(RECENT)
        self._retries = RecentCount(RECENT)
        self.request = self._requests.add
        """Count a request, once, whatever number of attempts it takes."""

    def __repr__(self) -> str:
        return f"RetryBudget({self._retries!r} of {self._requests!r})"

    def take(self, now: float) -> bool:
        """Take one retry, if one is left."""
        if self._retries.total(now) >= self._requests.total(now) // RETRY_SHARE + SPARE_RETRIES:
            return False
        self._retries.add(now)
        return True
