"""Forgetting a person in a SQLite database, its log included.

The writer overwrites what it deletes (`secure_delete`); commits from before are in the write-ahead log until that is
emptied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.sql.erasure import forget, forget_metadata, is_forgotten
from tollkeeper.store.sql.identities import Identities, Identity
from tollkeeper.store.sql.tags import TagSums
from tollkeeper.store.sqlite.roll_up import SUMS
from tollkeeper.store.sqlite.writer import Writer

_TAG_SUMS = TagSums(SUMS, "IN (SELECT value FROM json_each(:ids))")
_TRIES, _PAUSE = 20, 0.1
"""How often the log is tried to be emptied, and the seconds between two tries."""


class SqliteErasure:
    """See `ports.Erasure`. `identities` are those of the database."""

    def __init__(self, writer: Writer, identities: Identities) -> None:
        self._writer = writer
        self._identities = identities

    async def erase(self, user: User, audit: AuditEntry) -> User:
        if await self._writer.run(lambda connection: is_forgotten(connection, user.user_id)):
            return user
        identity = self._identity(user.user_id)
        after: str | None = ""
        while after is not None:
            after = await self._writer.run(
                partial(forget_metadata, tag_sums=_TAG_SUMS, opaque_id=identity.id, after=after)
            )
        place: Sequence[Any] | None = ()
        while place is not None:
            place = await self._writer.run(partial(_TAG_SUMS.forget_pruned, user_id=identity.id, after=place))
        left = await self._writer.run(lambda connection: forget(connection, user, identity.id, audit))
        self._identities.forget(identity)
        return left

    async def scrub(self) -> None:
        for _ in range(_TRIES):
            if await self._writer.empty_log():
                return
            await asyncio.sleep(_PAUSE)
        raise StoreError("the database's log cannot be emptied: something reads it")

    def _identity(self, user_id: str) -> Identity:
        for new in self._identities.new([user_id]):  # without records
            return new
        return Identity(self._identities.id_of(user_id), user_id)
