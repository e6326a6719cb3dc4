"""Adjustments of what users owe: corrections and refunds, as new records, never as edits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tollkeeper.rules.owners import TEAM, Owner
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.ledger.commits import Commits
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.store.ports.counters import Counters
from tollkeeper.store.ports.ledger import Ledger
from tollkeeper.store.ports.records import ADJUSTMENT, Record


class Adjustments:
    """Adds adjustments to the ledger. `owners_of` gives the owners of the limits that an adjustment of a user's cost
    counts towards. `now` is milliseconds since the epoch; `new_id` makes the id of a record from the time of its
    creation."""

    def __init__(
        self,
        ledger: Ledger,
        counters: Counters[Any],
        owners_of: Callable[[str], Iterable[Owner]],
        observers: Observer,
        now: Callable[[], int],
        new_id: Callable[[int], str],
    ) -> None:
        self._ledger = ledger
        self._counters = counters
        self._owners_of = owners_of
        self._observers = observers
        self._now = now
        self._new_id = new_id
        self._commits = Commits()

    async def adjust(self, user_id: str, cost_pico: int, reason: str, by: Actor) -> Record:
        """Add `cost_pico` to what a user owes, or their team, if they are in one; a negative amount is a refund. The
        record is durable on return. Raises LedgerUnavailable."""
        now = self._now()
        owners = [*self._owners_of(user_id)]
        record = Record(
            request_id=self._new_id(now),
            created_at=now,
            settled_at=now,
            user_id=user_id,
            key_id=None,
            model="",
            requested_model="",
            endpoint=ADJUSTMENT,
            upstream="",
            stream=False,
            status="completed",
            cost_pico=cost_pico,
            metadata=msgspec.json.encode({"reason": reason, "by": by.name}).decode(),
            team_id=next((owner.id for owner in owners if owner.kind is TEAM), None),
        )
        commit = self._ledger.settle(record)
        self._observers.settled(record, None)
        for owner in owners:
            self._counters.adjust(owner.scope, cost_pico, now)
        await self._commits.wait(commit)
        return record
