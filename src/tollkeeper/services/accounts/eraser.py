"""Forgetting a person: their account is closed, and what tells who they were is deleted.

Records, sums and the chain stay, under an id that tells nothing (`store/ports/erasure.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from tollkeeper.rules.errors import Conflict, LedgerUnavailable
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.end_users import EndUser
from tollkeeper.store.ports.erasure import Erasure
from tollkeeper.store.ports.ledger import Ledger

log = logging.getLogger("tollkeeper.accounts")

PATIENCE = 15.0
"""Seconds for the requests of a closed account to end: they are cut, and settled at once."""
_PAUSE = 0.02


async def _nothing_more(_: str, __: str) -> None:
    pass


class Eraser:
    """`runs` tells whether requests of a user (by id) have not been settled yet; `erased` is awaited with the id that
    is gone and the one in its place; `now` is milliseconds since the epoch."""

    def __init__(
        self,
        accounts: Accounts,
        store: Erasure,
        ledger: Ledger,
        runs: Callable[[str], bool],
        now: Callable[[], int],
        *,
        erased: Callable[[str, str], Awaitable[None]] = _nothing_more,
        patience: float = PATIENCE,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._ledger = ledger
        self._runs = runs
        self._now = now
        self._erased = erased
        self._patience = patience

    async def erase(self, user_id: str, by: Actor) -> User:
        """Close an account, if it is open, and forget the person. Returns the account as it is now: closed, under an
        opaque id. Erasing that again changes nothing. Raises NotFound, and Conflict where a request does not end."""
        closed = await self._accounts.close_user(user_id, by)
        await self._settled(closed.user_id)
        await self._accounts.end_users.erase_of(closed.user_id)

        async def erase(user: User) -> User:
            await self._ledger.flush()  # what is written later would name the person anew
            return await self._store.erase(user, by.entry(self._now(), "user.erase", user.user_id))

        left = await self._accounts.replace_closed(closed.user_id, erase)
        if left.user_id != closed.user_id:
            log.info("a person was erased: their records are those of %s", left.user_id)
            await self._erased(closed.user_id, left.user_id)
        await self._scrub(left.user_id)
        return left

    async def erase_end_user(self, end_user_id: str, by: Actor) -> EndUser:
        """Erase an end user's value, so that no file of the database has it any more. Erasing it again changes nothing.
        Raises NotFound, and LedgerUnavailable where a copy is left, until it is erased again."""
        left = await self._accounts.end_users.erase(end_user_id, by)
        await self._scrub(left.id)
        return left

    async def _scrub(self, left: str) -> None:
        try:
            await self._store.scrub()
        except StoreError:
            raise LedgerUnavailable(
                "The person is forgotten, but the database's log could not be emptied yet, since something reads it."
                f" Erase {left!r} again in a moment."
            ) from None

    async def _settled(self, user_id: str) -> None:
        waited = 0.0
        while self._runs(user_id):
            if waited >= self._patience:
                raise Conflict(
                    "The account is closed, but a request of it has not ended yet. Erase it again in a moment.",
                    code="requests_running",
                )
            await asyncio.sleep(_PAUSE)
            waited += _PAUSE
