"""Backfill of counters: usage from before a limit was set counts, too.

A counter is created in the same step as a mark in the chain of records. Every later settlement is added to it as it
happens; what the chain holds up to the mark is added once it has been read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tollkeeper.rules.limits import COUNTED, Limits
from tollkeeper.rules.owners import Owner, Scope
from tollkeeper.services.ledger.commits import COMMIT_PATIENCE
from tollkeeper.services.limits.usage import spellings
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.counters import Counters, Names, PastUse
from tollkeeper.store.ports.ledger import Ledger
from tollkeeper.store.ports.reports import History, Reports, Slice


class _New(NamedTuple):
    """New counters, by owner; the owners that count the requests of each user, key, team and end user; and the ids of
    the users for whom the history must be broken down by key, model and end user (None: of all)."""

    names: Mapping[Scope, Names]
    by_user: Mapping[str, Collection[Scope]]
    by_key: Mapping[str, Collection[Scope]]
    by_team: Mapping[str, Collection[Scope]]
    by_end_user: Mapping[str, Collection[Scope]]
    detailed: Collection[str] | None


class Backfill:
    """Creates counters with the usage so far. `now` is milliseconds since the epoch."""

    def __init__(self, counters: Counters[Any], ledger: Ledger, reports: Reports, now: Callable[[], int]) -> None:
        self._counters = counters
        self._ledger = ledger
        self._reports = reports
        self._now = now
        self._keys: dict[Scope, set[str]] = {}
        """Predecessors of rotated keys, by owner: keys whose requests count towards its limits, other than its own."""

    def __repr__(self) -> str:
        return f"Backfill({self._counters!r})"

    async def start(self, owners: Iterable[Owner]) -> None:
        """Create the counters of all limits, with the usage so far. Call it once, before the first request."""
        owners = list(owners)
        self._remember(owners)
        names = await self._counters.begin(_names(owners))
        if names:
            new = self._new(owners, names)
            await self._counters.add(_past(new, await self._history(new)))

    async def prepare(self, owner: Owner) -> None:
        """Create counters for new limits of an owner, before the limits are saved and take effect. Raises StoreError
        when the usage so far cannot be read, or the ledger cannot be written."""
        if self._ledger.failing is not None:
            raise StoreError(f"the ledger cannot be written: {self._ledger.failing}")
        self._remember([owner])
        wanted = _names([owner])
        if not wanted:
            return
        mark = self._ledger.mark()  # in one step with creating the counters: nothing is settled in between
        try:
            names = await self._counters.begin(wanted)
        except BaseException:
            mark.cancel()
            raise
        if not names:
            mark.cancel()
            return
        try:
            async with asyncio.timeout(COMMIT_PATIENCE):
                seq = await mark
            new = self._new([owner], names)
            only = owner.users[0] if len(owner.users) == 1 else None
            await self._counters.add(_past(new, await self._history(new, user_id=only, upto=seq)))
        except TimeoutError:
            self._counters.forget(names)
            raise StoreError("the ledger takes too long to write") from None
        except BaseException:
            self._counters.forget(names)  # to begin anew, with their past
            raise

    async def begin(self, owner: Owner) -> None:
        """Create the counters of a new owner, which has used nothing yet."""
        await self._counters.begin(_names([owner]))

    def drop(self, owner: Owner) -> None:
        """Drop the counters of an owner that no longer exists."""
        self._keys.pop(owner.scope, None)
        self._counters.drop(owner.scope)

    def _remember(self, owners: Sequence[Owner]) -> None:
        for owner in owners:
            others = [key for key in owner.keys if key != owner.id]
            if others:
                self._keys.setdefault(owner.scope, set()).update(others)

    def _new(self, owners: Sequence[Owner], names: Mapping[Scope, Names]) -> _New:
        by_user: dict[str, tuple[Scope, ...]] = {}
        by_key: dict[str, tuple[Scope, ...]] = {}
        by_team: dict[str, tuple[Scope, ...]] = {}
        by_end_user: dict[str, tuple[Scope, ...]] = {}
        detailed: set[str] = set()
        all_detailed = False
        for owner in owners:
            scope = owner.scope
            of_owner = names.get(scope)
            if of_owner is None:
                continue
            ids: Collection[str]
            if owner.keys:
                owners_of, ids = by_key, {*owner.keys, *self._keys.get(scope, ())}
            elif owner.teams:
                owners_of, ids = by_team, owner.teams
            elif owner.end_users:
                owners_of, ids = by_end_user, owner.end_users
            else:
                owners_of, ids = by_user, owner.users
            for name in ids:
                others = owners_of.get(name, ())
                if scope not in others:
                    owners_of[name] = (*others, scope)
            if owner.keys or owner.end_users or of_owner.keys() != {""}:
                detailed.update(owner.users)
                all_detailed = all_detailed or not owner.users  # a team has had members that are not known here
        return _New(names, by_user, by_key, by_team, by_end_user, None if all_detailed else detailed)

    async def _history(self, new: _New, *, user_id: str | None = None, upto: int | None = None) -> History:
        groups = {names for of_owner in new.names.values() for names in of_owner.values()}
        spans = {COUNTED[name].span for names in groups for name in names}
        return await self._reports.history(self._now(), user_id=user_id, upto=upto, spans=spans, detailed=new.detailed)


def _past(new: _New, history: History) -> Iterator[PastUse]:
    """The usage to add to new counters."""
    spans: tuple[tuple[frozenset[str], list[Slice]], ...] = (
        (frozenset({"second", "minute"}), history.moments),
        (frozenset({"hour", "day"}), history.minutes),
        (frozenset({"month"}), history.month),
        (frozenset({"total"}), history.total),
    )
    for which, slices in spans:
        for part in slices:
            for owner, model in _counted_by(part, new):
                for name in new.names[owner].get(model, ()):
                    quantity, span = COUNTED[name]
                    amount = {"requests": part.requests, "tokens": part.tokens}.get(quantity, part.cost_pico)
                    if span in which and amount:
                        yield PastUse((*owner, model) if model else owner, name, amount, part.at)


def _counted_by(part: Slice, new: _New) -> Iterator[tuple[Scope, str]]:
    """The owners that count a slice of history, each with the model of the limit; "" stands for all models."""
    for owner in (
        *new.by_user.get(part.user_id, ()),
        *new.by_key.get(part.key_id, ()),
        *new.by_team.get(part.team_id, ()),
        *new.by_end_user.get(part.end_user_id, ()),
    ):
        yield owner, ""
        if part.model:  # a correction has none, nor has a sum of all models
            yield owner, part.model


def _names(owners: Iterable[Owner]) -> dict[Scope, Names]:
    """Names of the limits that need a counter, by owner. A rotated key and its successor are one owner. Equal sets of
    names share one object."""
    found: dict[Scope, Names] = {}
    same: dict[frozenset[str], frozenset[str]] = {}
    for owner in owners:
        names = _of_limits(owner.limits, same)
        if names:
            scope = owner.scope
            found[scope] = _joined(found[scope], names) if scope in found else names
    return found


def _joined(names: Names, more: Names) -> Names:
    return {model: names.get(model, frozenset()) | more.get(model, frozenset()) for model in (*names, *more)}


def _of_limits(limits: Limits, same: dict[frozenset[str], frozenset[str]]) -> Names:
    found: dict[str, frozenset[str]] = {}
    for model, counts in (("", limits.counts), *limits.models.items()):
        if counts:
            names = frozenset(counts)
            for spelling in spellings(model):
                both = found[spelling] | names if spelling in found else names
                found[spelling] = same.setdefault(both, both)
    return found
