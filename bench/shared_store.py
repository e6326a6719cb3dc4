"""Shared counters as one store would keep them: one clock, one step at a time, the product's own rules.

What a store in another process adds is here: holds by request id with the node that has them, leases that lapse, and a
failover to a copy that lacks the last moments. Times are milliseconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple

from tollkeeper.rules.admission import (
    REQUESTS,
    Counter,
    Demand,
    Hold,
    LimitCheck,
    Refused,
    give_back,
    release,
    settle,
    take,
)
from tollkeeper.rules.limits import CHECKED_LIMITS

Lapsed = Literal["freed", "charged"]
"""What becomes of a hold whose lease ends: nothing of it counts, or all of it, until its node tells the truth."""


class Limit(NamedTuple):
    """What one user may: requests in a sliding window (a name of `CHECKED_LIMITS`), and tokens in all."""

    pace: str
    requests: int
    tokens: int

    def gates(self) -> tuple[LimitCheck, LimitCheck]:
        """With counters of their own, at nothing."""
        return (
            LimitCheck(self.pace, (), self.requests, Counter(CHECKED_LIMITS[self.pace])),
            LimitCheck("tokens_total", (), self.tokens, Counter(CHECKED_LIMITS["tokens_total"])),
        )


def demand(bound: int) -> Demand:
    """One request that needs room for so many tokens, whole: nothing is clipped."""
    return Demand(budget_input=bound)


class Call:
    """A request of `user` on `node` that holds `bound` tokens and uses `used` when it ends."""

    __slots__ = ("began", "bound", "ended", "node", "number", "told", "truth", "used", "user")

    def __init__(self, number: int, user: int, node: int, bound: int, used: int, began: float) -> None:
        self.number = number
        self.user = user
        self.node = node
        self.bound = bound
        self.used = used
        self.began = began
        self.ended: float | None = None
        self.told = False
        self.truth: Hold | None = None
        """What the audit holds for it while it runs."""


class Store:
    """`lag` is what a failover loses. `ops` counts scripts, whatever pipelines they come in."""

    def __init__(self, limits: Sequence[Limit], *, lapsed: Lapsed = "charged", lag: float = 0) -> None:
        self.gates = [limit.gates() for limit in limits]
        self.ops = 0
        self._holds: dict[int, tuple[Hold, Call]] = {}
        self._charged: dict[int, int] = {}
        self._done: set[int] = set()
        """Settled, and to be known as such when told again."""
        self._lapsed = lapsed
        self._lag = lag
        self._log: deque[tuple[float, Call, Hold, int | None]] = deque()
        """What a failover takes back: takes (no tokens), and settlements."""

    def take(self, call: Call, at: float, clock: float | None = None) -> None:
        """Admit it. `clock` is the time to count by, where that is not the store's. Raises Refused."""
        self.ops += 1
        hold = take(self.gates[call.user], demand(call.bound), int(at if clock is None else clock))
        self._holds[call.number] = hold, call
        self._note(at, call, hold, None)

    def settle(self, call: Call, tokens: int, at: float) -> None:
        """Its end, once: what it held gives way to what it used."""
        self.ops += 1
        self._settle(call, tokens, at)

    def _settle(self, call: Call, tokens: int, at: float) -> None:
        budget = self.gates[call.user][1].counter
        if call.number in self._done:
            return
        self._done.add(call.number)
        if call.number in self._holds:
            hold, _ = self._holds.pop(call.number)
            settle(hold, tokens, 0, int(at))
            self._note(at, call, hold, tokens)
        else:  # the lease ended first
            budget.window.add(tokens - self._charged.pop(call.number, 0), int(at))

    def lapse(self, node: int, at: float) -> int:
        """The lease of a node ended: how many holds that was."""
        ended = [(hold, call) for hold, call in self._holds.values() if call.node == node]
        for hold, call in ended:
            del self._holds[call.number]
            if self._lapsed == "charged":
                settle(hold, call.bound, 0, int(at))
                self._charged[call.number] = call.bound
            else:
                release(hold)
        return len(ended)

    def fail_over(self, at: float) -> None:
        """To a copy that lacks the last `lag` milliseconds."""
        while self._log and self._log[-1][0] > at - self._lag:
            _, call, hold, tokens = self._log.pop()
            if tokens is None:
                if self._holds.pop(call.number, None):  # else its lease has ended since
                    give_back(hold)
            else:
                self._done.discard(call.number)
                self.gates[call.user][1].counter.window.add(-tokens, int(at))
                self.gates[call.user][1].counter.held += call.bound
                self._holds[call.number] = hold, call

    def tell_again(self, call: Call, at: float) -> None:
        """A node says what it has, before anyone is admitted: nothing is asked, and what is known stays."""
        self.ops += 1
        if call.number not in self._holds and call.number not in self._done and call.number not in self._charged:
            counters = tuple(gate.counter for gate in self.gates[call.user])
            self._holds[call.number] = take((), demand(call.bound), int(at), counters), call
        if call.ended is not None and call.told:
            self._settle(call, call.used, at)

    def slice(self, user: int, want: tuple[int, int], part: float, least: tuple[int, int], at: float) -> list[int]:
        """Requests and tokens to hold for a node to hand out by itself: what it wants, or this part of what is left if
        that is less. Nothing where that is less than `least`: then the same script decides on the one request, and it
        is that which counts."""
        given = [
            min(wish, int((gate.limit - gate.counter.held - gate.counter.window.used(int(at))) * part))
            for gate, wish in zip(self.gates[user], want, strict=True)
        ]
        if any(amount < needed for amount, needed in zip(given, least, strict=True)):
            return [0, 0]
        self.ops += 1
        for gate, amount in zip(self.gates[user], given, strict=True):
            gate.counter.held += amount
        return given

    def report(self, user: int, used: tuple[int, int], returned: tuple[int, int], at: float) -> None:
        """Of what was sliced so much was used, and so much is given back."""
        for gate, amount, rest in zip(self.gates[user], used, returned, strict=True):
            gate.counter.held -= amount + rest
            gate.counter.window.add(amount, int(at))

    def held(self) -> int:
        """Tokens."""
        return sum(budget.counter.held for _, budget in self.gates)

    def _note(self, at: float, call: Call, hold: Hold, tokens: int | None) -> None:
        if self._lag:
            self._log.append((at, call, hold, tokens))
            while self._log[0][0] <= at - self._lag:
                self._log.popleft()


class Audit:
    """What truly happened, by a clock that is right: the judge of the design, which never sees it."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = limits
        self._gates = [limit.gates() for limit in limits]
        self._windows = [60_000.0 if limit.pace.endswith("minute") else 1_000.0 for limit in limits]
        self._times: list[deque[float]] = [deque() for _ in limits]
        self._used = [0] * len(limits)
        self.over = 0.0
        """The most by which any limit was ever exceeded, as a part of it."""
        self.over_users: set[int] = set()

    def admitted(self, call: Call, at: float) -> None:
        gates = self._gates[call.user]
        call.truth = take((), demand(call.bound), int(at), tuple(gate.counter for gate in gates))
        times = self._times[call.user]
        times.append(at)
        while times[0] <= at - self._windows[call.user]:
            times.popleft()
        self._compare(call.user, len(times), self._limits[call.user].requests)

    def ended(self, call: Call, tokens: int, at: float) -> None:
        assert call.truth is not None
        settle(call.truth, tokens, 0, int(at))
        call.truth = None
        self._used[call.user] += tokens
        self._compare(call.user, self._used[call.user], self._limits[call.user].tokens)

    def would_admit(self, call: Call, at: float) -> bool:
        """Whether a single exact counter, after all that truly happened, would have let it in."""
        gates = self._gates[call.user]
        return all(
            gate.counter.held + gate.counter.window.used(int(at)) + (1 if gate.counter.kind == REQUESTS else call.bound)
            <= gate.limit
            for gate in gates
        )

    def held(self) -> int:
        """Tokens of what truly runs."""
        return sum(budget.counter.held for _, budget in self._gates)

    def _compare(self, user: int, used: int, limit: int) -> None:
        if used > limit:
            self.over = max(self.over, used / limit - 1)
            self.over_users.add(user)


__all__ = ["Audit", "Call", "Lapsed", "Limit", "Refused", "Store", "demand"]
