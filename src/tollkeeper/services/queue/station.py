"""One upstream, as the line sees it: who waits for it, who holds a slot of it, and how long a wait will be."""

from __future__ import annotations

from asyncio import TimerHandle
from collections import OrderedDict
from collections.abc import Iterator
from math import exp, inf
from typing import Generic, NamedTuple, Protocol, TypeVar

from tollkeeper.rules.fairness import Account, FairOrder, Place
from tollkeeper.rules.waiting_time import Forecast, Rival, forecast
from tollkeeper.services.queue.ports import Choice

C = TypeVar("C", bound=Choice)

RATE_MEMORY = 120.0
"""Seconds after which a user's arrivals count little."""
LEAST_SPAN = 5.0
"""Seconds that arrivals must span to be called a rate."""
MOST_FLOWS = 5_000
MANY_RIVALS = 100
RIVALS_EVERY = 0.1
"""Seconds after which so many users are looked at again."""
NEARLY_DONE = 0.2
"""The part of its mean time for which a request that has run longer than that is expected to go on."""


class StationStatistics(NamedTuple):
    """The requests of one upstream. `oldest_wait`: seconds for which the oldest one in line has waited; None: none
    waits."""

    waiting: int
    running: int
    oldest_wait: float | None


class Waiter(Protocol):
    """A request that waits for a slot, or holds one."""

    entered_at: float
    granted_at: float

    @property
    def hold(self) -> float: ...


W = TypeVar("W", bound=Waiter)


class Flow(Generic[W]):
    """How a user's requests come: `step`, what each adds to the counter; `hold`, seconds for which it holds a slot; and
    their rate."""

    __slots__ = ("_arrivals", "_first_at", "account", "at", "hold", "step")

    def __init__(self, account: Account[W], now: float) -> None:
        self.account = account
        self.step = 1.0
        self.hold = 0.0
        self.at = self._first_at = now
        self._arrivals = 0.0

    def __repr__(self) -> str:
        return f"Flow({self.account.user!r}, {self.rate(self.at):.2f}/s)"

    def note(self, share: float, now: float) -> None:
        """Count a request that begins to wait; `share` is the part of it that is expected to be served here."""
        self._arrivals = self._arrivals * exp((self.at - now) / RATE_MEMORY) + share
        self.at = now

    def rate(self, now: float) -> float:
        """Requests that join the line each second; 0 where too little is known."""
        span = now - self._first_at
        if span < LEAST_SPAN:
            return 0.0
        return self._arrivals * exp((self.at - now) / RATE_MEMORY) / (RATE_MEMORY * (1 - exp(-span / RATE_MEMORY)))

    def as_rival(self, level: float, now: float) -> Rival:
        """The user as a rival of others, where `level` is the counter of who begins to wait."""
        account = self.account
        head = min((next(iter(line.places)) for line in account.lines.values()), default=inf)
        turn = account.served, head
        return Rival(max(account.counter, level), turn, self.step, account.present, self.rate(now), self.hold)


class Competition(NamedTuple, Generic[W]):
    """What those who wait compete with, at a moment. `level`: the counter of who begins to wait; `remaining`: seconds
    until each slot is free, the shortest first."""

    at: float
    level: float
    rivals: dict[Account[W], Rival]
    remaining: list[float]


class Station(Generic[C, W]):
    """`choices`: a choice for each model that is or was waited for. `holders`: requests that hold a slot. `timer`:
    calls when one of its models may serve again. `blocked`: models that could not serve when that was asked last.
    `swap_until`: when others need no longer wait for a model that is being loaded; `swap_timer` calls then."""

    __slots__ = (
        "_competition",
        "_flows",
        "blocked",
        "choices",
        "holders",
        "order",
        "swap_timer",
        "swap_until",
        "timer",
        "upstream_id",
    )

    def __init__(self, upstream_id: str) -> None:
        self.upstream_id = upstream_id
        self.order: FairOrder[W] = FairOrder()
        self.choices: dict[str, C] = {}
        self.holders: dict[W, None] = {}
        self.timer: TimerHandle | None = None
        self.swap_timer: TimerHandle | None = None
        self.swap_until = 0.0
        self.blocked: frozenset[str] = frozenset()
        self._flows: OrderedDict[str, Flow[W]] = OrderedDict()
        self._competition: Competition[W] | None = None

    def __repr__(self) -> str:
        return f"Station({self.upstream_id!r}, {len(self.holders)} running, {self.order.waiting} waiting)"

    def waiting(self) -> Iterator[Place[W]]:
        """Those who wait here, by user."""
        for account in self.order.accounts():
            for line in account.lines.values():
                yield from line.places.values()

    def queued(self) -> int:
        """Requests that wait here; one that waits for several models counts once."""
        return sum(
            account.waiting if len(account.lines) == 1 else len({item for line in lines for item in line.items()})
            for account in self.order.accounts()
            if (lines := account.lines.values())
        )

    def oldest_wait(self, now: float) -> float | None:
        """Seconds for which the oldest request has waited; None: none waits. (Not always the first of a line: requests
        come back after an attempt, and come over from other upstreams.)"""
        if not self.order.waiting:
            return None
        lines = (line for account in self.order.accounts() for line in account.lines.values())
        return now - min(min([item.entered_at for item in line.items()]) for line in lines)

    def statistics(self, now: float) -> StationStatistics:
        return StationStatistics(self.queued(), len(self.holders), self.oldest_wait(now))

    def note_arrival(self, place: Place[W], step: float, hold: float, now: float) -> None:
        """Count a request that begins to wait here."""
        account = place.account
        flow = self._flows.get(account.user)
        if flow is None or flow.account is not account:
            flow = self._flows[account.user] = Flow(account, now)
            if len(self._flows) > MOST_FLOWS:
                self._flows.popitem(last=False)
        self._flows.move_to_end(account.user)
        flow.step, flow.hold = max(step, 1e-3), hold
        flow.note(place.share, now)

    def forecast(self, user: str, step: float, hold: float, now: float, place: Place[W] | None = None) -> Forecast:
        """Predict the wait of a request that waits here; `place` None: of one that would come now. `step` and `hold`
        are those of the user's requests."""
        _, level, rivals, remaining = self._compete(now)
        account = self.order.find(user)
        counter, own_ahead, turn = level, 0.0, (0, inf)
        if account is not None:
            counter = account.counter if account.waiting else max(level, account.counter)
            own_ahead = account.present if place is None else ahead_of(place)
            turn = account.served, inf if place is None else place.number
        others = (rival for each, rival in rivals.items() if each is not account)
        return forecast(counter + own_ahead * step, turn, own_ahead, hold, others, remaining)

    @property
    def effort(self) -> int:
        """How much work a forecast is: the users that it goes through."""
        return len(self._flows)

    def _compete(self, now: float) -> Competition[W]:
        """The competition as it is; where there are many users, as it was a moment ago: looking at each of them costs
        more than a forecast."""
        found = self._competition
        if found is not None and len(found.rivals) >= MANY_RIVALS and now - found.at < RIVALS_EVERY:
            return found
        level = self.order.level()
        found = self._competition = Competition(
            now,
            level,
            {
                flow.account: flow.as_rival(level, now)
                for flow in self._flows.values()
                if flow.account.waiting or now - flow.at < RATE_MEMORY
            },
            sorted(
                max(hold * NEARLY_DONE, hold - (now - each.granted_at))
                for each in self.holders
                for hold in (each.hold,)
            )
            or [0.0],
        )
        return found


def ahead_of(place: Place[W]) -> float:
    """The user's requests that will be served here before this one."""
    number = place.number
    return sum(
        other.share for line in place.account.lines.values() for other in line.places.values() if other.number < number
    )
