"""Corrections and refunds: new records, never edits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tollkeeper.services.audit import Actor
from tollkeeper.services.commits import Commits
from tollkeeper.services.figures import Figures
from tollkeeper.store.counting import Counters
from tollkeeper.store.ports import ADJUSTMENT, Ledger, Record


class Adjustments:
    """`now` is milliseconds since the epoch, `mint` makes the id of a record of a moment."""

    def __init__(
        self,
        ledger: Ledger,
        counters: Counters[Any],
        figures: Figures,
        now: Callable[[], int],
        mint: Callable[[int], str],
    ) -> None:
        self._ledger = ledger
        self._counters = counters
        self._figures = figures
        self._now = now
        self._mint = mint
        self._commits = Commits()

    async def adjust(self, user_id: str, cost_pico: int, reason: str, by: Actor) -> Record:
        """Add `cost_pico` to what a user owes (less than 0 gives back). Durable when it answers."""
        now = self._now()
        record = Record(
            request_id=self._mint(now),
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
        )
        commit = self._ledger.settle(record)
        self._figures.settled(record)
        self._counters.adjust(("user", user_id), cost_pico, now)
        await self._commits.wait(commit)
        return record
