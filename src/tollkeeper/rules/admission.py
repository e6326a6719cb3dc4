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

LEAST_ALLOWANCE = 16
"""Tokens of output below which a budget refuses rather than clips."""
SOON = 1_000
"""Milliseconds after which a request that only holds stand in the way of may be tried again: nobody knows better."""


class Counter:
    """One limit's count for one user, key or model: what was used over its span, and what is held."""

    __slots__ = ("held", "window")

    def __init__(self, counted: Counted) -> None:
        self.window: Window = new_window(counted.span)
        self.held = 0

    def __repr__(self) -> str:
        return f"Counter({self.window!r}, held {self.held})"


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

    def needs(self, counted: Counted, allowance: int) -> int:
        """What a limit must have room for."""
        if counted.quantity in ("requests", "running"):
            return 1
        if counted.quantity == "tokens":
            return (self.budget_input if counted.is_budget else self.pace_input) + allowance
        return self.budget_input * self.input_price + allowance * self.output_price

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
    allowance, obstacles = _judge(gates, demand, at, alone=False)
    if obstacles:
        _refuse(gates, demand, at, obstacles)
    return allowance


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
    allowance = demand.allowance
    obstacles = []
    gates = list(gates)
    for gate in gates:
        counted = GATED[gate.name]
        if counted.is_budget:
            room = gate.limit - gate.counter.window.used(at) - (0 if alone else gate.counter.held)
            allowance = min(allowance, max(demand.least, demand.fits(counted, room)))
    allowance -= allowance % demand.choices
    for gate in gates:
        counted = GATED[gate.name]
        least = demand.needs(counted, demand.least if counted.is_budget else allowance)
        used = gate.counter.window.used(at)
        if gate.limit == 0 or used + (0 if alone else gate.counter.held) + least > gate.limit:
            obstacles.append(_obstacle(gate, least, used, at))
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
    """What was taken for one request: amounts by counter; `counted` are the request counters, which count at once."""

    at: int
    allowance: int
    held: tuple[tuple[Counter, int], ...]
    counted: tuple[Counter, ...]


def take(gates: Sequence[Gate], demand: Demand, at: int) -> Hold:
    """Let a request out: from all of its counters, or from none. Raises Refused."""
    allowance = allow(gates, demand, at)
    held, counted = [], []
    for gate in gates:
        what = GATED[gate.name]
        if what.quantity == "requests":
            gate.counter.window.add(1, at)
            counted.append(gate.counter)
        else:
            amount = demand.needs(what, allowance)
            gate.counter.held += amount
            held.append((gate.counter, amount))
    return Hold(at, allowance, tuple(held), tuple(counted))


def free(hold: Hold) -> None:
    """End what is held: its request is being settled, or never went out. (What it counted at once then counts back.)"""
    for counter, amount in hold.held:
        counter.held -= amount
