"""Waiting for commits of the ledger, each of which many requests share."""

from __future__ import annotations

import asyncio

from tollkeeper.rules.errors import LedgerUnavailable

COMMIT_PATIENCE = 5.0
"""Seconds that the end of a response waits for its record, before the client gets an error instead."""


class Commits:
    """Waiters for commits. Each has a future of its own beside the ledger's shared one, so that a client that leaves
    does not cancel the commit for the others. Callback and timer are shared: one of each per request would cost more
    than its record does."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], dict[asyncio.Future[bool], float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Commits({sum(map(len, self._waiting.values()))} waiting for {len(self._waiting)})"

    async def wait(self, commit: asyncio.Future[None]) -> None:
        """Wait until `commit` is made. Raises LedgerUnavailable after 5 s, and when the commit fails."""
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
        made = commit.exception() is None
        for waiter in self._waiting.pop(commit):
            if not waiter.done():
                waiter.set_result(made)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Fail the waiters that are past their deadline, and set the timer for the next."""
        now = loop.time()
        waiting = [entry for waiters in self._waiting.values() for entry in waiters.items()]
        for waiter, deadline in waiting:
            if deadline <= now and not waiter.done():
                waiter.set_result(False)
        later = [deadline for _, deadline in waiting if deadline > now]
        self._timer = loop.call_at(min(later), self._give_up, loop) if later else None
