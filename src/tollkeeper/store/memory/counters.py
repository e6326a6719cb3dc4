"""Counters in memory. `rules/admission.py` decides; this module finds the counters of a request.

A counter is made when something is counted in it: there may be a million limits, of which few are ever used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping

from msgspec import Struct

from tollkeeper.rules.admission import Counter, Hold, LimitCheck, give_back, settle, take
from tollkeeper.rules.limits import CHECKED_LIMITS, CONCURRENCY
from tollkeeper.rules.owners import Scope
from tollkeeper.rules.terms import Terms
from tollkeeper.store.ports.counters import AdmissionRequest, LimitStatus, Names, PastUse, ScopeLimits

_NONE: frozenset[str] = frozenset()


class _Prepared(Struct, frozen=True):
    """The counters for one set of terms: those of its limits, those of its pace limits on requests and tokens, and all
    that count its requests, limited or not. Valid while `layout` is that of the engine."""

    layout: object
    checks: tuple[LimitCheck, ...]
    pace: tuple[LimitCheck, ...]
    counters: tuple[Counter, ...]
    by_model: Mapping[str, tuple[Counter, ...]]
    """Those of `counters` that are of one model, where the terms are for several."""


class MemoryReservation(Struct, eq=False):
    """A reservation: what one request holds, and in which scopes. `by_model`: what it holds at each of several models,
    which `hold` then leaves out."""

    hold: Hold
    scopes: tuple[Scope, ...]
    pace: list[LimitStatus]
    by_model: dict[str, Hold] = {}

    def __repr__(self) -> str:
        return f"MemoryReservation({self.hold!r})"

    @property
    def at(self) -> int:
        return self.hold.at

    @property
    def allowance(self) -> int:
        return self.hold.allowance

    def join(self, model: str, counter: Counter) -> None:
        """Hold in one more counter, which began while the request runs; `model` "": of all models."""
        if model in self.by_model:
            self.by_model[model] = self.by_model[model].joined(counter)
        else:
            self.hold = self.hold.joined(counter)


class MemoryCounters:
    """All counters of one gateway."""

    def __init__(self) -> None:
        self._begun: dict[Scope, Names] = {}
        """By owner, the limits that are counted, whether or not they have a counter yet."""
        self._scopes: dict[Scope, dict[str, Counter]] = {}
        self._open: set[MemoryReservation] = set()
        self._layout = object()
        """Identity of the set of counters: replaced whenever a counter is added or removed."""

    def __repr__(self) -> str:
        limits = sum(len(names) for of_owner in self._begun.values() for names in of_owner.values())
        return f"MemoryCounters({limits} limits, {sum(map(len, self._scopes.values()))} counters)"

    async def admit(self, request: AdmissionRequest, at: int) -> MemoryReservation:
        terms = request.terms
        prepared: _Prepared | None = terms.prepared
        if prepared is None or prepared.layout is not self._layout:
            prepared = terms.prepared = self._prepare(terms)
        hold = take(prepared.checks, request.demand, at, prepared.counters)
        pace = [_status(check.name, check.limit, check.counter, at) for check in prepared.pace]
        reservation = MemoryReservation(hold, terms.scopes, pace)
        if prepared.by_model:
            _split(reservation, prepared.by_model)
        self._open.add(reservation)
        return reservation

    def settle(self, reservation: MemoryReservation, model: str, tokens: int, cost: int, at: int) -> None:
        self._open.discard(reservation)
        settle(reservation.hold, tokens, cost, at)
        for name, hold in reservation.by_model.items():
            if name == model:
                settle(hold, tokens, cost, at)
            else:
                give_back(hold)

    def give_back(self, reservation: MemoryReservation) -> None:
        self._open.discard(reservation)
        give_back(reservation.hold)
        for hold in reservation.by_model.values():
            give_back(hold)

    async def status(self, limits: Iterable[ScopeLimits], at: int) -> list[list[LimitStatus]]:
        found = []
        for scope, figures in limits:
            counters = self._scopes.get(scope, {})
            found.append([_status(name, limit, counters.get(name), at) for name, limit in figures.items()])
        return found

    def begin(self, names: Mapping[Scope, Names]) -> Awaitable[Mapping[Scope, Names]]:
        return _immediately({owner: new for owner, wanted in names.items() if (new := self._begin(owner, wanted))})

    def _begin(self, owner: Scope, names: Names) -> Names:
        begun = self._begun.get(owner, {})
        new = {}
        for model, wanted in names.items():
            counted = begun.get(model, _NONE)
            if made := self._scopes.get(_within(owner, model)):
                counted |= made.keys()
            # Sets are kept by reference: many owners share the same ones.
            if fresh := wanted - counted if counted else wanted:
                new[model] = fresh
        if new:
            more = {model: begun[model] | fresh for model, fresh in new.items() if model in begun}
            self._begun[owner] = {**begun, **new, **more}
            self._layout = object()
            self._join(owner, new)
        return new

    def _join(self, owner: Scope, new: Names) -> None:
        """Count running requests in counters that begin now."""
        for reservation in self._open:
            for scope in reservation.scopes:
                if scope[:2] == owner:
                    model = _model(scope)
                    for name in new.get(model, _NONE):
                        reservation.join(model, self._counter(scope, name))

    def forget(self, names: Mapping[Scope, Names]) -> None:
        for owner, of_owner in names.items():
            self._forget(owner, of_owner)
        self._layout = object()

    def _forget(self, owner: Scope, names: Names) -> None:
        begun = self._begun.get(owner, {})
        left = {model: left for model, kept in begun.items() if (left := kept - names.get(model, _NONE))}
        if left:
            self._begun[owner] = left
        else:
            self._begun.pop(owner, None)
        for model, gone in names.items():
            scope = _within(owner, model)
            counters = self._scopes.get(scope, {})
            for name in gone:
                counters.pop(name, None)
            if not counters:
                self._scopes.pop(scope, None)

    def drop(self, owner: Scope) -> None:
        for model in {"", *self._begun.pop(owner, {})}:
            self._scopes.pop(_within(owner, model), None)
        self._layout = object()

    async def add(self, past: Iterable[PastUse]) -> None:
        for scope, name, amount, at in past:
            self._counter(scope, name).window.add(amount, at)

    def adjust(self, owner: Scope, cost: int, at: int) -> None:
        for name in self._counted(owner):
            if CHECKED_LIMITS[name].quantity == "cost":
                self._counter(owner, name).window.add(cost, at)

    def held(self) -> int:
        """The sum of everything that is held: 0 when no request runs."""
        return sum(counter.held for counters in self._scopes.values() for counter in counters.values())

    def _prepare(self, terms: Terms) -> _Prepared:
        for owner in terms.owners:
            self._counter(owner.scope, CONCURRENCY)  # running requests are counted before there is a limit on them
        checks = self.checks(terms)
        counters = tuple(self._counter(scope, name) for scope in terms.scopes for name in self._counted(scope))
        pace = tuple(
            check for check in checks if check.name != CONCURRENCY and not CHECKED_LIMITS[check.name].is_budget
        )
        by_model = {
            model: tuple(
                self._counter(scope, name)
                for scope in terms.scopes
                if _model(scope) == model
                for name in self._counted(scope)
            )
            for model in terms.models
        }
        return _Prepared(self._layout, checks, pace, counters, by_model)

    def checks(self, terms: Terms) -> tuple[LimitCheck, ...]:
        """The limits that requests on these terms must pass, with their counters."""
        return tuple(
            LimitCheck(name, scope, limit, self._counter(scope, name)) for name, scope, limit in terms.ceilings
        )

    def _counted(self, scope: Scope) -> frozenset[str]:
        """The names of all limits that are counted in a scope."""
        begun = self._begun.get(scope[:2], {}).get(_model(scope), _NONE)
        made = self._scopes.get(scope)
        return begun.union(made) if made else begun

    def _counter(self, scope: Scope, name: str) -> Counter:
        counters = self._scopes.setdefault(scope, {})
        counter = counters.get(name)
        if counter is None:
            if name not in self._counted(scope):
                self._layout = object()  # earlier terms do not have the new counter
            counter = counters[name] = Counter(CHECKED_LIMITS[name])
        return counter


def _split(reservation: MemoryReservation, by_model: Mapping[str, tuple[Counter, ...]]) -> None:
    """Separate what a reservation holds at single models, of which only one will be charged."""
    at, allowance, amounts, counters = (getattr(reservation.hold, name) for name in Hold.__struct_fields__)
    apart = {id(counter) for of_model in by_model.values() for counter in of_model}
    shared = tuple(counter for counter in counters if id(counter) not in apart)
    reservation.hold = Hold(at, allowance, amounts, shared)
    reservation.by_model = {model: Hold(at, allowance, amounts, of_model) for model, of_model in by_model.items()}


async def _immediately(names: Mapping[Scope, Names]) -> Mapping[Scope, Names]:
    """An awaitable for a result that is already known."""
    return names


def _within(owner: Scope, model: str) -> Scope:
    return (*owner, model) if model else owner


def _model(scope: Scope) -> str:
    return scope[2] if len(scope) > 2 else ""


def _status(name: str, limit: int, counter: Counter | None, at: int) -> LimitStatus:
    if counter is None:
        return LimitStatus(name, limit, 0, 0, None)
    return LimitStatus(name, limit, counter.window.used(at), counter.held, counter.window.clear_at(at))
