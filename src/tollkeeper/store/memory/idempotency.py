"""Claims to idempotency keys."""

from __future__ import annotations

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.idempotency import Claim


class MemoryIdempotency:
    """See `ports.IdempotencyStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def find(self, user_id: str, key: bytes) -> Claim | None:
        return self._tables.claims.get((user_id, key))

    async def prune(self, before: int) -> int:
        self._tables.must_be_writable()
        claims, floor = self._tables.claims, request_id_floor(before)
        old = [place for place, claim in claims.items() if claim.request_id < floor]
        for place in old:
            del claims[place]
        return len(old)
