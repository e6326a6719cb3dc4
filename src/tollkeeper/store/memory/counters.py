"""Counters in this process's memory. The rules decide; here is only which counters a request asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tollkeeper.rules.admission import Counter, Demand, Gate, Hold, free, take
from tollkeeper.rules.limits import CONCURRENCY, GATED, Limits
from tollkeeper.store.counting import Asked, Scope, Standing

_UNBOUNDED = 1 << 62


class MemoryTaken:
    """What one request took, and from which gates; and what limits that came while it ran took from it."""

    __slots__ = ("counted_late", "demand", "gates", "held_late", "hold", "scopes")

    def __init__(self, hold: Hold, gates: tuple[Gate, ...], scopes: tuple[Scope, ...], demand: Demand) -> None:
        self.hold = hold
        self.gates = gates
        self.scopes = scopes
        self.demand = demand
        self.held_late: list[tuple[Counter, int]] = []
        self.counted_late: list[Counter] = []

    def __repr__(self) -> str:
        return f"MemoryTaken({self.hold!r})"

    @property
    def allowance(self) -> int:
        return self.hold.allowance

    def begin(self, name: str, counter: Counter) -> None:
        """A limit came that counts this request too."""
        counted = GATED[name]
        if counted.quantity == "requests":
            counter.window.add(1, self.hold.at)
            self.counted_late.append(counter)
        else:
            amount = self.demand.needs(counted, self.allowance)
            counter.held += amount
            self.held_late.append((counter, amount))

    def counts(self, counter: Counter) -> bool:
        """Whether it is among the requests of a counter already."""
        return any(counter is counted for counted in (*self.hold.counted, *self.counted_late))

    def free(self) -> None:
        free(self.hold)
        for counter, amount in self.held_late:
            counter.held -= amount


class MemoryCounters:
    """All counters of one gateway."""

    def __init__(self) -> None:
        self._scopes: dict[Scope, dict[str, Counter]] = {}
        self._open: set[MemoryTaken] = set()

    def __repr__(self) -> str:
        return f"MemoryCounters({sum(map(len, self._scopes.values()))} of {len(self._scopes)} scopes)"

    async def admit(self, asked: Asked, at: int) -> MemoryTaken:
        scopes = _scopes(asked)
        gates = tuple(self._gates(asked, scopes))
        taken = MemoryTaken(take(gates, asked.demand, at), gates, scopes, asked.demand)
        self._open.add(taken)
        return taken

    def settle(self, taken: MemoryTaken, tokens: int, cost: int, at: int) -> None:
        self._open.discard(taken)
        taken.free()
        for scope in taken.scopes:
            for name, counter in self._scopes.get(scope, {}).items():
                quantity, span = GATED[name]
                if quantity == "requests":
                    if not taken.counts(counter):  # a limit that was away when the request went out
                        counter.window.add(1, taken.hold.at)
                elif quantity != "running":
                    amount = tokens if quantity == "tokens" else cost
                    counter.window.add(amount, taken.hold.at if span == "month" else at)

    def give_back(self, taken: MemoryTaken) -> None:
        self._open.discard(taken)
        taken.free()
        for counter in (*taken.hold.counted, *taken.counted_late):
            counter.window.add(-1, taken.hold.at)

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
            counter = self._counter(scope, name)
            for taken in self._open:
                if scope in taken.scopes:
                    taken.begin(name, counter)
        return new

    def forget(self, scope: Scope, names: frozenset[str]) -> None:
        for name in names:
            self._scopes.get(scope, {}).pop(name, None)

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
        owners = [(asked.user_limits, "")]
        if asked.key_id is not None:
            owners.append((asked.key_limits, " of this key"))
        for (limits, words), scope, model_scope in zip(owners, scopes[::2], scopes[1::2], strict=True):
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
    """Each owner's, and the same for the model."""
    user = ("user", asked.user_id)
    if asked.key_id is None:
        return user, (*user, asked.model)
    key = ("key", asked.key_id)
    return user, (*user, asked.model), key, (*key, asked.model)


def _standing(name: str, limit: int, counter: Counter, at: int) -> Standing:
    return Standing(name, limit, counter.window.used(at), counter.held, counter.window.clear_at(at))
