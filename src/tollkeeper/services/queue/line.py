"""The line in which requests wait for a slot of an upstream.

    with line.enter(user, weight, choices) as ticket:
        choice = await ticket.slot()            # its slot is taken
        ...                                     # an attempt
        ticket.failed(excluding=[choice])       # gives the slot back; the next `slot` is at the head of the user's line
        choice = await ticket.slot()
        ...
        ticket.settled(service)                 # what it really used
                                                # the end of the block frees everything, whatever happened

`choices` are classes of choices, best first: the line gives the first choice that can serve and has a free slot; a
class is used only while no choice of an earlier one can serve. A request that must wait is in the line of each upstream
of its class, and gets the first slot of any.

Decisions are made without an await in between: where a slot is free and nobody waits, `slot` does not suspend.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from tollkeeper.rules.errors import GatewayError, ServerOverloaded, UpstreamUnavailable
from tollkeeper.rules.fairness import Place
from tollkeeper.services.queue.deadlines import Deadlines
from tollkeeper.services.queue.means import Means
from tollkeeper.services.queue.notices import Notices
from tollkeeper.services.queue.ports import Choice
from tollkeeper.services.queue.station import Station, StationStatistics
from tollkeeper.services.queue.ticket import Ticket
from tollkeeper.services.upstreams.load import Load

C = TypeVar("C", bound=Choice)

REVIEWED_AT_ONCE = 100
"""Tickets whose classes are looked at before the loop gets its turn."""
LOADS = 4
"""A model may be passed over for loaded ones as long as this many of its last loads took."""


class UserQueue(NamedTuple):
    """The requests of one user: those in line, those that hold a slot, and the first one's place and wait."""

    waiting: int
    running: int
    position: int | None
    estimate_s: float | None


class Bounds(NamedTuple):
    """`size`: requests in line in all; `size_per_user`: of one user; `timeout`: seconds for which a request waits at
    most; `swap_after`: seconds for which a model may be passed over for loaded ones, or more where it loads slowly."""

    size: int = 1_000
    size_per_user: int = 200
    timeout: float = 60.0
    swap_after: float = 5.0


class Line(Generic[C]):
    """Requests that wait, and those that hold slots.

    `clock` is monotonic seconds. `can_serve`: whether a choice is neither down, nor resting, nor gone. `due_at`: when
    it may be again; None: unknown. `taken` is called when a choice is given away, before the next decision. Call
    `changed` when what they say changes.
    """

    def __init__(
        self,
        bounds: Bounds,
        *,
        clock: Callable[[], float],
        can_serve: Callable[[C, float], bool],
        due_at: Callable[[C, float], float | None],
        taken: Callable[[Ticket[C], C, float], None] | None = None,
    ) -> None:
        self.bounds = bounds
        self.means = Means()
        self.clock = clock
        self._can_serve = can_serve
        self._due_at = due_at
        self._taken = taken
        self._stations: dict[str, Station[C, Ticket[C]]] = {}
        self._waiting: dict[str, dict[Ticket[C], None]] = {}
        self._size = 0
        self._closed: Callable[[], GatewayError] | None = None
        self._deadlines = Deadlines(clock, self._time_out)
        self._notices = Notices(self._tickets)
        self._doubtful: dict[Ticket[C], None] = {}
        """Those who may have to wait elsewhere, or no longer."""
        self._reviewing = False

    def __repr__(self) -> str:
        return f"Line({self._size} waiting of {len(self._waiting)} users, {list(self._stations.values())})"

    def __len__(self) -> int:
        """Requests in line."""
        return self._size

    # Entering

    def enter(self, user: str, weight: int, choices: Sequence[Sequence[C]]) -> Ticket[C]:
        """A ticket for a request of this user, which has no place yet."""
        return Ticket(self, user, weight, choices)

    def take_at_once(self, ticket: Ticket[C]) -> bool:
        """Take a slot that is free while nobody waits for it who could be served."""
        now = self.clock()
        for tier in ticket.choices:
            can_serve = False
            for choice in tier:
                if not self._can_serve(choice, now):
                    continue
                can_serve = True
                upstream = choice.upstream
                config = upstream.config
                station = self._stations.get(config.id)
                if station is None:
                    station = self._stations[config.id] = Station(config.id)
                load = upstream.load
                if (
                    (not station.order.waiting or self._is_blocked(station, now))
                    and not (load.loading and self._must_wait_for_swap(station, load, choice.model, now))
                    and load.take_room(config, choice.model)
                ):
                    self._give(ticket, station, choice, load, now)
                    return True
            if can_serve:
                return False
        return False

    def join(self, ticket: Ticket[C]) -> asyncio.Future[None]:
        """Take a place in line; the future is done when a slot is taken. Raises as `Ticket.slot` does."""
        now = self.clock()
        if self._closed is not None:
            raise self._closed()
        ticket.entered_at = now
        ticket.deadline = now + self.bounds.timeout - ticket.queued
        ticket.told = None
        mine = self._waiting.get(ticket.user)
        if not ticket.returns:
            if self._size >= self.bounds.size:
                raise self._full("The server is overloaded: too many requests are in line.", ticket, now)
            if mine is not None and len(mine) >= self.bounds.size_per_user:
                raise self._full("Too many of your requests are in line already.", ticket, now)
        self._check_can_be_served(ticket, now)
        future = ticket.future = asyncio.get_running_loop().create_future()
        if mine is None:
            mine = self._waiting[ticket.user] = {}
        mine[ticket] = None
        self._size += 1
        self._deadlines.note(ticket, self._size, now)
        stations = self._enrol(ticket, now)
        for station in stations:
            self._pump(station, now)
        if ticket.watcher is not None and ticket.is_waiting:
            ticket.tell()
            self._notices.begin()
        return future

    def leave(self, ticket: Ticket[C]) -> None:
        """Give up place and slot, whichever there is."""
        if ticket.future is not None:
            self._withdraw(ticket)
        self.release(ticket)

    def release(self, ticket: Ticket[C]) -> None:
        """Give the slot back, which is given to the next one in line."""
        choice, station = ticket.choice, ticket.station
        if choice is None or station is None:
            return
        if ticket.account is not None:  # what it used is not known
            station.order.settle(ticket.account, ticket.charged, ticket.charged)
            ticket.account = None
        ticket.choice = None
        del station.holders[ticket]
        ticket.load.release(choice.model)
        if station.order.waiting:
            self._pump(station, self.clock())

    def answered(self, ticket: Ticket[C], seconds: float | None) -> None:
        """Note that the response of a ticket's choice began (`Load.answered`); others may have waited for its model to
        be loaded."""
        choice, station = ticket.choice, ticket.station
        if choice is not None and station is not None and ticket.load.loading:
            ticket.load.answered(choice.model, seconds)
            if station.order.waiting:
                self._pump(station, self.clock())

    def fail(self, ticket: Ticket[C]) -> None:
        """Undo the charge of an attempt that came to nothing, and give its slot back."""
        if ticket.choice is not None and ticket.station is not None:
            if ticket.account is not None:
                ticket.station.order.settle(ticket.account, ticket.charged, 0.0)
                ticket.account = None
            self.release(ticket)

    # What changes

    def changed(self, upstream_id: str | None = None) -> None:
        """Look again at those who wait, since an upstream (None: any) came up, went down, or was changed."""
        now = self.clock()
        for station in list(self._stations.values()):
            if upstream_id in (None, station.upstream_id) and station.order.waiting:
                self._reconsider(station)
                self._pump(station, now, reviewed=True)

    def drop(self, which: Callable[[Ticket[C]], bool], error: Callable[[], GatewayError]) -> int:
        """Turn those away who wait and are meant, each with an error of its own. Returns how many."""
        meant = [ticket for ticket in self._tickets() if which(ticket)]
        for ticket in meant:
            self._turn_away(ticket, error())
        return len(meant)

    def close(self, error: Callable[[], GatewayError]) -> None:
        """Turn away all who wait, and everyone who would have to from now on. Those who hold slots keep them, and
        one that is free may still be taken: connections that are open get one more answer."""
        self._closed = error
        self.drop(lambda _: True, error)

    # What is seen

    def wait(self, user: str, weight: int, choice: C) -> float:
        """The predicted wait in seconds of a request of this user that would come now."""
        now = self.clock()
        upstream = choice.upstream
        station = self._stations.get(upstream.config.id)
        until_due = self._until_due(choice, now)
        if station is None or (not station.order.waiting and upstream.load.room(upstream.config, choice.model)):
            return until_due
        mean = self.means.of(user, choice.model)
        return until_due + station.forecast(user, mean.service / weight, mean.hold, now).seconds

    def place_of(self, ticket: Ticket[C]) -> tuple[int, float] | None:
        """Place in line, 1 for the next one, and the predicted wait in seconds; None: it does not wait."""
        now, ahead, wait, shares = self.clock(), 0.0, 0.0, 0.0
        for station, place in ticket.places:
            mean = self.means.of(ticket.user, place.model)
            found = station.forecast(ticket.user, mean.service / ticket.weight, mean.hold, now, place)
            ahead += found.ahead
            wait += place.share * (self._until_due(station.choices[place.model], now) + found.seconds)
            shares += place.share
        return (1 + round(ahead), wait / shares) if shares else None

    def of_user(self, user: str) -> UserQueue:
        """What one user has in line, and at upstreams."""
        running = sum(ticket.user == user for ticket in self.holders())
        mine = self._waiting.get(user)
        place = self.place_of(next(iter(mine))) if mine else None
        return UserQueue(len(mine or ()), running, *(place or (None, None)))

    def holders(self) -> Iterator[Ticket[C]]:
        """The requests that hold a slot, also of upstreams that have no bound."""
        for station in self._stations.values():
            yield from station.holders

    def running(self, upstream_id: str) -> int:
        """Requests that hold a slot of one upstream."""
        station = self._stations.get(upstream_id)
        return 0 if station is None else len(station.holders)

    def users(self) -> dict[str, int]:
        """Requests in line, by user."""
        return {user: len(tickets) for user, tickets in self._waiting.items()}

    def statistics(self) -> dict[str, StationStatistics]:
        """Who waits and runs, by upstream. A request that waits for several is counted at each."""
        now = self.clock()
        return {name: station.statistics(now) for name, station in self._stations.items()}

    # Decisions

    def _enrol(self, ticket: Ticket[C], now: float) -> list[Station[C, Ticket[C]]]:
        """Enter the lines of all upstreams that it waits for, and leave those of the others."""
        if not ticket.places and len(ticket.choices) == 1 and len(ticket.choices[0]) == 1:  # as most are
            station, place = self._stand(ticket, ticket.choices[0][0], 1.0, now)
            ticket.places = ((station, place),)
            return [station]
        wanted = list(self._wanted(ticket, now))
        slots = {choice.upstream.config.id: choice.upstream.config.most_running or 1 for choice in wanted}
        total = sum(slots.values())
        keys = {(choice.upstream.config.id, choice.model) for choice in wanted}
        for station, place in ticket.places:
            if (station.upstream_id, place.model) not in keys:
                station.order.leave(place)
        places = [each for each in ticket.places if (each[0].upstream_id, each[1].model) in keys]
        present = {(station.upstream_id, place.model) for station, place in places}
        joined = []
        for choice in wanted:
            key = choice.upstream.config.id, choice.model
            if key in present:
                continue
            station, place = self._stand(ticket, choice, slots[key[0]] / total, now)
            places.append((station, place))
            present.add(key)
            joined.append(station)
        ticket.places = places
        return joined

    def _stand(
        self, ticket: Ticket[C], choice: C, share: float, now: float
    ) -> tuple[Station[C, Ticket[C]], Place[Ticket[C]]]:
        """Enter the line of one upstream."""
        station = self._station(choice)
        if not station.order.waiting:
            self._charge_holders(station)
        station.choices.pop(choice.model, None)
        station.choices[choice.model] = choice  # the newest is last: its upstream is as it is configured now
        place = station.order.join(ticket.user, choice.model, ticket, share=share, first=ticket.returns)
        mean = self.means.of(ticket.user, choice.model)
        station.note_arrival(place, mean.service / ticket.weight, mean.hold, now)
        return station, place

    def _wanted(self, ticket: Ticket[C], now: float) -> Iterator[C]:
        """The choices of the first class that can serve, and of those before it."""
        for tier in ticket.choices:
            yield from tier
            if any(self._can_serve(choice, now) for choice in tier):
                return

    def _pump(self, station: Station[C, Ticket[C]], now: float, *, reviewed: bool = False) -> None:
        """Give free slots to those who are next. `reviewed`: those who wait are being reconsidered already."""
        order, choices = station.order, station.choices
        if not order.waiting:
            return
        newest = choices[next(reversed(choices))]
        config, load = newest.upstream.config, newest.upstream.load
        most = config.most_running
        serves = self._can_serve(newest, now)
        if most and load.running >= most and serves and not station.blocked:  # as it mostly is when somebody joins
            return
        blocked: set[str] = set()
        given: C | None = None
        """What was given away last."""

        def can_serve(model: str) -> bool:
            if not self._can_serve(choices[model], now):
                blocked.add(model)
                return False
            if load.loading and self._must_wait_for_swap(station, load, model, now):
                self._await_swap(station, now)
                return False
            return load.room(config, model)

        def is_loaded(model: str) -> bool:
            return load.loaded is None or model in load.loaded

        while order.waiting:
            if most and load.running >= most:
                if not blocked:  # what else is, is seen when a slot is free
                    blocked.update(self._blocked(station, station.blocked if serves else order.models, now))
                break
            place = order.next(now, can_serve, is_loaded, partial(self._patience, load))
            if place is None:
                break
            ticket, choice = place.item, choices[place.model]
            account = place.account
            future = ticket.future
            self._withdraw(ticket)
            if future is None or future.done():
                continue  # its task is being cancelled
            load.take(choice.model)
            self._give(ticket, station, choice, load, now)
            given = choice
            ticket.account = account
            ticket.charged = self.means.of(ticket.user, choice.model).service / ticket.weight
            order.charge(account, ticket.charged)
            future.set_result(None)
        self._note_blocked(station, blocked, given, now, reviewed=reviewed)

    def _note_blocked(
        self, station: Station[C, Ticket[C]], blocked: set[str], given: C | None, now: float, *, reviewed: bool
    ) -> None:
        """Note the models that cannot be served here now, after `given` was given away last, and look again when the
        first of them may be."""
        on_trial = given is not None and not self._can_serve(given, now)
        if on_trial:  # which keeps the others waiting
            blocked.update(self._blocked(station, station.order.models, now))
        if blocked or station.blocked:
            news = self._await_due(station, frozenset(blocked), now)
            if on_trial or (news and not reviewed):
                self._reconsider(station)

    def _is_blocked(self, station: Station[C, Ticket[C]], now: float) -> bool:
        """Whether nobody who waits here can be served now, so that a free slot is nobody's."""
        models = station.order.models
        return station.blocked.issuperset(models) and len(self._blocked(station, models, now)) == len(models)

    def _blocked(self, station: Station[C, Ticket[C]], models: Iterable[str], now: float) -> list[str]:
        """Those of these models that this upstream cannot serve now."""
        return [model for model in models if not self._can_serve(station.choices[model], now)]

    def _charge_holders(self, station: Station[C, Ticket[C]]) -> None:
        """Charge those who took their slots while nobody waited, now that somebody does: until then they kept nobody
        from being served."""
        for ticket in station.holders:
            if ticket.account is None and ticket.choice is not None:
                ticket.charged = self.means.of(ticket.user, ticket.choice.model).service / ticket.weight
                ticket.account = station.order.pass_through(ticket.user, ticket.charged)

    def _give(self, ticket: Ticket[C], station: Station[C, Ticket[C]], choice: C, load: Load, now: float) -> None:
        """Give the slot that was taken of this load to a ticket."""
        ticket.choice = choice
        ticket.station = station
        ticket.load = load
        ticket.account = None
        ticket.granted_at = now
        station.holders[ticket] = None
        if choice.model in load.loading and load.running_by_model[choice.model] == 1:
            station.swap_until = now + self._patience(load, choice.model)
        if self._taken is not None:
            self._taken(ticket, choice, now)

    def _patience(self, load: Load, model: str) -> float:
        """Seconds for which a model may be passed over for loaded ones, and others wait while it is loaded: requests
        of either must not time out for that."""
        return max(self.bounds.swap_after, min(LOADS * load.load_times.get(model, 0.0), self.bounds.timeout / 2))

    def _must_wait_for_swap(self, station: Station[C, Ticket[C]], load: Load, model: str, now: float) -> bool:
        """Whether another model is being loaded. A whole answer does not show when that was done, so it has an end."""
        return now < station.swap_until and load.loads_another(model)

    def _await_swap(self, station: Station[C, Ticket[C]], now: float) -> None:
        """Look again when nobody need wait any longer for the model that is being loaded."""
        if station.swap_timer is None:
            seconds = max(0.001, station.swap_until - now)
            station.swap_timer = asyncio.get_running_loop().call_later(seconds, self._swapped, station)

    def _swapped(self, station: Station[C, Ticket[C]]) -> None:
        station.swap_timer = None
        self._pump(station, self.clock())

    def _await_due(self, station: Station[C, Ticket[C]], blocked: frozenset[str], now: float) -> bool:
        """Look again when the first model of this upstream may serve again. Returns whether other ones are blocked than
        were before."""
        if station.timer is not None:
            station.timer.cancel()
            station.timer = None
        news = blocked != station.blocked
        station.blocked = blocked
        due = [at for model in blocked if (at := self._due_at(station.choices[model], now)) is not None]
        if due and station.order.waiting:
            loop = asyncio.get_running_loop()
            station.timer = loop.call_later(max(0.001, min(due) - now), self.changed, station.upstream_id)
        return news

    def _reconsider(self, station: Station[C, Ticket[C]]) -> None:
        """Have those who wait here wait elsewhere too, or no longer, as their classes say; and turn away those whom
        nobody can serve in time. The first of them now, the rest in the next turns of the loop."""
        waiting = sorted(station.waiting(), key=lambda place: place.number)
        self._doubtful.update(dict.fromkeys(place.item for place in waiting))
        if not self._reviewing:
            self._reviewing = True
            self._review()

    def _review(self) -> None:
        joined: dict[Station[C, Ticket[C]], None] = {}
        now = self.clock()
        try:
            for ticket in list(islice(self._doubtful, REVIEWED_AT_ONCE)):
                del self._doubtful[ticket]
                if ticket.future is None:
                    continue
                try:
                    self._check_can_be_served(ticket, now)
                except UpstreamUnavailable as error:
                    self._turn_away(ticket, error)
                    continue
                if len(ticket.choices) > 1:
                    joined.update(dict.fromkeys(self._enrol(ticket, now)))
            for station in joined:
                self._pump(station, now)
        finally:
            self._reviewing = bool(self._doubtful)
            if self._reviewing:
                asyncio.get_running_loop().call_soon(self._review)

    def _check_can_be_served(self, ticket: Ticket[C], now: float) -> None:
        """Raise UpstreamUnavailable where no choice can serve before its time is over."""
        soonest: float | None = None
        for tier in ticket.choices:
            for choice in tier:
                if self._can_serve(choice, now):
                    return
                due = self._due_at(choice, now)
                if due is not None and (soonest is None or due < soonest):
                    soonest = due
        if soonest is None or soonest > ticket.deadline:
            retry_after = None if soonest is None else max(0.0, soonest - now)
            raise UpstreamUnavailable(
                "No upstream can serve this model at the moment. Try again later.", status=503, retry_after=retry_after
            )

    # Leaving

    def _withdraw(self, ticket: Ticket[C]) -> None:
        """Take a ticket out of every line."""
        for station, place in ticket.places:
            station.order.leave(place)
        ticket.places = ()
        ticket.future = None
        mine = self._waiting[ticket.user]
        del mine[ticket]
        if not mine:
            del self._waiting[ticket.user]
        self._size -= 1

    def _turn_away(self, ticket: Ticket[C], error: GatewayError) -> None:
        future = ticket.future
        self._withdraw(ticket)
        if future is not None and not future.done():
            future.set_exception(error)

    def _time_out(self, ticket: Ticket[C]) -> None:
        now = self.clock()
        try:
            self._check_can_be_served(ticket, now)
        except UpstreamUnavailable as error:
            self._turn_away(ticket, error)
            return
        message = f"No slot was free within {self.bounds.timeout:g} seconds. Try again later."
        self._turn_away(ticket, self._full(message, ticket, now))

    def _full(self, message: str, ticket: Ticket[C], now: float) -> ServerOverloaded:
        """The refusal of a request that finds no room; its `retry_after` is the wait that a new one would have."""
        place = self.place_of(ticket)
        waits = (
            [place[1]] if place else [self.wait(ticket.user, ticket.weight, each) for each in self._wanted(ticket, now)]
        )
        return ServerOverloaded(message, retry_after=max(1.0, min(waits, default=1.0)))

    # Helpers

    def _station(self, choice: C) -> Station[C, Ticket[C]]:
        name = choice.upstream.config.id
        station = self._stations.get(name)
        if station is None:
            station = self._stations[name] = Station(name)
        return station

    def _tickets(self) -> list[Ticket[C]]:
        return [ticket for tickets in self._waiting.values() for ticket in tickets]

    def _until_due(self, choice: C, now: float) -> float:
        if self._can_serve(choice, now):
            return 0.0
        due = self._due_at(choice, now)
        return self.bounds.timeout if due is None else max(0.0, due - now)
