"""Counters in this process's memory. The rules decide; here is only which counters a request asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tollkeeper.rules.admission import Counter, Gate, Hold, give_back, settle, take
from tollkeeper.rules.limits import CONCURRENCY, GATED, Limits
from tollkeeper.store.counting import Asked, Scope, Standing

_WAYS_KEPT = 4096


class _Way(Struct, frozen=True):
    """What the requests of one key for one model, or of a user without a key, pass: their limits, and all that count
    them, limited or not. Good as long as the limits are the same objects and no counter comes or goes."""

    user_limits: Limits
    key_limits: Limits
    scopes: tuple[Scope, ...]
    gates: tuple[Gate, ...]
    pace: tuple[Gate, ...]
    """Those of `gates` that are limits of pace on requests and tokens."""
    counters: tuple[Counter, ...]


class MemoryTaken(Struct, eq=False):
    """What one request took, and on which way."""

    hold: Hold
    way: _Way

    def __repr__(self) -> str:
        return f"MemoryTaken({self.hold!r})"

    @property
    def allowance(self) -> int:
        return self.hold.allowance


class MemoryCounters:
    """All counters of one gateway."""

    def __init__(self) -> None:
        self._scopes: dict[Scope, dict[str, Counter]] = {}
        self._open: set[MemoryTaken] = set()
        self._ways: dict[tuple[str, str | None, str], _Way] = {}

    def __repr__(self) -> str:
        return f"MemoryCounters({sum(map(len, self._scopes.values()))} of {len(self._scopes)} scopes)"

    async def admit(self, asked: Asked, at: int) -> MemoryTaken:
        way = self._way(asked)
        taken = MemoryTaken(take(way.gates, asked.demand, at, way.counters), way)
        self._open.add(taken)
        return taken

    def settle(self, taken: MemoryTaken, tokens: int, cost: int, at: int) -> None:
        self._open.discard(taken)
        settle(taken.hold, tokens, cost, at)

    def give_back(self, taken: MemoryTaken) -> None:
        self._open.discard(taken)
        give_back(taken.hold)

    def pace(self, taken: MemoryTaken, at: int) -> list[Standing]:
        return [_standing(gate.name, gate.limit, gate.counter, at) for gate in taken.way.pace]

    def stand_of(self, scope: Scope, limits: Limits, at: int) -> list[Standing]:
        given = dict(limits.counts)
        if limits.max_concurrent_requests is not None:
            given[CONCURRENCY] = limits.max_concurrent_requests
        return [_standing(name, limit, self._counter(scope, name), at) for name, limit in given.items()]

    def begin(self, scope: Scope, names: frozenset[str]) -> frozenset[str]:
        new = names - self._scopes.get(scope, {}).keys()
        for name in new:
            counter = self._counter(scope, name)
            for taken in self._open:
                if scope in taken.way.scopes:
                    taken.hold = taken.hold.joined(counter)
        return new

    def forget(self, scope: Scope, names: frozenset[str]) -> None:
        for name in names:
            self._scopes.get(scope, {}).pop(name, None)
        self._ways.clear()

    def add(self, scope: Scope, name: str, amount: int, at: int) -> None:
        self._counter(scope, name).window.add(amount, at)

    def adjust(self, scope: Scope, cost: int, at: int) -> None:
        for name, counter in self._scopes.get(scope, {}).items():
            if GATED[name].quantity == "cost":
                counter.window.add(cost, at)

    def held(self) -> int:
        """The sum of all that is held, of whatever kind: 0 when nothing runs."""
        return sum(counter.held for counters in self._scopes.values() for counter in counters.values())

    def _way(self, asked: Asked) -> _Way:
        place = (asked.user_id, asked.key_id, asked.model)
        way = self._ways.get(place)
        if way is None or way.user_limits is not asked.user_limits or way.key_limits is not asked.key_limits:
            way = self._new_way(asked)
            if len(self._ways) >= _WAYS_KEPT:
                self._ways.clear()
            self._ways[place] = way
        return way

    def _new_way(self, asked: Asked) -> _Way:
        scopes = _scopes(asked)
        for scope in scopes[::2]:
            self._counter(scope, CONCURRENCY)  # what runs counts before there is a limit on it
        gates = tuple(self._gates(asked, scopes))
        counters = tuple(counter for scope in scopes for counter in self._scopes.get(scope, {}).values())
        pace = tuple(gate for gate in gates if gate.name != CONCURRENCY and not GATED[gate.name].is_budget)
        return _Way(asked.user_limits, asked.key_limits, scopes, gates, pace, counters)

    def _gates(self, asked: Asked, scopes: tuple[Scope, ...]) -> Iterator[Gate]:
        owners = [(asked.user_limits, "")]
        if asked.key_id is not None:
            owners.append((asked.key_limits, " of this key"))
        for (limits, words), scope, model_scope in zip(owners, scopes[::2], scopes[1::2], strict=True):
            running = limits.max_concurrent_requests
            if running is not None:
                yield Gate(CONCURRENCY, words, running, self._counter(scope, CONCURRENCY))
            yield from self._of(limits.counts, scope, words)
            if limits.models:
                yield from self._of(limits.of_model(asked.model), model_scope, f"{words} for {asked.model}")

    def _of(self, counts: Mapping[str, int], scope: Scope, words: str) -> Iterator[Gate]:
        for name, limit in counts.items():
            yield Gate(name, words, limit, self._counter(scope, name))

    def _counter(self, scope: Scope, name: str) -> Counter:
        counters = self._scopes.setdefault(scope, {})
        counter = counters.get(name)
        if counter is None:
            counter = counters[name] = Counter(GATED[name])
            self._ways.clear()
        return counter


def _scopes(asked: Asked) -> tuple[Scope, ...]:
    """Each owner's, and the same for the model."""
    user = ("user", asked.user_id)
    if asked.key_id is None:
        return user, (*user, asked.model)
    key = ("key", asked.key_id)
    return user, (*user, asked.model), key, (*key, asked.model)


def _standing(name: str, limit: int, counter: Counter, at: int) -> Standing:
    return Standing(name, limit, counter.window.used(at), counter.held, counter.window.clear_at(at))
