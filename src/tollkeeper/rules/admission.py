"""Admission: all limits of a request are checked in one step, and it reserves from all of them or from none.

There are two families of limits, for two purposes. Pace limits (second, minute, hour) protect the machines: a request
that does not fit is refused. Budgets (day, month, total) protect the money: an output allowance that does not fit is
clipped to what remains, down to 16 tokens, so that usage never exceeds the limit.

A counter has what was used (its window) and what is held for running requests. What a request holds are upper bounds;
its settlement replaces them with the actual usage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NoReturn

from msgspec import Struct

from tollkeeper.rules.limits import CHECKED_LIMITS, Counted
from tollkeeper.rules.owners import Scope
from tollkeeper.rules.windows import Window, new_window

REQUESTS, RUNNING, PACE_TOKENS, BUDGET_TOKENS, COST = range(5)
"""Indexes into `Amounts`: the amount of a request that a counter counts."""
Amounts = tuple[int, int, int, int, int]
"""Requests, running requests, tokens for pace limits, tokens for budgets, and cost in pico-dollars."""

MIN_ALLOWANCE = 16
"""Tokens of output below which a budget refuses a request instead of clipping its allowance."""
RETRY_HELD_AFTER_MS = 1_000
"""Milliseconds after which to retry a request that only reservations of running requests keep out: when those end is
unknown."""


class Counter:
    """Count of one limit in one scope: what was used over its span, and what is held for running requests."""

    __slots__ = ("by_admission", "held", "kind", "window")

    def __init__(self, counted: Counted) -> None:
        self.window: Window = new_window(counted.span)
        self.held = 0
        self.kind = kind_of(counted)
        self.by_admission = counted.span == "month"
        """Whether usage counts at the admission of its request, not at its settlement."""

    def __repr__(self) -> str:
        return f"Counter({self.window!r}, held {self.held})"


def kind_of(counted: Counted) -> int:
    """The index in `Amounts` of what is counted."""
    if counted.quantity == "tokens":
        return BUDGET_TOKENS if counted.is_budget else PACE_TOKENS
    return {"requests": REQUESTS, "running": RUNNING, "cost": COST}[counted.quantity]


class LimitCheck(Struct, frozen=True):
    """One limit that a request must pass: its name in `CHECKED_LIMITS`, its scope, its value and its counter."""

    name: str
    scope: Scope
    limit: int
    counter: Counter


class Demand(Struct, frozen=True):
    """The most that one request may use, in tokens and pico-dollars.

    `pace_input`, `budget_input`: upper bounds of its input, the learned and the strict one. `allowance`: the most
    output that it requests, over all of its `choices`; 0 where there is none (embeddings). `input_price`,
    `output_price`: the highest that may apply, in pico-dollars per token. `flat`: the cost of all that is not counted
    in tokens.
    """

    pace_input: int = 0
    budget_input: int = 0
    allowance: int = 0
    choices: int = 1
    input_price: int = 0
    output_price: int = 0
    flat: int = 0

    @property
    def min_allowance(self) -> int:
        """The smallest allowance with which it is admitted."""
        return min(self.allowance, MIN_ALLOWANCE * self.choices)

    def amounts(self, allowance: int) -> Amounts:
        """What its limits must have room for, with this allowance."""
        budget = self.budget_input
        cost = self.flat + budget * self.input_price + allowance * self.output_price
        return 1, 1, self.pace_input + allowance, budget + allowance, cost

    def allowance_within(self, counted: Counted, room: int) -> int:
        """The largest allowance with which it needs at most `room` of a limit; may be negative."""
        if counted.quantity == "tokens":
            return room - self.budget_input
        if counted.quantity != "cost":
            return self.allowance
        left = room - self.flat - self.budget_input * self.input_price
        if not self.output_price:
            return self.allowance if left >= 0 else -1
        return left // self.output_price


Reason = Literal["never", "blocked", "exhausted", "held"]


class LimitViolation(Struct, frozen=True):
    """A limit that refuses a request, and why. `name` is that in `CHECKED_LIMITS`, `scope` where it is counted.

    `never`: the request would not fit even with nothing used. `blocked`: the limit is 0. `exhausted`: past usage leaves
    no room until `until` (milliseconds; None: for ever). `held`: only what running requests hold leaves no room.
    `needed` is what the request needs, `remaining` what is left of the limit, at least 0.
    """

    name: str
    scope: Scope
    limit: int
    reason: Reason
    needed: int
    until: int | None
    remaining: int


class Refused(Exception):
    """A request is not admitted. `violation` is the one that lasts longest; `retry_at` the first moment at which the
    request would be admitted if no other came; None: never. `at` is the moment of the decision. Both are milliseconds
    by the counters' clock.
    """

    def __init__(self, violation: LimitViolation, retry_at: int | None, at: int) -> None:
        super().__init__(violation)
        self.violation = violation
        self.retry_at = retry_at
        self.at = at


def _clip(checks: Sequence[LimitCheck], demand: Demand, at: int) -> int:
    """The allowance where the requested one does not fit. Raises Refused."""
    allowance, violations = _evaluate(checks, demand, at, alone=False)
    if violations:
        _refuse(checks, demand, at, violations)
    return allowance


def _fits_everywhere(checks: Sequence[LimitCheck], demand: Demand, amounts: Amounts, at: int) -> bool:
    """Whether the whole allowance fits all limits: the usual case, which needs no other computation."""
    for check in checks:
        counter, limit = check.counter, check.limit
        if counter.held + amounts[counter.kind] + counter.window.used(at) > limit or not limit:
            return False
    return not demand.allowance % demand.choices


def _refuse(checks: Sequence[LimitCheck], demand: Demand, at: int, violations: list[LimitViolation]) -> NoReturn:
    _, lasting = _evaluate(checks, demand, at, alone=True)
    if not lasting:
        raise Refused(max(violations, key=_severity), at + RETRY_HELD_AFTER_MS, at)
    worst = max(lasting, key=_severity)
    retry: int | None = at
    while lasting and retry is not None:
        # A budget that has room again allows more output, for which a pace limit may lack room: evaluate at that
        # moment.
        worst = max(lasting, key=_severity) if any(violation.until is None for violation in lasting) else worst
        retry = None if any(violation.until is None for violation in lasting) else max(o.until or 0 for o in lasting)
        if retry is not None:
            _, lasting = _evaluate(checks, demand, retry, alone=True)
    raise Refused(worst, retry, at)


def _evaluate(
    checks: Iterable[LimitCheck], demand: Demand, at: int, *, alone: bool
) -> tuple[int, list[LimitViolation]]:
    """The allowance, and the limits that refuse; `alone` ignores what other requests hold."""
    counts = [(check, check.counter.window.used(at), 0 if alone else check.counter.held) for check in checks]
    allowance = demand.allowance
    for check, used, held in counts:
        if CHECKED_LIMITS[check.name].is_budget:
            allowance = min(
                allowance,
                max(
                    demand.min_allowance, demand.allowance_within(CHECKED_LIMITS[check.name], check.limit - used - held)
                ),
            )
    allowance -= allowance % demand.choices
    pace, budget = demand.amounts(allowance), demand.amounts(demand.min_allowance)
    violations = []
    for check, used, held in counts:
        needed = (budget if CHECKED_LIMITS[check.name].is_budget else pace)[check.counter.kind]
        if check.limit == 0 or used + held + needed > check.limit:
            violations.append(_violation(check, needed, used, held, at))
    return allowance, violations


def _violation(check: LimitCheck, needed: int, used: int, held: int, at: int) -> LimitViolation:
    limit = check.limit
    reason, until = _reason(limit, needed, used, check.counter, at)
    return LimitViolation(check.name, check.scope, limit, reason, needed, until, max(0, limit - used - held))


def _reason(limit: int, needed: int, used: int, counter: Counter, at: int) -> tuple[Reason, int | None]:
    """Why a limit refuses a request, and until when."""
    if limit == 0:
        return "blocked", None
    if used + needed <= limit:  # also for a need above the limit, where a refund has made usage negative
        return "held", at + RETRY_HELD_AFTER_MS
    if needed > limit:
        return "never", None
    return "exhausted", counter.window.room_at(limit - needed, at)


def _severity(violation: LimitViolation) -> tuple[int, int]:
    """Sort key of how long it lasts: blocked, then never fitting, then exhausted for ever, then by its end."""
    order = {"blocked": 4, "never": 3, "exhausted": 1 if violation.until is not None else 2, "held": 0}[
        violation.reason
    ]
    return order, violation.until or 0


class Hold(Struct, frozen=True):
    """What one request holds: of each of `counters` the amount of its kind."""

    at: int
    allowance: int
    amounts: Amounts
    counters: tuple[Counter, ...]

    def joined(self, counter: Counter) -> Hold:
        """The hold with one more counter, which began while the request runs: it counts the same amounts."""
        _reserve((counter,), self.amounts, self.at)
        return Hold(self.at, self.allowance, self.amounts, (*self.counters, counter))


def take(checks: Sequence[LimitCheck], demand: Demand, at: int, counters: tuple[Counter, ...] | None = None) -> Hold:
    """Admit a request: reserve from all of its counters, or from none. `counters` are all that count it, where there
    are others than those of the checks. Raises Refused."""
    allowance = demand.allowance
    amounts = demand.amounts(allowance)
    if not _fits_everywhere(checks, demand, amounts, at):
        allowance = _clip(checks, demand, at)
        amounts = demand.amounts(allowance)
    if counters is None:
        counters = tuple(check.counter for check in checks)
    _reserve(counters, amounts, at)
    return Hold(at, allowance, amounts, counters)


def _reserve(counters: Iterable[Counter], amounts: Amounts, at: int) -> None:
    for counter in counters:
        kind = counter.kind
        if kind == REQUESTS:  # used at once, not held
            counter.window.add(1, at)
        else:
            counter.held += amounts[kind]


def release(hold: Hold) -> None:
    """Release what is held."""
    amounts = hold.amounts
    for counter in hold.counters:
        if counter.kind != REQUESTS:
            counter.held -= amounts[counter.kind]


def settle(hold: Hold, tokens: int, cost: int, at: int) -> None:
    """Replace what an ended request held with what it used."""
    amounts, used = hold.amounts, (0, 0, tokens, tokens, cost)
    for counter in hold.counters:
        kind = counter.kind
        if kind == REQUESTS:
            continue
        counter.held -= amounts[kind]
        if kind != RUNNING:
            counter.window.add(used[kind], hold.at if counter.by_admission else at)


def give_back(hold: Hold) -> None:
    """Undo an admission: the request was never sent upstream, so nothing of it counts."""
    release(hold)
    for counter in hold.counters:
        if counter.kind == REQUESTS:
            counter.window.add(-1, hold.at)
