"""A request of the line: what it waits for, what it holds, and what it used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from tollkeeper.rules.fairness import Account, Place
from tollkeeper.services.queue.means import Means
from tollkeeper.services.queue.ports import Choice
from tollkeeper.services.queue.station import Station
from tollkeeper.services.upstreams.load import Load

C = TypeVar("C", bound=Choice)

TICKET_EFFORT = 100
"""What a ticket costs beside its forecasts."""
EFFORT_AT_ONCE = 20_000
"""The work of forecasts before the loop gets its turn: some milliseconds, for any number of users and requests."""


class TicketLine(Protocol[C]):
    """What a ticket asks of the line that it is of."""

    means: Means
    clock: Callable[[], float]

    def take_at_once(self, ticket: Ticket[C], /) -> bool: ...
    def join(self, ticket: Ticket[C], /) -> asyncio.Future[None]: ...
    def leave(self, ticket: Ticket[C], /) -> None: ...
    def fail(self, ticket: Ticket[C], /) -> None: ...
    def place_of(self, ticket: Ticket[C], /) -> tuple[int, float] | None: ...


class Ticket(Generic[C]):
    """A request, from the line to its end. Use it in a `with` block, from one task.

    `choice`: the one whose slot it holds; `load`: where that slot is counted. `deadline`: when it has waited long
    enough. `returns`: an attempt failed, so it goes to the head of its user's line. `queued`: seconds that it has
    waited so far.
    """

    __slots__ = (
        "_line", "account", "charged", "choice", "choices", "deadline", "entered_at", "future", "granted_at",
        "load", "places", "queued", "returns", "station", "told", "user", "watcher", "weight",
    )  # fmt: skip

    load: Load
    granted_at: float
    entered_at: float
    deadline: float
    account: Account[Ticket[C]] | None
    charged: float
    told: tuple[int, float] | None

    def __init__(self, line: TicketLine[C], user: str, weight: int, choices: Sequence[Sequence[C]]) -> None:
        self._line = line
        self.user = user
        self.weight = weight
        self.choices = choices
        self.choice: C | None = None
        self.station: Station[C, Ticket[C]] | None = None
        self.future: asyncio.Future[None] | None = None
        self.places: Sequence[tuple[Station[C, Ticket[C]], Place[Ticket[C]]]] = ()
        self.watcher: Callable[[int, float], None] | None = None
        self.returns = False
        self.queued = 0.0

    def __repr__(self) -> str:
        if self.choice is not None:
            return f"Ticket({self.user!r}, at {self.choice.upstream.config.id!r})"
        return f"Ticket({self.user!r}, {'not ' if self.future is None else ''}waiting)"

    def __enter__(self) -> Ticket[C]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Give up place and slot, whichever there is. Does nothing the second time."""
        self._line.leave(self)

    @property
    def hold(self) -> float:
        """Seconds for which its slot is expected to be held."""
        return self._line.means.of(self.user, self.choice.model).hold if self.choice is not None else 0.0

    @property
    def effort(self) -> int:
        """The work of telling its place (`Station.effort`)."""
        return TICKET_EFFORT + sum(station.effort for station, _ in self.places)

    @property
    def is_waiting(self) -> bool:
        return self.future is not None

    @property
    def place(self) -> tuple[int, float] | None:
        """Place in line, 1 for the next one, and the predicted wait in seconds; None: it does not wait."""
        return self._line.place_of(self) if self.future is not None else None

    async def slot(self) -> C:
        """Wait for a slot, and return the choice that serves. Raises ServerOverloaded (the line is full, or the wait
        was too long), UpstreamUnavailable (no choice can serve in time), and what the line is closed with."""
        if not self._line.take_at_once(self):
            await self._wait()
        if self.choice is None:
            raise RuntimeError("a ticket without a slot")
        return self.choice

    async def _wait(self) -> None:
        since = self._line.clock()
        try:
            await self._line.join(self)  # without suspending, where a slot was free
        finally:
            self.queued += self._line.clock() - since

    def watch(self, watcher: Callable[[int, float], None]) -> None:
        """Call `watcher` with place and predicted wait when it begins to wait, and when they change, at most once a
        second."""
        self.watcher = watcher

    def tell(self) -> None:
        """Tell the watcher of a place that has changed."""
        place = self.place
        if self.watcher is not None and place is not None:
            news = place[0], round(place[1], 1)
            if news != self.told:
                self.told = news
                self.watcher(*news)

    def failed(self, excluding: Collection[C] = ()) -> None:
        """Give the slot back after an attempt that came to nothing, and the charge with it. The choices `excluding` are
        not offered again."""
        self._line.fail(self)
        self.choices = [[choice for choice in tier if choice not in excluding] for tier in self.choices]
        self.returns = True

    def settled(self, service: float) -> None:
        """Put the user's counter right: this is the service (`rules/fairness.py`) that the attempt really was; 0: it
        failed, and nothing is known of what it used, so that its charge stands. Call it while the slot is held; later
        it does nothing."""
        if self.choice is None or self.station is None or not service:
            return
        self._line.means.of(self.user, self.choice.model).note(service, self._line.clock() - self.granted_at)
        if self.account is not None:
            self.station.order.settle(self.account, self.charged, service / self.weight)
            self.account = None
