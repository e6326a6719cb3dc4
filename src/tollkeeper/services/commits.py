"""Waiting for commits of the ledger."""

from __future__ import annotations

import asyncio

from tollkeeper.rules.errors import LedgerUnavailable

COMMIT_PATIENCE = 5.0
"""Seconds that an answer's end waits for its record; after that the client is told so instead."""


class Commits:
    """Those who wait. Each has a future of its own beside the one that the ledger shares among them, so that a client
    that leaves does not end it for the others; a callback and a timer they have in common: for each request they would
    cost more than its record does."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], dict[asyncio.Future[bool], float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Commits({sum(map(len, self._waiting.values()))} waiting for {len(self._waiting)})"

    async def wait(self, commit: asyncio.Future[None]) -> None:
        """Until it is made. Raises LedgerUnavailable after 5 s."""
        loop = commit.get_loop()
        waiters = self._waiting.get(commit)
        if waiters is None:
            waiters = self._waiting[commit] = {}
            commit.add_done_callback(self._made)
        waiter: asyncio.Future[bool] = loop.create_future()
        waiters[waiter] = loop.time() + COMMIT_PATIENCE
        if self._timer is None:
            self._timer = loop.call_later(COMMIT_PATIENCE, self._give_up, loop)
        try:
            if not await waiter:
                raise LedgerUnavailable("The ledger could not be written in time; this answer is not confirmed.")
        finally:
            waiters.pop(waiter, None)

    def _made(self, commit: asyncio.Future[None]) -> None:
        well = commit.exception() is None
        for waiter in self._waiting.pop(commit):
            _tell(waiter, well)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """On those who waited long enough; the timer comes again for the next."""
        now = loop.time()
        waiting = [entry for waiters in self._waiting.values() for entry in waiters.items()]
        for waiter, deadline in waiting:
            if deadline <= now:
                _tell(waiter, False)
        later = [deadline for _, deadline in waiting if deadline > now]
        self._timer = loop.call_at(min(later), self._give_up, loop) if later else None


def _tell(waiter: asyncio.Future[bool], well: bool) -> None:
    if not waiter.done():
        waiter.set_result(well)
