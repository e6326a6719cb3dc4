"""End users of users whose keys act for others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.end_users import EndUser


class MemoryEndUsers:
    """See `ports.EndUserStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def with_limits(self) -> list[EndUser]:
        found = [each for each in self._tables.end_users.values() if each.limits != NO_LIMITS]
        return sorted(found, key=lambda each: each.id)

    async def find(self, user_id: str, value: str) -> EndUser | None:
        return next((each for each in self._of(user_id) if each.value == value), None)

    async def read(self, end_user_id: str) -> EndUser | None:
        return self._tables.end_users.get(end_user_id)

    async def page(
        self, user_id: str, *, limit: int, after: str | None, part: str = "", ids: Sequence[str] | None = None
    ) -> list[EndUser]:
        found = sorted(self._of(user_id), key=_place)
        if after is not None:
            seen = self._tables.end_users.get(after)
            found = [] if seen is None else [each for each in found if _place(each) > _place(seen)]
        if part:
            found = [each for each in found if each.value is not None and part.lower() in each.value.lower()]
        if ids is not None:
            found = [each for each in found if each.id in ids]
        return found[:limit]

    async def values(self, ids: Collection[str]) -> dict[str, str]:
        found = (self._tables.end_users[each] for each in ids if each in self._tables.end_users)
        return {each.id: each.value for each in found if each.value is not None}

    async def add(self, end_user: EndUser, most: int) -> EndUser | None:
        self._tables.must_be_writable()
        kept = [each for each in self._of(end_user.user_id) if each.value is not None]
        for each in kept:
            if each.value == end_user.value:
                return each
        if len(kept) >= most:
            return None
        saved = self._tables.end_users[end_user.id] = replace(end_user, version=1)
        return saved

    async def save(self, end_user: EndUser, audit: AuditEntry) -> EndUser:
        self._tables.must_be_writable()
        known = self._tables.end_users.get(end_user.id)
        if known is None or known.version != end_user.version:
            raise StoreConflict("an end user was changed by another writer after it was read")
        saved = self._tables.end_users[end_user.id] = replace(end_user, version=end_user.version + 1)
        append(self._tables, audit)
        return saved

    async def erase_of(self, user_id: str) -> Sequence[str]:
        self._tables.must_be_writable()
        kept = [each for each in self._of(user_id) if each.value is not None]
        for each in kept:
            self._tables.end_users[each.id] = replace(
                each, value=None, limits=NO_LIMITS, status="erased", version=each.version + 1
            )
        return sorted(each.id for each in kept)

    def _of(self, user_id: str) -> list[EndUser]:
        return [each for each in self._tables.end_users.values() if each.user_id == user_id]


def _place(end_user: EndUser) -> tuple[int, str]:
    return end_user.created_at, end_user.id
