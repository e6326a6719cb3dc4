"""Circuit breaker: keeps requests from what keeps failing, and finds out when it works again.

    CLOSED ──TRIP──▶ OPEN ──DUE──▶ HALF_OPEN ──BEGIN──▶ TRIAL ──SUCCESS──▶ CLOSED
                       ▲               │ ▲                │ │
                       ├────FAILURE────┘ └──ABANDON───────┘ │
                       └────FAILURE─────────────────────────┘

    CLOSED: requests pass. TRIP is a failure that is one too many: the fifth in a row, or one that makes it half of at
    least 20 results in 10 s. OPEN: none pass. DUE: the wait is over; the first lasts a second, each further one twice
    as long as the one before, at most a minute, less a random part so that many do not return at once. HALF_OPEN: one
    request may try; a failure here is a probe's. TRIAL: one tries, and no other passes. ABANDON: it ended without a
    result, since its client left, say.

    Results of requests that began before it opened are no SUCCESS or FAILURE when they come: they show what was. Probes
    have a row of their own: what answers them may still fail every request.

A transition is one lookup in a nested table, `TRANSITIONS[state][event]`. One that is not there raises
IllegalTransition, which is always a bug of the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from tollkeeper.rules.recent import RecentCount

IN_A_ROW = 5
LEAST_RESULTS = 20
RECENT = 10.0
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
JITTER = 0.2
"""The part of a wait by which it may be shorter."""


class State(Enum):
    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()
    TRIAL = auto()

    __repr__ = Enum.__str__


class Event(Enum):
    TRIP = auto()
    DUE = auto()
    BEGIN = auto()
    SUCCESS = auto()
    FAILURE = auto()
    ABANDON = auto()

    __repr__ = Enum.__str__


class IllegalTransition(Exception):
    """An event that cannot happen in this state."""


TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.CLOSED: {Event.TRIP: State.OPEN},
    State.OPEN: {Event.DUE: State.HALF_OPEN},
    State.HALF_OPEN: {Event.BEGIN: State.TRIAL, Event.FAILURE: State.OPEN},
    State.TRIAL: {Event.SUCCESS: State.CLOSED, Event.FAILURE: State.OPEN, Event.ABANDON: State.HALF_OPEN},
}


class Breaker:
    """The breaker of one thing that may fail. `now` is in seconds of any clock that does not go back; `chance` a random
    number from 0 to below 1."""

    def __init__(self) -> None:
        self._state = State.CLOSED
        self.due_at = 0.0
        """When the wait ends, or ended; of use while it is not closed."""
        self.began_at = 0.0
        """When the last trial began."""
        self._forget()

    def _forget(self) -> None:
        self._wait = FIRST_WAIT
        self._in_a_row = 0
        self._probes_in_a_row = 0
        self.results = RecentCount(RECENT)
        """Of requests while it is closed; to count one that served, where nothing has failed since the last success."""
        self._failures = RecentCount(RECENT)

    def __repr__(self) -> str:
        if self._state is State.CLOSED:
            return f"Breaker(CLOSED, {self._in_a_row} failures in a row)"
        return f"Breaker({self._state.name}, due at {self.due_at:.3f}, next wait {self._wait:g} s)"

    @property
    def is_closed(self) -> bool:
        return self._state is State.CLOSED

    @property
    def is_calm(self) -> bool:
        """Whether it is closed, and nothing has failed since the last success."""
        return self._state is State.CLOSED and not self._in_a_row

    def state(self, now: float) -> State:
        if self._state is State.OPEN and now >= self.due_at:
            self._move(Event.DUE)
        return self._state

    def begin_trial(self, now: float) -> None:
        """Begin the one trial. Raises IllegalTransition where none may begin."""
        self.state(now)
        self._move(Event.BEGIN)
        self.began_at = now

    def end_trial(self) -> None:
        """End the trial without a result."""
        self._move(Event.ABANDON)

    def succeeded(self, now: float, *, trial: bool = False) -> None:
        """Note a success; `trial`: of the request that is the trial."""
        if trial:
            self._move(Event.SUCCESS)
            self._forget()
        elif self._state is State.CLOSED:
            self._in_a_row = 0
            self.results.add(now)

    def failed(self, now: float, chance: float, *, trial: bool = False) -> None:
        """Note a failure; `trial`: of the request that is the trial."""
        if trial:
            self._open(Event.FAILURE, now, chance)
        elif self._state is State.CLOSED:
            self._in_a_row += 1
            self.results.add(now)
            self._failures.add(now)
            results, failures = self.results.total(now), self._failures.total(now)
            if self._in_a_row >= IN_A_ROW or (results >= LEAST_RESULTS and 2 * failures >= results):
                self._open(Event.TRIP, now, chance)

    def probed(self, now: float, chance: float, *, alive: bool) -> None:
        """Note the result of a probe. A good one ends the wait, and closes nothing: that it answers does not show that
        it serves."""
        state = self.state(now)
        self._probes_in_a_row = 0 if alive else self._probes_in_a_row + 1
        if alive and state is State.OPEN:
            self.due_at = now
        elif not alive and state is State.HALF_OPEN:
            self._open(Event.FAILURE, now, chance)
        elif state is State.CLOSED and self._probes_in_a_row >= IN_A_ROW:
            self._open(Event.TRIP, now, chance)

    def _open(self, event: Event, now: float, chance: float) -> None:
        self._move(event)
        self.due_at = now + self._wait * (1 - JITTER * chance)
        self._wait = min(2 * self._wait, LONGEST_WAIT)

    def _move(self, event: Event) -> None:
        after = TRANSITIONS[self._state].get(event)
        if after is None:
            raise IllegalTransition(f"{event.name} in {self._state.name}")
        self._state = after
