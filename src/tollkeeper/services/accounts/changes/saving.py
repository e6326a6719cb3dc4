"""How a change to accounts is made: in the queue of changes, saved with its audit entry and its events, and applied in
memory right after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import asdict

from tollkeeper.rules.errors import Conflict
from tollkeeper.rules.owners import Owner
from tollkeeper.services.accounts.directory import Directory
from tollkeeper.services.accounts.end_users import EndUsers
from tollkeeper.services.accounts.events import events_of
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.accounts.sessions import Sessions
from tollkeeper.services.accounts.teams import Teams
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.ports.accounts import AccountStore, Key, User
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.ports.sessions import SessionStore
from tollkeeper.store.ports.teams import TeamStore

_TRIES = 3
"""How often a change is tried while other writers of the same store win."""
T = TypeVar("T")
LimitsChanged = Callable[[Owner], Awaitable[None]]
Action = Literal[
    "user.create",
    "user.update",
    "user.close",
    "user.erase",
    "user.sign_in_failed",
    "user.limits",
    "limits.defaults",
    "adjustment.create",
    "key.create",
    "key.rotate",
    "key.update",
    "key.revoke",
]


class AccountChanges(Directory):
    """Users, keys and teams in memory, and one way to change them, which `Accounts` (`accounts.py`) describes."""

    def __init__(
        self,
        store: AccountStore,
        kept_sessions: SessionStore,
        kept_teams: TeamStore,
        digest: Callable[[str], bytes],
        now: Callable[[], int],
        *,
        outbox: Outbox,
        end_users: EndUsers,
        bootstrap: bytes | None,
        credentials_ended: Callable[[Collection[str]], None],
        suspended: Callable[[str], None],
        limits_changed: LimitsChanged,
        forgotten: Callable[[Owner], None],
    ) -> None:
        self._changes = ChangeQueue()
        sessions = Sessions(kept_sessions, digest, now, self._changes, credentials_ended)
        teams = Teams(kept_teams, now, self._change, limits_changed)
        super().__init__(digest, now, sessions, teams, end_users, bootstrap=bootstrap)
        self._store = store
        self._limits_changed = limits_changed
        self.on_limits_saved: list[Callable[[Owner], None]] = []
        self._forgotten = forgotten
        self._outbox = outbox
        self._credentials_ended = credentials_ended
        self._suspended = suspended

    async def load(self) -> None:
        """Read users, keys, teams and sessions from the store."""
        users, keys = await self._store.load()
        await self.teams.load()
        self._put(users, sorted(keys, key=lambda key: key.created_at))
        await self.sessions.load()

    def _open_user(self, user_id: str) -> User:
        user = self.user(user_id)
        if user.status == "closed":
            raise Conflict(f"The account {user.user_id!r} is closed, for good. Make a new user.", code="account_closed")
        return user

    async def _save(
        self,
        by: Actor,
        action: Action,
        target: str,
        detail: Mapping[str, object],
        *,
        users: Collection[User] = (),
        keys: Collection[Key] = (),
        ended: Collection[str] = (),
        limited: User | Key | None = None,
        forgotten: Collection[Key] = (),
        linked: Sequence[ExternalIdentity] = (),
    ) -> tuple[list[User], list[Key]]:
        """Save users and keys with an audit entry, and apply them in memory as they were saved, with their new
        versions. Raises StoreConflict where another writer has changed them."""
        if limited is not None:
            # Before saving: a limit without its past usage must not take effect, now or at the next start.
            await self._limits_changed(owner_of(limited))
        entry = by.entry(self._now(), action, target, detail)
        gone = [key.id for key in forgotten]
        kept = [key for key in keys if key.id not in gone]
        events = events_of(
            self._outbox,
            by,
            [(self._users.get(user.user_id.lower()), user) for user in users],
            [(self._keys.get(key.id), key) for key in kept],
        )
        saved = await self._store.save(
            users=[*users], keys=kept, forgotten=gone, ended=ended, linked=linked, audit=entry, events=events
        )
        self._put(*saved)
        if events:
            self._outbox.saved()
        if limited is not None:
            for call in self.on_limits_saved:
                call(owner_of(limited))
        self._drop(forgotten)
        if ended:
            self.sessions.forget(ended)
        return saved

    async def with_user(self, user_id: str, work: Callable[[User], Awaitable[T]]) -> T:
        """Do something with an account, which nobody closes or erases meanwhile. Raises NotFound."""
        return await self._changes.run(lambda: work(self.user(user_id)))

    async def _change(self, change: Callable[[], Awaitable[T]]) -> T:
        """Make a change after those before it. Where another writer of the same store came first, the change is decided
        anew on what that one saved. Raises Conflict when this happens again and again."""

        async def decided_anew() -> T:
            for _ in range(_TRIES):
                try:
                    return await change()
                except StoreConflict:
                    await self._catch_up()
            raise Conflict(
                "Somebody else changed this at the same time. Look at what it is now, and try again.",
                code="changed_meanwhile",
            )

        return await self._changes.run(decided_anew)

    async def _catch_up(self) -> None:
        """Apply what other writers of the same store have saved, with its consequences: new limits count past usage,
        and requests that lost their access are ended."""
        saved_users, saved_keys = await self._store.load()
        await self.teams.load()  # after the users, so that it knows their teams
        users = [user for user in saved_users if self._is_newer(user, self._users.get(user.user_id.lower()))]
        keys = [key for key in saved_keys if self._is_newer(key, self._keys.get(key.id))]
        for owner in [*map(owner_of, users), *map(owner_of, keys)]:
            await self._limits_changed(owner)
        kept = {key.id for key in saved_keys}
        gone = [key for key in self._keys.values() if key.id not in kept]
        self._put(users, sorted(keys, key=lambda key: key.created_at))
        self._drop(gone)
        for user in users:
            if user.status != "active":
                self._suspended(user.user_id)
        ended = [key.id for key in keys if key.revoked_at is not None] + [key.id for key in gone]
        if ended:
            self._credentials_ended(ended)
        self._forget_uncounted(gone)

    @staticmethod
    def _is_newer(saved: User | Key, known: User | Key | None) -> bool:
        return known is None or saved.version != known.version

    def _forget_uncounted(self, gone: Collection[Key]) -> None:
        """Report the keys whose counters no other key shares any more."""
        for key in gone:
            if all(other.counter_id != key.counter_id for other in self.keys_of(key.user_id)):
                self._forgotten(owner_of(key))


def given_fields(wanted: Struct) -> dict[str, Any]:
    """The fields of a change that are not unset."""
    return {name: value for name, value in asdict(wanted).items() if value is not UNSET}
