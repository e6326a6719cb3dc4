"""The ledger's file as a journal: what it has that was not shipped yet."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select

from tollkeeper.store.ports.shipments import MOST_SHIPPED, Batch
from tollkeeper.store.sql.rows import USER_PLACE
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import identities, intents, record_metadata, records

_ROWS = (
    select(records)
    .where(records.c.seq > bindparam("after"))
    .order_by(records.c.seq)
    .limit(bindparam("most", MOST_SHIPPED))
)
_HASH = select(records.c.hash).where(records.c.seq == bindparam("at"))
_METADATA = select(record_metadata).where(
    record_metadata.c.request_id.in_(
        select(records.c.request_id).where(records.c.seq > bindparam("after"), records.c.seq <= bindparam("upto"))
    )
)
_OLDEST = select(func.min(intents.c.created_at))


class SqliteJournal:
    """What a shipper reads of a journal. `reader` reads its file."""

    def __init__(self, reader: Runner) -> None:
        self._reader = reader

    async def batch(self, after: int, at: int, most: int = MOST_SHIPPED) -> Batch:
        """The records behind the number `after`, at most so many; `at` is now. Raises StoreError."""
        return await self._reader.run(lambda connection: _batch(connection, after, at, most))


def _batch(connection: Connection, after: int, at: int, most: int) -> Batch:
    rows = [tuple(row) for row in connection.execute(_ROWS, {"after": after, "most": most})]
    upto = rows[-1][-2] if rows else after
    metadata = [tuple(row) for row in connection.execute(_METADATA, {"after": after, "upto": upto})]
    users = {row[USER_PLACE] for row in rows}
    named = select(identities.c.id, identities.c.user_id).where(
        identities.c.id.in_(users), identities.c.user_id.is_not(None)
    )
    before = connection.execute(_HASH, {"at": after}).scalar_one_or_none()
    return Batch(
        after,
        bytes(before or b""),
        rows,
        metadata,
        [tuple(row) for row in connection.execute(named)],
        connection.execute(_OLDEST).scalar_one(),
        at,
    )
