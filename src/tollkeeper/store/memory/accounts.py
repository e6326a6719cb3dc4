"""Users and their keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import AuditEntry, Key, User


class MemoryAccounts:
    """See `ports.Accounts`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> tuple[list[User], list[Key]]:
        users = sorted(self._tables.users.values(), key=lambda user: user.user_id)
        keys = sorted(self._tables.keys.values(), key=lambda key: (key.created_at, key.id))
        return users, keys

    async def save(
        self,
        *,
        users: Sequence[User] = (),
        keys: Sequence[Key] = (),
        ended: Collection[str] = (),
        audit: AuditEntry,
    ) -> None:
        self._tables.must_be_writable()
        saved = self._tables.users | {user.user_id: user for user in users}
        if len({user_id.lower() for user_id in saved}) != len(saved):
            raise StoreError("the database cannot be written: two users differ by case only")
        self._tables.users = saved
        self._tables.keys |= {key.id: key for key in keys}
        for session_id in ended:
            self._tables.sessions.pop(session_id, None)
        append(self._tables, audit)

    async def touch(self, last_used: Mapping[str, int]) -> None:
        self._tables.must_be_writable()
        keys = self._tables.keys
        known = {key_id: at for key_id, at in last_used.items() if key_id in keys}
        keys |= {key_id: replace(keys[key_id], last_used_at=at) for key_id, at in known.items()}
