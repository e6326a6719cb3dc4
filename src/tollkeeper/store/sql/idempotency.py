"""Claims to idempotency keys."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, bindparam, delete, select

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import idempotency_claims

_AT_ONCE = 1000
"""Claims that one transaction deletes at most, so that none takes long."""
_OF_KEY = select(idempotency_claims).where(
    idempotency_claims.c.user_id == bindparam("user_id"), idempotency_claims.c.key == bindparam("digest")
)
_OLDEST = (
    select(idempotency_claims.c.request_id)
    .where(idempotency_claims.c.request_id < bindparam("floor"))
    .order_by(idempotency_claims.c.request_id)
    .limit(_AT_ONCE)
)
_PRUNE = delete(idempotency_claims).where(idempotency_claims.c.request_id.in_(_OLDEST))


class SqlIdempotency:
    """See `ports.IdempotencyStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def find(self, user_id: str, key: bytes) -> Claim | None:
        row = await self._reader.run(
            lambda connection: connection.execute(_OF_KEY, {"user_id": user_id, "digest": key}).one_or_none()
        )
        return None if row is None else Claim(*row)

    async def prune(self, before: int) -> int:
        deleted, step = 0, partial(_prune_step, floor=request_id_floor(before))
        while count := await self._writer.run(step):
            deleted += count
        return deleted


def _prune_step(connection: Connection, floor: str) -> int:
    return connection.execute(_PRUNE, {"floor": floor}).rowcount
