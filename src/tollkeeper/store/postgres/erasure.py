"""Forgetting a person in a database of PostgreSQL.

Deleted rows stay in its files until they are vacuumed, and in its log until that is recycled, which the server does by
itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.postgres.connections import open_engine, plain_reason
from tollkeeper.store.postgres.shipments import SUMS
from tollkeeper.store.postgres.writer import Writer
from tollkeeper.store.sql import schema
from tollkeeper.store.sql.erasure import (
    BY_THEMSELVES,
    DELETED,
    MOST_REWRITTEN,
    PASSING,
    RENAMED,
    forget,
    forget_metadata,
    is_forgotten,
)
from tollkeeper.store.sql.identities import Identities, Identity
from tollkeeper.store.sql.tags import TagSums

_TAG_SUMS = TagSums(SUMS, "IN (SELECT json_array_elements_text(CAST(:ids AS json)))")


class PostgresErasure:
    """See `ports.Erasure`. `writer` locks out shipments, which write sums by tag as well; `identities` are those of the
    database at `url`."""

    def __init__(self, writer: Writer, identities: Identities, url: str) -> None:
        self._writer = writer
        self._identities = identities
        self._url = url

    async def erase(self, user: User, audit: AuditEntry) -> User:
        if await self._writer.run(lambda connection: is_forgotten(connection, user.user_id)):
            return user
        identity = self._identity(user.user_id)
        after: str | None = ""
        while after is not None:
            step = partial(forget_metadata, tag_sums=_TAG_SUMS, opaque_id=identity.id, after=after)
            after = await self._writer.run(step)
        place: Sequence[Any] | None = ()
        while place is not None:
            place = await self._writer.run(partial(_TAG_SUMS.forget_pruned, user_id=identity.id, after=place))
        left = await self._writer.run(lambda connection: forget(connection, user, identity.id, audit))
        self._identities.forget(identity)
        return left

    async def scrub(self) -> None:
        await asyncio.to_thread(self._vacuum)

    def _vacuum(self) -> None:
        engine = open_engine(self._url)
        try:
            with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
                for name in (*DELETED, *RENAMED, *sorted(BY_THEMSELVES), *PASSING):
                    table = schema.METADATA.tables[name]
                    rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
                    how = "(FULL)" if rows <= MOST_REWRITTEN else ""
                    connection.execute(text(f"VACUUM {how} {name}"))
        except SQLAlchemyError as error:
            raise StoreError(f"the database cannot be vacuumed: {plain_reason(error)}") from None
        finally:
            engine.dispose()

    def _identity(self, user_id: str) -> Identity:
        for new in self._identities.new([user_id]):  # made before there were accounts here
            return new
        return Identity(self._identities.id_of(user_id), user_id)
