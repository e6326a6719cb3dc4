"""Counters and their past: what was used before a limit was set counts too.

A counter is begun in one step with a mark in the chain of records; every later settlement reaches it by itself, and
what the chain holds up to the mark is added once it has been read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from tollkeeper.rules.limits import CONCURRENCY, COUNTED, Limits
from tollkeeper.services.commits import COMMIT_PATIENCE
from tollkeeper.services.readings import Reading
from tollkeeper.store.counting import Counters, Scope, Standing
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports import History, Key, Ledger, Reports, Slice, User


class _New(NamedTuple):
    """Counters that begin: the names of limits by whose they are, and the ids of users whose keys or models have some
    of their own."""

    counts: Mapping[Scope, frozenset[str]]
    detailed: Collection[str]


class Counting:
    """`now` is milliseconds since the epoch."""

    def __init__(self, counters: Counters[Any], ledger: Ledger, reports: Reports, now: Callable[[], int]) -> None:
        self.counters = counters
        self._ledger = ledger
        self._reports = reports
        self._now = now
        self._origins: dict[str, str] = {}
        """Under which id a key is counted that took the place of another."""

    def __repr__(self) -> str:
        return f"Counting({self.counters!r})"

    async def start(self, owners: Iterable[User | Key]) -> None:
        """Count all limits there are, from what was used before this process began. Before anyone asks."""
        new = self._begin(*owners)
        if new.counts:
            self._add(new, await self._history(new))

    async def prepare(self, owner: User | Key) -> None:
        """Count the limits of a user or key that are new, before they are saved and in force. Raises StoreError where
        what was used before cannot be read, or the ledger does not write."""
        if self._ledger.failing is not None:
            raise StoreError(f"the ledger cannot be written: {self._ledger.failing}")
        new = self._begin(owner)
        if new.counts:
            mark = self._ledger.mark()
            try:
                async with asyncio.timeout(COMMIT_PATIENCE):
                    seq = await mark
                history = await self._history(new, user_id=owner.user_id, upto=seq)
            except TimeoutError:
                self._forget(new.counts)
                raise StoreError("the ledger takes too long to write") from None
            except BaseException:
                self._forget(new.counts)
                raise
            self._add(new, history)

    def _forget(self, new: Mapping[Scope, frozenset[str]]) -> None:
        """To be begun anew, with their past."""
        for scope, names in new.items():
            self.counters.forget(scope, names)

    async def usage(self, owner: User | Key) -> Mapping[str, Reading]:
        """Each limit of a user or key that counts, and that on concurrency, as it stands."""
        return {
            standing.name: _reading(standing)
            for standing in self.counters.stand_of(_scope(owner), owner.limits, self._now())
        }

    async def usage_by_model(self, owner: User | Key) -> Mapping[str, Mapping[str, Reading]]:
        """Each limit that a user or key has for one model alone, as it stands, by the model's name in the limits."""
        return {
            model: {standing.name: _reading(standing) for standing in self._of_model(owner, model, counts)}
            for model, counts in owner.limits.models.items()
        }

    def _of_model(self, owner: User | Key, model: str, counts: Mapping[str, int]) -> Iterator[Standing]:
        now, limits = self._now(), Limits(dict(counts))
        spellings = [model] if ":" in model else [model, model + ":latest"]
        stands = [self.counters.stand_of((*_scope(owner), name), limits, now) for name in spellings]
        for standings in zip(*stands, strict=True):
            # Of a model without a tag only one spelling is ever used: the canonical one.
            yield min(standings, key=lambda standing: standing.left)

    def _begin(self, *owners: User | Key) -> _New:
        begun: dict[Scope, frozenset[str]] = {}
        detailed: set[str] = set()
        for owner in owners:
            if isinstance(owner, Key) and owner.origin is not None:
                self._origins[owner.id] = owner.origin
            # One scope comes twice where limits name a model with its tag and without, or a key took another's place.
            for scope, counts in _scopes(owner):
                new = self.counters.begin(scope, frozenset(counts)) if counts else frozenset()
                if new:
                    begun[scope] = begun.get(scope, frozenset()) | new
                    if scope != ("user", owner.user_id):
                        detailed.add(owner.user_id)
        return _New(begun, detailed)

    async def _history(self, new: _New, *, user_id: str | None = None, upto: int | None = None) -> History:
        spans = {COUNTED[name].span for names in frozenset(new.counts.values()) for name in names}
        return await self._reports.history(self._now(), user_id=user_id, upto=upto, spans=spans, detailed=new.detailed)

    def _add(self, new: _New, history: History) -> None:
        spans: tuple[tuple[frozenset[str], list[Slice]], ...] = (
            (frozenset({"second", "minute"}), history.moments),
            (frozenset({"hour", "day"}), history.minutes),
            (frozenset({"month"}), history.month),
            (frozenset({"total"}), history.total),
        )
        for which, slices in spans:
            for part in slices:
                for scope in self._counted_by(part, detailed=part.user_id in new.detailed):
                    for name in new.counts.get(scope, ()):
                        quantity, span = COUNTED[name]
                        amount = {"requests": part.requests, "tokens": part.tokens}.get(quantity, part.cost_pico)
                        if span in which and amount:
                            self.counters.add(scope, name, amount, part.at)

    def _counted_by(self, part: Slice, *, detailed: bool) -> tuple[Scope, ...]:
        user = ("user", part.user_id)
        if not detailed:
            return (user,)
        key = ("key", self._origins.get(part.key_id, part.key_id))
        return user, key, (*user, part.model), (*key, part.model)


def _scope(owner: User | Key) -> Scope:
    return ("user", owner.user_id) if isinstance(owner, User) else ("key", owner.counted_as)


def _scopes(owner: User | Key) -> Iterator[tuple[Scope, Mapping[str, int]]]:
    scope = _scope(owner)
    limits: Limits = owner.limits
    yield scope, limits.counts
    for model, counts in limits.models.items():
        yield (*scope, model), counts
        if ":" not in model:
            yield (*scope, model + ":latest"), counts


def _reading(standing: Standing) -> Reading:
    clear = None if standing.name == CONCURRENCY else standing.clear_at
    return Reading(standing.limit, standing.used, standing.held, max(0, standing.left), clear)
