"""Current status of limits: what is used, and what remains."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from tollkeeper.rules.owners import Owner
from tollkeeper.store.ports.counters import Counters, LimitStatus, ScopeLimits

_AT_ONCE = 10
"""Models read before the event loop serves others."""
_SCOPES_AT_ONCE = 100
"""Scopes, of few limits each, read before the event loop serves others."""

Statuses = Mapping[str, LimitStatus]
"""Status of each limit, by the limit's name."""


class OwnerStatuses(Struct, frozen=True):
    """Status of an owner's limits: over all models, concurrency included, and by model where one has its own, by the
    model's name in the limits."""

    all_models: Statuses
    by_model: Mapping[str, Statuses]


class LimitUsage:
    """Reader of the counters. `now` is milliseconds since the epoch."""

    def __init__(self, counters: Counters[Any], now: Callable[[], int]) -> None:
        self._counters = counters
        self._now = now

    async def whole(self, owner: Owner) -> OwnerStatuses:
        """Status of all limits of an owner."""
        return OwnerStatuses(await self.of(owner), await self.by_model(owner))

    async def of(self, owner: Owner) -> Statuses:
        """Status of an owner's limits over all models, concurrency included."""
        [statuses] = await self._counters.status([(owner.scope, owner.limits.checked_limits())], self._now())
        return _by_name(statuses)

    async def of_each(self, wanted: Sequence[ScopeLimits]) -> Sequence[Statuses]:
        """Status of some limits of many owners."""
        found: list[Statuses] = []
        for start in range(0, len(wanted), _SCOPES_AT_ONCE):
            found += map(_by_name, await self._counters.status(wanted[start : start + _SCOPES_AT_ONCE], self._now()))
            await asyncio.sleep(0)
        return found

    async def by_model(self, owner: Owner) -> Mapping[str, Statuses]:
        """Status of an owner's limits on single models, by the model's name in the limits."""
        found: dict[str, Statuses] = {}
        models = iter(owner.limits.models.items())
        while some := list(islice(models, _AT_ONCE)):
            wanted = [((*owner.scope, spelling), counts) for model, counts in some for spelling in spellings(model)]
            statuses = iter(await self._counters.status(wanted, self._now()))
            for model, _ in some:
                found[model] = _tightest(list(islice(statuses, len(spellings(model)))))
            await asyncio.sleep(0)
        return found


def spellings(model: str) -> tuple[str, ...]:
    """Names under which a model may be counted that limits call `model`: there the tag `:latest` may be left out."""
    return (model,) if not model or ":" in model else (model, sys.intern(model + ":latest"))


def _tightest(spelled: Sequence[Sequence[LimitStatus]]) -> Statuses:
    """The tightest status of each limit over the spellings of a model, of which only the canonical one is ever used."""
    return _by_name([min(of_limit, key=lambda status: status.margin) for of_limit in zip(*spelled, strict=True)])


def _by_name(statuses: Sequence[LimitStatus]) -> Statuses:
    return {status.name: status for status in statuses}
