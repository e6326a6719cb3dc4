"""Whether a request may go out: all of its limits are asked at once, and all of them take, or none does.

Two families, because users mean two things. Pace (second, minute, hour) protects the machines: what does not fit is
refused. Budget (day, month, total) protects the money: an allowance of output that does not fit is clipped to what is
left, down to 16 tokens, so that what is used never exceeds the limit.

A counter has what was used (its window) and what is held for requests under way. A request's holds are bounds; its
settlement replaces them by the truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, NoReturn

from msgspec import Struct

from tollkeeper.rules.limits import GATED, Counted
from tollkeeper.rules.windows import Window, new_window

REQUESTS, RUNNING, PACE_TOKENS, BUDGET_TOKENS, COST = range(5)
"""What a counter takes of a request: its place in `Demand.amounts`."""
Amounts = tuple[int, int, int, int, int]

LEAST_ALLOWANCE = 16
"""Tokens of output below which a budget refuses rather than clips."""
SOON = 1_000
"""Milliseconds after which a request that only holds stand in the way of may be tried again: nobody knows better."""


class Counter:
    """One limit's count for one user, key or model: what was used over its span, and what is held."""

    __slots__ = ("by_admission", "held", "kind", "window")

    def __init__(self, counted: Counted) -> None:
        self.window: Window = new_window(counted.span)
        self.held = 0
        self.kind = kind_of(counted)
        self.by_admission = counted.span == "month"
        """What is used counts when its request was admitted, not when it is settled."""

    def __repr__(self) -> str:
        return f"Counter({self.window!r}, held {self.held})"


def kind_of(counted: Counted) -> int:
    """Which of a request's amounts it counts."""
    if counted.quantity == "tokens":
        return BUDGET_TOKENS if counted.is_budget else PACE_TOKENS
    return {"requests": REQUESTS, "running": RUNNING, "cost": COST}[counted.quantity]


class Gate(NamedTuple):
    """A limit that a request must pass. `name` is that of `GATED`; `scope` is for people: "", "key", "model x"."""

    name: str
    scope: str
    limit: int
    counter: Counter


class Demand(Struct, frozen=True):
    """What one request may use at most, in tokens and pico-dollars.

    `pace_input`, `budget_input`: bounds of its input, the learned and the strict one. `allowance`: the most output it
    asks for, over all of its `choices`, or 0 where there is none (embeddings). `input_price`, `output_price`: the
    dearest that may apply, in pico-dollars per token.
    """

    pace_input: int = 0
    budget_input: int = 0
    allowance: int = 0
    choices: int = 1
    input_price: int = 0
    output_price: int = 0

    @property
    def least(self) -> int:
        """The least allowance it is let in with."""
        return min(self.allowance, LEAST_ALLOWANCE * self.choices)

    def amounts(self, allowance: int) -> Amounts:
        """What limits must have room for, by their kinds."""
        budget = self.budget_input
        cost = budget * self.input_price + allowance * self.output_price
        return 1, 1, self.pace_input + allowance, budget + allowance, cost

    def fits(self, counted: Counted, room: int) -> int:
        """The largest allowance with which it needs at most `room`; may be negative."""
        if counted.quantity == "tokens":
            return room - self.budget_input
        if counted.quantity != "cost":
            return self.allowance
        left = room - self.budget_input * self.input_price
        if not self.output_price:
            return self.allowance if left >= 0 else -1
        return left // self.output_price


Reason = Literal["never", "blocked", "exhausted", "held"]


class Obstacle(Struct, frozen=True):
    """Why a limit does not let a request through.

    `never`: alone, with nothing used, it would not fit. `blocked`: the limit is 0. `exhausted`: what was used stands in
    the way until `until` (milliseconds; None: for ever). `held`: only what is held for other requests does.
    """

    gate: Gate
    reason: Reason
    needed: int
    until: int | None

    @property
    def is_budget(self) -> bool:
        return GATED[self.gate.name].is_budget


class Refused(Exception):
    """A request may not go out. `obstacle` is what binds longest; `retry_at` the first moment (milliseconds) at which
    the request, alone, would go out; None: never."""

    def __init__(self, obstacle: Obstacle, retry_at: int | None) -> None:
        super().__init__(obstacle)
        self.obstacle = obstacle
        self.retry_at = retry_at


def allow(gates: Sequence[Gate], demand: Demand, at: int) -> int:
    """The allowance of output with which a request may go out at `at`. Takes nothing. Raises Refused."""
    if _fits(gates, demand, demand.amounts(demand.allowance), at):
        return demand.allowance
    return _clipped(gates, demand, at)


def _clipped(gates: Sequence[Gate], demand: Demand, at: int) -> int:
    """The allowance where not all that was asked for fits. Raises Refused."""
    allowance, obstacles = _judge(gates, demand, at, alone=False)
    if obstacles:
        _refuse(gates, demand, at, obstacles)
    return allowance


def _fits(gates: Sequence[Gate], demand: Demand, amounts: Amounts, at: int) -> bool:
    """Whether all that it asks for fits everywhere: nearly always, so nothing else is looked at then."""
    for _, _, limit, counter in gates:
        if counter.held + amounts[counter.kind] + counter.window.used(at) > limit or not limit:
            return False
    return not demand.allowance % demand.choices


def _refuse(gates: Sequence[Gate], demand: Demand, at: int, obstacles: list[Obstacle]) -> NoReturn:
    _, standing = _judge(gates, demand, at, alone=True)
    if not standing:
        raise Refused(max(obstacles, key=_weight), at + SOON)
    worst = max(standing, key=_weight)
    retry: int | None = at
    while standing and retry is not None:
        # When a budget has room again more output is allowed, which a pace may not have room for: so ask again then.
        worst = max(standing, key=_weight) if any(obstacle.until is None for obstacle in standing) else worst
        retry = None if any(obstacle.until is None for obstacle in standing) else max(o.until or 0 for o in standing)
        if retry is not None:
            _, standing = _judge(gates, demand, retry, alone=True)
    raise Refused(worst, retry)


def _judge(gates: Iterable[Gate], demand: Demand, at: int, *, alone: bool) -> tuple[int, list[Obstacle]]:
    """The allowance, and what stands in the way; `alone` leaves holds aside."""
    standing = [(gate, gate.counter.window.used(at), 0 if alone else gate.counter.held) for gate in gates]
    allowance = demand.allowance
    for gate, used, held in standing:
        if GATED[gate.name].is_budget:
            allowance = min(allowance, max(demand.least, demand.fits(GATED[gate.name], gate.limit - used - held)))
    allowance -= allowance % demand.choices
    pace, budget = demand.amounts(allowance), demand.amounts(demand.least)
    obstacles = []
    for gate, used, held in standing:
        needed = (budget if GATED[gate.name].is_budget else pace)[gate.counter.kind]
        if gate.limit == 0 or used + held + needed > gate.limit:
            obstacles.append(_obstacle(gate, needed, used, at))
    return allowance, obstacles


def _obstacle(gate: Gate, needed: int, used: int, at: int) -> Obstacle:
    if gate.limit == 0:
        return Obstacle(gate, "blocked", needed, None)
    if used + needed <= gate.limit:  # even of more than the limit, where a refund has left less than nothing used
        return Obstacle(gate, "held", needed, at + SOON)
    if needed > gate.limit:
        return Obstacle(gate, "never", needed, None)
    return Obstacle(gate, "exhausted", needed, gate.counter.window.room_at(gate.limit - needed, at))


def _weight(obstacle: Obstacle) -> tuple[int, int]:
    """What binds longest: what blocks, then what never fits, then what is used up for ever, then by its end."""
    order = {"blocked": 4, "never": 3, "exhausted": 1 if obstacle.until is not None else 2, "held": 0}[obstacle.reason]
    return order, obstacle.until or 0


class Hold(Struct, frozen=True):
    """What was taken for one request: of each of `counters` the amount of its kind."""

    at: int
    allowance: int
    amounts: Amounts
    counters: tuple[Counter, ...]

    def joined(self, counter: Counter) -> Hold:
        """With a counter that begins while the request runs: it takes as the others did."""
        _enter((counter,), self.amounts, self.at)
        return Hold(self.at, self.allowance, self.amounts, (*self.counters, counter))


def take(gates: Sequence[Gate], demand: Demand, at: int, counters: tuple[Counter, ...] | None = None) -> Hold:
    """Let a request out: from all of its counters, or from none. `counters` are all that count it, where there are
    others than those of the gates. Raises Refused."""
    allowance = demand.allowance
    amounts = demand.amounts(allowance)
    if not _fits(gates, demand, amounts, at):
        allowance = _clipped(gates, demand, at)
        amounts = demand.amounts(allowance)
    if counters is None:
        counters = tuple(gate.counter for gate in gates)
    _enter(counters, amounts, at)
    return Hold(at, allowance, amounts, counters)


def _enter(counters: Iterable[Counter], amounts: Amounts, at: int) -> None:
    for counter in counters:
        kind = counter.kind
        if kind == REQUESTS:  # counts at once
            counter.window.add(1, at)
        else:
            counter.held += amounts[kind]


def free(hold: Hold) -> None:
    """End what is held: its request never went out."""
    amounts = hold.amounts
    for counter in hold.counters:
        if counter.kind != REQUESTS:
            counter.held -= amounts[counter.kind]


def settle(hold: Hold, tokens: int, cost: int, at: int) -> None:
    """The request ended: what it held gives way to what it used."""
    amounts, used = hold.amounts, (0, 0, tokens, tokens, cost)
    for counter in hold.counters:
        kind = counter.kind
        if kind == REQUESTS:
            continue
        counter.held -= amounts[kind]
        if kind != RUNNING:
            counter.window.add(used[kind], hold.at if counter.by_admission else at)


def give_back(hold: Hold) -> None:
    """The request never went out: nothing of it counts."""
    free(hold)
    for counter in hold.counters:
        if counter.kind == REQUESTS:
            counter.window.add(-1, hold.at)
