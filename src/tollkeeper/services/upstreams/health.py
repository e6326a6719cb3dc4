"""Health of one upstream: whether it can serve a model now, when it may again, and why not.

Two things keep requests from it, for all of its models or for one: a breaker that is open (`rules/breaker.py`), a
rest that it asked for (`rules/resting.py`). What a failure does to them is in the rows of
`rules/failover.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import random

from msgspec import Struct

from tollkeeper.rules.breaker import Breaker, State
from tollkeeper.rules.failover import ROWS
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.rules.resting import Rest

TRIAL_WAIT = 5.0
"""Seconds that requests wait for the outcome of a trial."""
OVERDUE = 5.0
"""Seconds after which a trial that could be made counts no longer as one in the order of candidates. As one it comes
last; beside healthy upstreams with room it would never be made."""
OPERATOR_REST = 60.0
"""Seconds of rest after a fault that only the operator can repair."""
SMOOTHING = 0.2
"""The weight of the newest latency."""


class Trial(Struct, frozen=True):
    """What the request that holds it tries out: the breakers of the upstream, of the model there, or both."""

    breakers: tuple[Breaker, ...] = ()


NO_TRIAL = Trial()


class _Guard:
    """A breaker and a rest: of the upstream, or of one of its models."""

    __slots__ = ("breaker", "rest")

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.rest = Rest()

    def __repr__(self) -> str:
        return f"{self.breaker!r}, {self.rest!r}"


class Health:
    """The health of an upstream. `now` is in seconds of the monotonic clock; `chance` makes random numbers from 0 to
    below 1.

    `latency`: smoothed seconds to the first byte of a response; None: not known yet. `alive`: the finding of the last
    probe; None: it is not probed. `operator_fault`: it has refused the gateway's key or account since it last served,
    which only the operator can repair. `is_calm`: nothing has failed since it last served, and nothing rests, so that
    it serves every model. `on_change` is called when it may be able to serve sooner than `due_at` has said, and when a
    probe shows that it cannot.
    """

    def __init__(self, chance: Callable[[], float] = random) -> None:
        self._chance = chance
        self._guard = _Guard()
        self._models: dict[str, _Guard] = {}
        """Models of which something has failed, or which rest; the others are not in it."""
        self._failure: str | None = None
        self._probe_failure: str | None = None
        self.latency: float | None = None
        self.alive: bool | None = None
        self.operator_fault = False
        self.is_calm = True
        self.on_change: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Health({self._guard!r}, alive={self.alive}, {self._models})"

    @property
    def error(self) -> str | None:
        """What went wrong last, for admins; None: nothing since it last served, and was last probed."""
        return self._failure or self._probe_failure

    def why_down(self, now: float) -> str | None:
        """Why it is known to be down, in words for anyone; None: it is not."""
        if self.alive is False:
            return "it fails its probe"
        if self._guard.breaker.state(now) is State.OPEN:
            return "requests to it have failed"
        return None

    def breaker(self, now: float) -> State:
        """The state of the breaker of the upstream as a whole."""
        return self._guard.breaker.state(now)

    def rests(self, now: float) -> bool:
        """Whether the upstream as a whole rests."""
        return self._guard.rest.until > now

    def keeps_away(self, now: float) -> bool:
        """Whether it, or some model of it, gets no requests, or only one on trial."""
        return not self.is_calm and any(
            not guard.breaker.is_closed or guard.rest.until > now for guard in (self._guard, *self._models.values())
        )

    def can_serve(self, model: str, now: float) -> bool:
        """Whether a request of this model may be sent now. If it is to be a trial, `begin_trial` comes first."""
        return self.is_calm or self.due_at(model, now) is None

    def due_at(self, model: str, now: float) -> float | None:
        """The earliest time at which a request of this model may be sent; None: now. While a trial is under way, that
        is when requests stop waiting for its outcome, and infinity from then on."""
        due = 0.0
        for guard in self._guards(model):
            due = max(due, guard.rest.until)
            breaker = guard.breaker
            if not breaker.is_closed:
                state = breaker.state(now)
                if state is State.OPEN:
                    due = max(due, breaker.due_at)
                elif state is State.TRIAL:
                    over = breaker.began_at + TRIAL_WAIT
                    due = max(due, over if now < over else math.inf)
        return due if due > now else None

    def on_trial(self, model: str, now: float) -> bool:
        """Whether it has to show first that it serves this model again, and so comes after healthy ones."""
        return any(
            not guard.breaker.is_closed
            and not (guard.breaker.state(now) is State.HALF_OPEN and now >= guard.breaker.due_at + OVERDUE)
            for guard in self._guards(model)
        )

    def begin_trial(self, model: str, now: float) -> Trial:
        """Begin the trial, if a request that is sent now is one; else NO_TRIAL. Its result is noted, or it is ended,
        with what this returns."""
        if self.is_calm:
            return NO_TRIAL
        breakers = [guard.breaker for guard in self._guards(model) if not guard.breaker.is_closed]
        trial = [breaker for breaker in breakers if breaker.state(now) is State.HALF_OPEN]
        for breaker in trial:
            breaker.begin_trial(now)
        return Trial(tuple(trial)) if trial else NO_TRIAL

    def end_trial(self, trial: Trial) -> None:
        """End a trial that has no result: its client left, say."""
        for breaker in trial.breakers:
            breaker.end_trial()
        self._ended(trial)

    def note_answering(self, now: float, trial: Trial) -> Trial:
        """Note that the answer to a trial has begun, which shows that the upstream is there, however long the answer
        takes. Returns what is still tried out: the model, which may yet fail in the middle of it."""
        upstream = self._guard.breaker
        if upstream not in trial.breakers:
            return trial
        upstream.succeeded(now, trial=True)
        self._changed()
        left = tuple(breaker for breaker in trial.breakers if breaker is not upstream)
        return Trial(left) if left else NO_TRIAL

    def note_success(self, model: str, now: float, first_byte: float | None = None, trial: Trial = NO_TRIAL) -> None:
        """Note a request that was served. `first_byte`: seconds until its response began; None: not measured."""
        if first_byte is not None:
            old = self.latency
            self.latency = first_byte if old is None else old + SMOOTHING * (first_byte - old)
        if self.is_calm:  # as it mostly is
            self._guard.breaker.results.add(now)  # which is all that a success of a closed one does
            return
        self._failure = None
        self.operator_fault = False
        for guard in self._guards(model):
            guard.rest.served()
            if guard.breaker not in trial.breakers:
                guard.breaker.succeeded(now)
        for breaker in trial.breakers:
            breaker.succeeded(now, trial=True)
        found = self._models.get(model)
        if found is not None and found.breaker.is_calm and found.rest.until <= now:
            del self._models[model]
        upstream = self._guard
        self.is_calm = not self._models and upstream.breaker.is_calm and upstream.rest.until <= now
        self._ended(trial)

    def note_failure(
        self,
        outcome: Outcome,
        model: str,
        now: float,
        error: str,
        *,
        retry_after: float | None = None,
        trial: Trial = NO_TRIAL,
    ) -> None:
        """Note an attempt that failed. `error` says why, for admins; `retry_after` is what the upstream asked for.

        An answer shows that the upstream is there, whatever it says of the request; only that of a 503 does not."""
        self.is_calm = False
        row = ROWS[outcome]
        if row.fails is not None or row.rests is not None:
            self._failure = error
        if row.rests is not None:
            self.rest(outcome, model, now, retry_after)
        upstream = self._guard.breaker
        if row.fails == "upstream":
            upstream.failed(now, self._chance(), trial=upstream in trial.breakers)
        elif outcome is not Outcome.UNAVAILABLE:
            upstream.succeeded(now, trial=upstream in trial.breakers)
        elif upstream in trial.breakers:
            upstream.end_trial()
        if row.fails == "model":
            breaker = self._models.setdefault(model, _Guard()).breaker
            breaker.failed(now, self._chance(), trial=breaker in trial.breakers)
        elif (found := self._models.get(model)) is not None and found.breaker in trial.breakers:
            found.breaker.end_trial()
        self._ended(trial)

    def rest(self, outcome: Outcome, model: str, now: float, retry_after: float | None) -> None:
        """Let the upstream, or this model of it, rest after such a failure."""
        self.is_calm = False
        row = ROWS[outcome]
        if row.alerts and row.rests == "upstream":
            self.operator_fault = True
        guard = self._guard if row.rests == "upstream" else self._models.setdefault(model, _Guard())
        guard.rest.begin(now, OPERATOR_REST if row.alerts else retry_after)

    def probed(self, now: float, error: str | None) -> None:
        """Note the result of a probe; None: a good one."""
        self.alive = error is None
        self._probe_failure = error
        breaker = self._guard.breaker
        before = breaker.state(now)
        breaker.probed(now, self._chance(), alive=self.alive)
        self.is_calm = self.is_calm and breaker.is_closed
        if breaker.state(now) is not before:
            self._changed()

    def clear(self) -> None:
        """Forget every failure and rest: an admin has changed something."""
        self._guard = _Guard()
        self._models = {}
        self._failure = self._probe_failure = self.alive = None
        self.operator_fault = False
        self.is_calm = True
        self._changed()

    def _guards(self, model: str) -> tuple[_Guard, ...]:
        found = self._models.get(model)
        return (self._guard,) if found is None else (self._guard, found)

    def _ended(self, trial: Trial) -> None:
        if trial.breakers:
            self._changed()

    def _changed(self) -> None:
        for listener in tuple(self.on_change):
            listener()
