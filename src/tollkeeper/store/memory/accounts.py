"""Users and their keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.events import append_events
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.accounts import Key, User
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.external_identities import ExternalIdentity

A = TypeVar("A", User, Key)


class MemoryAccounts:
    """See `ports.AccountStore`."""

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
        forgotten: Collection[str] = (),
        ended: Collection[str] = (),
        linked: Sequence[ExternalIdentity] = (),
        audit: AuditEntry,
        also: Sequence[AuditEntry] = (),
        events: Sequence[Event] = (),
    ) -> tuple[list[User], list[Key]]:
        self._tables.must_be_writable()
        saved_users = [_next(user, self._tables.users.get(user.user_id)) for user in users]
        saved_keys = [_next(key, self._tables.keys.get(key.id)) for key in keys]
        all_users = self._tables.users | {user.user_id: user for user in saved_users}
        if len({user_id.lower() for user_id in all_users}) != len(all_users):
            raise StoreConflict("two users differ by case only")
        open_teams = {team.team_id for team in self._tables.teams.values() if team.closed_at is None}
        if any(user.team_id not in (None, *open_teams) and user.status != "closed" for user in saved_users):
            raise StoreConflict("a user is to be in a team that another writer has closed")
        self._tables.users = all_users
        self._tables.keys |= {key.id: key for key in saved_keys}
        for key_id in forgotten:
            self._tables.keys.pop(key_id, None)
        for session_id in ended:
            self._tables.sessions.pop(session_id, None)
        self._tables.external_identities |= {(each.issuer, each.subject): each for each in linked}
        for entry in (audit, *also):
            append(self._tables, entry)
        append_events(self._tables, events)
        return saved_users, saved_keys

    async def touch(self, last_used: Mapping[str, int]) -> None:
        self._tables.must_be_writable()
        keys = self._tables.keys
        known = {key_id: at for key_id, at in last_used.items() if key_id in keys}
        keys |= {key_id: replace(keys[key_id], last_used_at=at) for key_id, at in known.items()}


def _next(value: A, kept: A | None) -> A:
    """The value with its next version. Raises StoreConflict where it was not derived from the stored one."""
    if value.version != (0 if kept is None else kept.version):
        raise StoreConflict("a user or key was changed by another writer after it was read")
    return replace(value, version=value.version + 1)
