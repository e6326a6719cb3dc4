"""Counters in this process's memory. The rules decide; here is only which counters a request asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from tollkeeper.rules.admission import Counter, Gate, Hold, free, give_back, take
from tollkeeper.rules.limits import CONCURRENCY, GATED, Limits
from tollkeeper.store.counting import Asked, Scope, Standing

_UNBOUNDED = 1 << 62


class MemoryTaken(Struct, frozen=True):
    """What one request took, and from which gates."""

    hold: Hold
    gates: tuple[Gate, ...]
    scopes: tuple[Scope, ...]

    @property
    def allowance(self) -> int:
        return self.hold.allowance


class MemoryCounters:
    """All counters of one gateway."""

    def __init__(self) -> None:
        self._scopes: dict[Scope, dict[str, Counter]] = {}

    def __repr__(self) -> str:
        return f"MemoryCounters({sum(map(len, self._scopes.values()))} of {len(self._scopes)} scopes)"

    async def admit(self, asked: Asked, at: int) -> MemoryTaken:
        scopes = _scopes(asked)
        gates = tuple(self._gates(asked, scopes))
        return MemoryTaken(take(gates, asked.demand, at), gates, scopes)

    def settle(self, taken: MemoryTaken, tokens: int, cost: int, at: int) -> None:
        hold = taken.hold
        free(hold)
        for scope in taken.scopes:
            for name, counter in self._scopes.get(scope, {}).items():
                quantity, span = GATED[name]
                if quantity == "requests":
                    if not any(counter is counted for counted in hold.counted):  # counted since it went out
                        counter.window.add(1, hold.at)
                elif quantity != "running":
                    amount = tokens if quantity == "tokens" else cost
                    counter.window.add(amount, hold.at if span == "month" else at)

    def give_back(self, taken: MemoryTaken) -> None:
        give_back(taken.hold)

    def standing(self, taken: MemoryTaken, at: int) -> list[Standing]:
        return [_standing(gate.name, gate.limit, gate.counter, at) for gate in taken.gates if gate.limit < _UNBOUNDED]

    def stand_of(self, scope: Scope, limits: Limits, at: int) -> list[Standing]:
        given = dict(limits.counts)
        if limits.max_concurrent_requests is not None:
            given[CONCURRENCY] = limits.max_concurrent_requests
        return [_standing(name, limit, self._counter(scope, name), at) for name, limit in given.items()]

    def begin(self, scope: Scope, names: frozenset[str]) -> frozenset[str]:
        new = names - self._scopes.get(scope, {}).keys()
        for name in new:
            self._counter(scope, name)
        return new

    def add(self, scope: Scope, name: str, amount: int, at: int) -> None:
        self._counter(scope, name).window.add(amount, at)

    def adjust(self, scope: Scope, cost: int, at: int) -> None:
        for name, counter in self._scopes.get(scope, {}).items():
            if GATED[name].quantity == "cost":
                counter.window.add(cost, at)

    def held(self) -> int:
        """The sum of all that is held, of whatever kind: 0 when nothing runs."""
        return sum(counter.held for counters in self._scopes.values() for counter in counters.values())

    def _gates(self, asked: Asked, scopes: tuple[Scope, ...]) -> Iterator[Gate]:
        user, key, user_model, key_model = scopes
        for limits, scope, model_scope, words in (
            (asked.user_limits, user, user_model, ""),
            (asked.key_limits, key, key_model, " of this key"),
        ):
            running = limits.max_concurrent_requests
            yield Gate(
                CONCURRENCY, words, _UNBOUNDED if running is None else running, self._counter(scope, CONCURRENCY)
            )
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
        return counter


def _scopes(asked: Asked) -> tuple[Scope, ...]:
    user, key, model = ("user", asked.user_id), ("key", asked.key_id), asked.model
    return user, key, (*user, model), (*key, model)


def _standing(name: str, limit: int, counter: Counter, at: int) -> Standing:
    return Standing(name, limit, counter.window.used(at), counter.held, counter.window.clear_at(at))
