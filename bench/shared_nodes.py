"""Nodes that share limits, by one design, with or without trouble: a discrete simulation. Times are milliseconds.

Requests come at random; each goes to any node that a balancer knows to be alive. Designs differ in whom a node asks:
the store for each request, or a slice of the limit that it took before and hands out by itself.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import accumulate
from typing import Any, Literal, NamedTuple

from bench.shared_store import Audit, Call, Lapsed, Limit, Refused, Store

RUNS_MS = 5_000.0
"""How long a request runs, at the mean of an exponential distribution."""
BOUND = 700
"""Tokens that a request holds."""
DRAWN = 400
"""Tokens that it uses: the mean of an exponential distribution, cut off at the bound, so one in six uses all of it."""
TELL_MS = 5.0
"""From a request's end until the store knows; then its client has the last byte."""
LEASE_MS = 10_000.0
"""When the holds of a node lapse that has not been heard of."""
AWAY_MS = 30_000.0
"""How long a node that failed is away."""
SLICE_MS = 1_000.0
"""How long a node hands out what it sliced before it gives the rest back."""
LEAST = 4
"""Requests of one user that a pool must see in that time before it slices adaptively."""
ADAPTIVE_PART = 1 / 8
"""The most of what is left that one adaptive slice takes."""


class Design(NamedTuple):
    """`counting`: each request asks the store; or nodes slice for `size` requests; or for as many as came in the last
    second, where that is worth it. `pools`: how many a node has (one, or one for each process). The others are of what
    is done when something fails."""

    name: str
    counting: Literal["exact", "fixed", "adaptive"] = "exact"
    size: int = 1
    pools: int = 1
    lapsed: Lapsed = "charged"
    tells_again: bool = True
    clock: Literal["store", "node"] = "store"


class Trouble(NamedTuple):
    """`killed`, `cut_off`: parts of the nodes, at 0.25 and 0.5 of the time; a node that is cut off goes on with what it
    has begun. `lag`: what the store loses at 0.85 of the time. `skew`: of the nodes' clocks, at most."""

    killed: float = 0.0
    cut_off: float = 0.0
    lag: float = 0.0
    skew: float = 0.0


class Crowd(NamedTuple):
    """Whose requests are simulated: their limits, how often each asks (a second), on how many nodes, for how many
    seconds."""

    limits: Sequence[Limit]
    rates: Sequence[float]
    nodes: int
    seconds: float


class Outcome(NamedTuple):
    """What came of it. `steadily`: scripts a second in the second half of the time. `refused`, `false` (for nothing)
    and `unavailable` count requests; `over` is the most by which any limit was exceeded, as a part of it; `stranded`
    requests were held for though their node was killed, up to `stranded_ms` long; `left_held` is what the store holds
    at the end, less what the audit does."""

    requests: int
    scripts: int
    steadily: float
    refused: int
    false: int
    unavailable: int
    over: float
    over_users: int
    stranded: int
    stranded_ms: float
    left_held: int

    @property
    def admitted(self) -> int:
        return self.requests - self.refused - self.unavailable


class Pool:
    """What one node has of one user's limits, to hand out by itself; and how many requests of that user came to it in
    this and in the last span of `SLICE_MS`."""

    __slots__ = ("before", "free", "seen", "since", "unreported", "until")

    def __init__(self) -> None:
        self.free = [0, 0]
        self.unreported = [0, 0]
        self.until = self.since = 0.0
        self.seen = self.before = 0

    def asked(self, at: float) -> int:
        """How many requests to expect in a span, this one counted."""
        if at >= self.since + SLICE_MS:
            self.before = self.seen if at < self.since + 2 * SLICE_MS else 0
            self.since, self.seen = at, 0
        self.seen += 1
        return max(self.before, self.seen)


class Simulation:
    """One design, one crowd, one trouble; the same seed, the same history."""

    def __init__(self, design: Design, crowd: Crowd, trouble: Trouble, seed: int) -> None:
        self._design = design
        self._crowd = crowd
        self._trouble = trouble
        self._chance = random.Random(seed)
        self._store = Store(crowd.limits, lapsed=design.lapsed, lag=trouble.lag)
        self._audit = Audit(crowd.limits)
        self._events: list[tuple[float, int, Callable[[Any, float], None], Any]] = []
        self._count = self._refused = self._false = self._unavailable = self._order = 0
        self._pools: dict[tuple[int, int], Pool] = {}
        self._from: dict[int, Pool] = {}
        """Out of which pool a running request was let in, by its number."""
        self._skews = [self._chance.uniform(-trouble.skew, trouble.skew) for _ in range(crowd.nodes)]
        self._dead: set[int] = set()
        self._cut: set[int] = set()
        self._running: dict[int, dict[int, Call]] = {}
        """On each node that is to fail."""
        self._kept: dict[int, list[Call]] = {}
        """What nodes that are away have to tell."""
        self._recent: deque[Call] = deque()
        self._stranded = 0
        self._stranded_ms = 0.0
        self._choose()
        if self._running and design.counting != "exact":
            raise ValueError("what becomes of slices when nodes fail is not simulated")

    def run(self) -> Outcome:
        half = self._crowd.seconds * 500
        arrivals = self._arrivals(2 * half)
        call = next(arrivals, None)
        scripts = {False: 0, True: 0}
        """Until half of the time, and until its end."""
        while call is not None or self._events:
            if call is not None and (not self._events or call.began <= self._events[0][0]):
                self._arrive(call)
                scripts[call.began >= half] = self._store.ops
                call = next(arrivals, None)
            else:
                at, _, happens, subject = heappop(self._events)
                happens(subject, at)
        steadily = (scripts[True] - scripts[False]) * 1000 / half
        return Outcome(
            self._count, self._store.ops, steadily, self._refused, self._false, self._unavailable, self._audit.over,
            len(self._audit.over_users), self._stranded, self._stranded_ms, self._store.held() - self._audit.held(),
        )  # fmt: skip

    def _arrivals(self, end: float) -> Iterator[Call]:
        chance, crowd = self._chance, self._crowd
        users, weights = range(len(crowd.rates)), list(accumulate(crowd.rates))
        at, number = 0.0, 0
        while True:
            for user in chance.choices(users, cum_weights=weights, k=256):
                at += chance.expovariate(weights[-1] / 1000)
                if at >= end:
                    return
                number += 1
                used = min(BOUND, int(chance.expovariate(1 / DRAWN)))
                yield Call(number, user, int(chance.random() * crowd.nodes), BOUND, used, at)

    def _choose(self) -> None:
        """Which nodes fail, and when."""
        trouble, end, nodes = self._trouble, self._crowd.seconds * 1000, list(range(self._crowd.nodes))
        self._chance.shuffle(nodes)
        for when, part, fails in ((0.25, trouble.killed, self._kill), (0.5, trouble.cut_off, self._cut_off)):
            for _ in range(round(len(self._skews) * part)):
                node = nodes.pop()
                self._running[node] = {}
                self._plan(end * when, fails, node)
                self._plan(end * when + LEASE_MS, self._lapse, node)
                self._plan(end * when + AWAY_MS, self._come_back, node)
        if trouble.lag:
            self._plan(end * 0.85, self._fail_over, None)

    def _plan(self, at: float, happens: Callable[[Any, float], None], subject: object) -> None:
        self._order += 1
        heappush(self._events, (at, self._order, happens, subject))

    # One request

    def _arrive(self, call: Call) -> None:
        self._count += 1
        at = call.began
        while call.node in self._dead:  # the balancer has noticed
            call.node = int(self._chance.random() * self._crowd.nodes)
        try:
            if not self._admit(call, at):
                self._unavailable += 1
                return
        except Refused:
            self._refused += 1
            self._false += self._audit.would_admit(call, at)
            return
        self._audit.admitted(call, at)
        if call.node in self._running:
            self._running[call.node][call.number] = call
        if self._trouble.lag:
            self._recent.append(call)
        self._plan(at + self._chance.expovariate(1 / RUNS_MS), self._end, call)

    def _admit(self, call: Call, at: float) -> bool:
        """Whether anyone could be asked. Raises Refused."""
        if self._design.counting != "exact" and self._from_pool(call, at):
            return True
        if call.node in self._cut:
            return False
        self._store.take(call, at, at + self._skews[call.node] if self._design.clock == "node" else at)
        return True

    def _end(self, call: Call, at: float) -> None:
        if call.node in self._running and self._running[call.node].pop(call.number, None) is None:
            return  # it ended with its node
        call.ended = at
        pool = self._from.pop(call.number, None)
        if pool is not None:
            self._audit.ended(call, call.used, at)
            self._into_pool(call, pool, at)
        elif call.node in self._cut:  # its own journal is enough for the answer to end
            self._audit.ended(call, call.used, at)
            self._kept.setdefault(call.node, []).append(call)
        else:
            self._plan(at + TELL_MS, self._tell, call)

    def _tell(self, call: Call, at: float) -> None:
        if call.node in self._dead or call.node in self._cut:
            self._kept.setdefault(call.node, []).append(call)
            return
        call.told = True
        self._store.settle(call, call.used, at)
        if call.truth is not None:
            self._audit.ended(call, call.used, at)

    # Slices

    def _from_pool(self, call: Call, at: float) -> bool:
        """Whether a slice had room, or could be had."""
        place = call.user, call.node * self._design.pools + call.number % self._design.pools
        pool = self._pools.get(place)
        if pool is None:
            pool = self._pools[place] = Pool()
        asked = pool.asked(at)
        if at >= pool.until or pool.free[0] < 1 or pool.free[1] < call.bound:
            size = self._design.size
            if self._design.counting == "adaptive":
                size = asked if asked >= LEAST else 0
            if not size or not self._refill(call, pool, size, at):
                return False
        pool.free[0] -= 1
        pool.unreported[0] += 1
        pool.free[1] -= call.bound
        self._from[call.number] = pool
        return True

    def _refill(self, call: Call, pool: Pool, size: int, at: float) -> bool:
        """One script: report, give back, and slice anew."""
        self._report(call.user, pool, at)
        part = ADAPTIVE_PART if self._design.counting == "adaptive" else 1.0
        given = self._store.slice(call.user, (size, size * call.bound), part, (1, call.bound), at)
        if not given[0]:
            return False
        pool.free[:] = given
        pool.until = at + SLICE_MS
        self._plan(pool.until, self._flush, (call.user, pool, pool.until))
        return True

    def _flush(self, subject: tuple[int, Pool, float], at: float) -> None:
        user, pool, until = subject
        if pool.until == until and (any(pool.free) or any(pool.unreported)):
            self._store.ops += 1
            self._report(user, pool, at)

    def _report(self, user: int, pool: Pool, at: float) -> None:
        used, rest = (pool.unreported[0], pool.unreported[1]), (pool.free[0], pool.free[1])
        self._store.report(user, used, rest, at)
        pool.free[:] = pool.unreported[:] = 0, 0

    def _into_pool(self, call: Call, pool: Pool, at: float) -> None:
        pool.unreported[1] += call.used
        pool.free[1] += call.bound - call.used
        if at >= pool.until:
            self._store.ops += 1
            self._report(call.user, pool, at)

    # Trouble

    def _kill(self, node: int, at: float) -> None:
        """What ran there ends without an answer, and is recorded at nothing once the node is back."""
        self._dead.add(node)
        lost = self._running[node]
        for call in lost.values():
            call.ended, call.used = at, 0
            self._audit.ended(call, 0, at)
            self._kept.setdefault(node, []).append(call)
        self._stranded += len(lost)
        self._stranded_ms = AWAY_MS if self._design.lapsed == "charged" else LEASE_MS
        self._running[node] = {}

    def _cut_off(self, node: int, _at: float) -> None:
        self._cut.add(node)

    def _lapse(self, node: int, at: float) -> None:
        self._store.lapse(node, at)

    def _come_back(self, node: int, at: float) -> None:
        self._dead.discard(node)
        self._cut.discard(node)
        for call in self._kept.pop(node, []):
            self._tell(call, at)

    def _fail_over(self, _: object, at: float) -> None:
        self._store.fail_over(at)
        if self._design.tells_again:
            for call in self._recent:
                if (call.ended is None or call.ended > at - 2 * self._trouble.lag) and call.node not in self._dead:
                    self._store.tell_again(call, at)
