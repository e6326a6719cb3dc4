"""Accounts: changes to users, keys and sessions.

Each change is saved in one transaction with its audit entry, and applied in memory right after: it takes effect at the
next request.

All changes are in this one file, though it is long: they share one queue and one way to save, and a change to a user is
one to keys and sessions as well.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tollkeeper.rules.errors import Conflict, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.owners import Owner
from tollkeeper.rules.times import format_time
from tollkeeper.services.accounts.acting import ActingChange, audited_acting, changed_acting
from tollkeeper.services.accounts.directory import Directory
from tollkeeper.services.accounts.end_users import EndUsers
from tollkeeper.services.accounts.events import events_of
from tollkeeper.services.accounts.keys import (
    NewKey,
    check_room,
    key_status,
    new_key_id,
    new_secret,
    outlived,
    successor,
)
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.accounts.passwords import Passwords
from tollkeeper.services.accounts.sessions import Sessions
from tollkeeper.services.accounts.teams import Teams
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.limits.changes import LimitsChange, audited_limits, merged
from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.ports.accounts import AccountStore, Acting, Key, Role, User, UserStatus
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.ports.installation import Installation
from tollkeeper.store.ports.sessions import SessionStore
from tollkeeper.store.ports.teams import TeamStore
from tollkeeper.wire.credentials import redacted

USER_ID = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_OPAQUE = r"u_[0-9a-f]{24}"
"""The ids that are left of persons who were forgotten, and those that records have in place of names."""
_DEFAULTS = "default_limits"
_TRIES = 3
"""How often a change is tried while other writers of the same store win."""
T = TypeVar("T")
LimitsChanged = Callable[[Owner], Awaitable[None]]
Action = Literal[
    "user.create",
    "user.update",
    "user.close",
    "user.erase",
    "user.limits",
    "limits.defaults",
    "adjustment.create",
    "key.create",
    "key.rotate",
    "key.update",
    "key.revoke",
]


async def _nothing_to_prepare(_: Owner) -> None:
    pass


class UserChange(Struct, frozen=True):
    """A change to a user; fields that are unset stay. None removes one, a password included. `team` is the id of a
    team: None takes the user out of theirs. Whoever leaves a team is an admin of it no longer."""

    name: str | UnsetType | None = UNSET
    role: Role | UnsetType = UNSET
    status: UserStatus | UnsetType = UNSET
    password: str | UnsetType | None = UNSET
    team: str | UnsetType | None = UNSET
    team_admin: bool | UnsetType = UNSET
    address: str | UnsetType | None = UNSET
    tax_id: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET


class KeyChange(Struct, frozen=True):
    """A change to a key; fields that are unset stay. None removes a name, an expiry or all limits; limits are merged
    into the present ones."""

    name: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    limits: LimitsChange | UnsetType | None = UNSET
    acting: ActingChange | UnsetType = UNSET


class Accounts(Directory):
    """Users, keys and sessions, with every change to them; teams, which change themselves (`teams.py`), and the
    `end_users` of keys that act for others.

    `store` holds the accounts, `kept_sessions` the sessions, `kept_teams` the teams, `installation` the default limits
    of new users.
    `credentials_ended` is called with the ids of keys and sessions whose requests must end now; not for a key that
    expires or whose grace period ends, until it is revoked. `suspended` is called with the id of a user all of whose
    requests must end now, since the account is no longer active. `limits_changed` is awaited with an owner before its
    new limits are saved; if it raises, they are not saved. `on_limits_saved` is called once they are. `forgotten` is
    called with the owner of limits of a deleted key, once no other key counts towards the same limits. `outbox` makes
    the events that are saved with a change.
    """

    def __init__(
        self,
        store: AccountStore,
        kept_sessions: SessionStore,
        kept_teams: TeamStore,
        installation: Installation,
        digest: Callable[[str], bytes],
        passwords: Passwords,
        now: Callable[[], int],
        *,
        outbox: Outbox,
        end_users: EndUsers,
        bootstrap: bytes | None = None,
        credentials_ended: Callable[[Collection[str]], None] = lambda _: None,
        suspended: Callable[[str], None] = lambda _: None,
        limits_changed: LimitsChanged = _nothing_to_prepare,
        forgotten: Callable[[Owner], None] = lambda _: None,
    ) -> None:
        self._changes = ChangeQueue()
        sessions = Sessions(kept_sessions, digest, now, self._changes, credentials_ended)
        teams = Teams(kept_teams, now, self._change, limits_changed)
        super().__init__(digest, now, sessions, teams, end_users, bootstrap=bootstrap)
        self._store = store
        self._installation = installation
        self._limits_changed = limits_changed
        self.on_limits_saved: list[Callable[[Owner], None]] = []
        self._forgotten = forgotten
        self._outbox = outbox
        self._default_limits = NO_LIMITS
        self.passwords = passwords
        self._credentials_ended = credentials_ended
        self._suspended = suspended

    async def load(self) -> None:
        """Read everything from the store. Call it once, at the start."""
        users, keys = await self._store.load()
        await self.teams.load()
        self._put(users, sorted(keys, key=lambda key: key.created_at))
        await self.sessions.load()
        defaults = await self._installation.value(_DEFAULTS)
        self._default_limits = msgspec.json.decode(defaults, type=Limits) if defaults else NO_LIMITS

    async def write_last_used(self) -> None:
        """Save the last use of keys that were used since the previous call."""
        used, self._used = self._used, {}
        if not used:
            return
        self._used_before.update(used)
        try:
            await self._store.touch(used)
        except BaseException:
            self._used = used | self._used
            raise

    async def create_user(
        self,
        user_id: str,
        by: Actor,
        *,
        role: Role = "user",
        name: str | None = None,
        password: str | None = None,
        limits: LimitsChange | None = None,
        secret: str | None = None,
        team: str | None = None,
        team_admin: bool = False,
        address: str | None = None,
        tax_id: str | None = None,
        email: str | None = None,
    ) -> tuple[User, NewKey]:
        """Create a user with a first key. `secret` is set only where anyone may know it (the demo). `limits` are merged
        into the default limits. `team` is the id of a team. Raises Conflict when the id is taken, whatever its case,
        even by a closed account, and Unprocessable."""
        _check_user_id(user_id)
        hashed = None if password is None else await self.passwords.hash(password)

        async def change() -> tuple[User, NewKey]:
            self._check_free(user_id)
            allowed = merged(self._default_limits, limits or {}, "limits.")
            more: dict[str, Any] = {
                "team_id": None if team is None else self.teams.joinable(team).team_id,
                "team_admin": team_admin,
                "address": address,
                "tax_id": tax_id,
                "email": email,
            }
            user = User(user_id, role, "active", name, self._now(), hashed, allowed, **more)
            _check_team_admin(user)
            made = self._make_key(user, "default", None, secret)
            detail = audited_limits(allowed)
            detail |= {"role": role, "name": name, "has_password": password is not None, "key_id": made.key.id}
            detail |= {name: value for name, value in more.items() if value}
            [user], [key] = await self._save(
                by, "user.create", user_id, detail, users=[user], keys=[made.key], limited=user
            )
            return user, replace(made, key=key)

        return await self._change(change)

    async def add_external_user(
        self, user_id: str, by: Actor, *, role: Role, name: str | None, issuer: str, subject: str
    ) -> tuple[User, ExternalIdentity]:
        """Create a user who signs in by an OpenID provider, in one transaction with that identity. They have no
        password and no key yet. Raises Conflict when the id is taken, and Unprocessable."""
        _check_user_id(user_id)

        async def change() -> tuple[User, ExternalIdentity]:
            self._check_free(user_id)
            now = self._now()
            user = User(user_id, role, "active", name, now, None, self._default_limits)
            identity = ExternalIdentity(issuer, subject, user_id, now)
            detail = audited_limits(user.limits)
            detail |= {"role": role, "name": name, "has_password": False, "issuer": issuer, "subject": subject}
            [user], _ = await self._save(
                by, "user.create", user_id, detail, users=[user], limited=user, linked=[identity]
            )
            return user, identity

        return await self._change(change)

    async def update_user(
        self, user_id: str, by: Actor, wanted: UserChange, *, still: Callable[[User], None] = lambda _: None
    ) -> User:
        """Change a user; a new role or password ends the user's sessions. `still` is called when the change's turn has
        come, and raises when the user is no longer as it assumes. Raises NotFound, and Conflict for a closed account:
        closing is final."""
        password = wanted.password
        hashed = await self.passwords.hash(password) if isinstance(password, str) else password

        async def change() -> User:
            user = self._open_user(user_id)
            still(user)
            given = self._fields(wanted, user)
            if not given:
                return user
            signs_out = "password" in given or given.get("role", user.role) != user.role
            detail = dict(given)
            if "password" in given:
                detail["password"] = "removed" if hashed is None else "changed"
                given["password_hash"] = hashed
                del given["password"]
            user = replace(user, **given)
            _check_team_admin(user)
            if user.status == "closed":
                return await self._close(user, by, detail)
            ended = self.sessions.ids_of(user.user_id) if signs_out else []
            [user], _ = await self._save(by, "user.update", user.user_id, detail, users=[user], ended=ended)
            if user.status != "active":
                self._suspended(user.user_id)
            return user

        return await self._change(change)

    async def assign_team(self, user_id: str, team: str | None, by: Actor) -> None:
        """Put a user into a team, both by id; None: into none. Where they are in it already nothing changes. Raises
        NotFound, Unprocessable, Conflict."""
        if self.user(user_id).team_id != team:
            await self.update_user(user_id, by, UserChange(team=team))

    async def close_user(self, user_id: str, by: Actor) -> User:
        """Close an account for good: its keys are revoked at once, its records stay. Closing it again changes nothing.
        Raises NotFound."""

        async def change() -> User:
            user = self.user(user_id)
            return user if user.status == "closed" else await self._close(replace(user, status="closed"), by, {})

        return await self._change(change)

    async def replace_closed(self, user_id: str, erase: Callable[[User], Awaitable[User]]) -> User:
        """Put what `erase` leaves of a closed account in its place, after the changes before it. While it is at work
        the account cannot be found, so that nothing is recorded under its name. Raises NotFound, Conflict where the
        account is open, and what `erase` raises, which then has changed nothing."""

        async def change() -> User:
            user = self.user(user_id)
            if user.status != "closed":
                raise Conflict(f"The account {user.user_id!r} is open. Close it first.", code="account_open")
            keys, left = self.keys_of(user.user_id), user
            self._take_out(user)
            try:
                left = await erase(user)
            finally:
                self._put([left], keys if left.user_id == user.user_id else ())
            if left.user_id != user.user_id:
                # Whoever gets the id begins anew.
                for owner in (owner_of(user), *map(owner_of, keys)):
                    self._forgotten(owner)
            return left

        return await self._change(change)

    async def create_key(
        self,
        user_id: str,
        by: Actor,
        *,
        name: str | None = None,
        expires_at: int | None = None,
        limits: LimitsChange | None = None,
        acting: ActingChange | None = None,
        secret: str | None = None,
    ) -> NewKey:
        """Create another key. Raises NotFound, Conflict for a closed account and for one with too many keys,
        Unprocessable for invalid limits and an expiry in the past."""

        async def change() -> NewKey:
            allowed = merged(NO_LIMITS, limits or {}, "limits.")
            acts = None if acting is None else changed_acting(None, acting)
            made = self._make_key(self._open_user(user_id), name, expires_at, secret, allowed, acting=acts)
            return replace(made, key=await self._add_key(by, "key.create", made.key, {}))

        return await self._change(change)

    async def rotate_key(self, key_id: str, by: Actor, *, grace_seconds: float = 0) -> NewKey:
        """Create a successor with the name, the expiry, the limits and the powers of this key, which is revoked after
        the grace period, by default at once. Usage of the old key counts towards the limits of the new one. Raises
        NotFound, and Conflict for a key that is no longer active or was rotated before; then it names the successor."""

        async def change() -> NewKey:
            old, now = self.key(key_id), self._now()
            self._check_rotatable(old, now)
            user = self._open_user(old.user_id)
            made = self._make_key(
                user, old.name, old.expires_at, None, old.limits, origin=old.counter_id, acting=old.acting
            )
            if grace_seconds == 0:
                old = replace(old, revoked_at=now)
            else:
                end = now + int(grace_seconds * 1000)
                old = replace(old, retires_at=end if old.retires_at is None else min(end, old.retires_at))
            detail = {"replaces": old.id, "grace_seconds": grace_seconds}
            key = await self._add_key(by, "key.rotate", made.key, detail, changed=old)
            if grace_seconds == 0:
                self._credentials_ended([old.id])
            return replace(made, key=key)

        return await self._change(change)

    async def update_key(self, key_id: str, by: Actor, wanted: KeyChange) -> Key:
        """Change a key; a revoked one stays revoked. Raises NotFound, Unprocessable for invalid limits and an expiry in
        the past, and Conflict where the user would have too many active keys."""

        async def change() -> Key:
            given = _given(wanted)
            key = self.key(key_id)
            if not given:
                return key
            if "limits" in given:
                change_of = wanted.limits or {}
                given["limits"] = NO_LIMITS if wanted.limits is None else merged(key.limits, change_of, "limits.")
            if isinstance(wanted.acting, ActingChange):
                given["acting"] = changed_acting(key.acting, wanted.acting)
            key = replace(key, **given)
            if "expires_at" in given:
                self._check_end(key.expires_at)
            if key_status(key, self._now()) == "active":
                others = [other for other in self.keys_of(key.user_id) if other.id != key.id]
                check_room([*others, key], self._now())
            limited = key if "limits" in given else None
            _, [key] = await self._save(by, "key.update", key.id, _audited_key(key), keys=[key], limited=limited)
            return key

        return await self._change(change)

    async def revoke_key(self, key_id: str, by: Actor) -> Key:
        """Revoke a key, at once. Revoking it again changes nothing. Raises NotFound."""

        async def change() -> Key:
            key, now = self.key(key_id), self._now()
            if key.revoked_at is not None:
                return key
            key = replace(key, revoked_at=now)
            _, [key] = await self._save(by, "key.revoke", key.id, _audited_key(key), keys=[key])
            self._credentials_ended([key.id])
            return key

        return await self._change(change)

    async def set_limits(
        self,
        user_id: str,
        by: Actor,
        change: LimitsChange,
        *,
        check: Callable[[User, Limits], None] = lambda _, __: None,
    ) -> User:
        """Merge a change into a user's limits. `check` is called with the user and the limits that they would have,
        when the change's turn has come, and raises where these may not be. Raises NotFound, Unprocessable, and Conflict
        for a closed account."""

        async def run() -> User:
            user = self._open_user(user_id)
            limits = merged(user.limits, change)
            check(user, limits)
            user = replace(user, limits=limits)
            detail = audited_limits(user.limits)
            [user], _ = await self._save(by, "user.limits", user.user_id, detail, users=[user], limited=user)
            return user

        return await self._change(run)

    async def note(self, by: Actor, action: Action, target: str, detail: Mapping[str, object]) -> None:
        """Save an audit entry for a change that is made elsewhere."""
        await self._save(by, action, target, detail)

    def default_limits(self) -> Limits:
        """The limits that new users get."""
        return self._default_limits

    async def set_default_limits(self, by: Actor, change: LimitsChange) -> Limits:
        """Merge a change into the limits that new users get; existing users keep theirs. Raises Unprocessable."""

        async def run() -> Limits:
            limits = merged(self._default_limits, change)
            # The audit entry is saved first: a change without an entry would be worse than an entry without a change.
            await self._save(by, "limits.defaults", "*", audited_limits(limits))
            await self._installation.set_value(_DEFAULTS, msgspec.json.encode(limits))
            self._default_limits = limits
            return limits

        return await self._change(run)

    def _check_free(self, user_id: str) -> None:
        if user_id.lower() in self._users:
            raise Conflict(f"The user_id {user_id!r} is taken. Choose another.", param="user_id")

    def _fields(self, wanted: UserChange, user: User) -> dict[str, Any]:
        """The fields of a user that a change gives, with the password as it was sent. Raises Unprocessable for a team
        that does not exist, Conflict for one that is closed."""
        given = _given(wanted)
        if "team" in given:
            team = given.pop("team")
            team_id = None if team is None else self.teams.joinable(team).team_id
            given["team_id"] = team_id
            if team_id != user.team_id:
                given.setdefault("team_admin", False)
        return given

    def _open_user(self, user_id: str) -> User:
        user = self.user(user_id)
        if user.status == "closed":
            raise Conflict(f"The account {user.user_id!r} is closed, for good. Make a new user.", code="account_closed")
        return user

    def _check_rotatable(self, key: Key, now: int) -> None:
        dead = key_status(key, now) != "active"
        # Only a rotation sets `retires_at` of an active key.
        following = successor(key, self.keys_of(key.user_id)) if dead or key.retires_at is not None else None
        if following is not None:
            raise Conflict(
                f"This key was rotated before: {following.id} took its place. If its secret is lost, rotate that one.",
                code="key_rotated",
            )
        if dead:
            raise Conflict("This key is dead already. Make a new one instead.", code="key_not_active")
        if key.retires_at is not None:
            raise Conflict("This key was rotated before. Make a new one instead.", code="key_rotated")

    async def _add_key(
        self, by: Actor, action: Action, key: Key, detail: Mapping[str, object], *, changed: Key | None = None
    ) -> Key:
        """Save a new key, and the key it replaces, if any; the oldest of too many inactive keys are deleted. Returns
        the key as it was saved."""
        now = self._now()
        others = [
            changed if changed is not None and other.id == changed.id else other for other in self.keys_of(key.user_id)
        ]
        check_room([*others, key], now)
        gone = outlived([*others, key], now)
        keys = [key] if changed is None else [changed, key]
        audited = _audited_key(key) | dict(detail)
        _, saved = await self._save(by, action, key.id, audited, keys=keys, limited=key, forgotten=gone)
        self._forget_uncounted(gone)
        return saved[-1]

    def _make_key(
        self,
        user: User,
        name: str | None,
        expires_at: int | None,
        secret: str | None,
        limits: Limits = NO_LIMITS,
        *,
        origin: str | None = None,
        acting: Acting | None = None,
    ) -> NewKey:
        self._check_end(expires_at)
        secret = secret or new_secret(user.user_id)
        digest = self._digest(secret)
        if digest in self._callers or digest == self._bootstrap:
            raise Conflict("This key is in use already. Choose another.", param="secret")
        key = Key(
            new_key_id(), user.user_id, name, redacted(secret), digest, self._now(), expires_at, limits=limits,
            origin=origin, acting=acting,
        )  # fmt: skip
        return NewKey(key, secret)

    def _check_end(self, expires_at: int | None) -> None:
        if expires_at is not None and expires_at <= self._now():
            raise Unprocessable("The end of a key must lie ahead.", param="expires_at")

    async def _close(self, user: User, by: Actor, detail: Mapping[str, object]) -> User:
        now = self._now()
        dead = [replace(key, revoked_at=now) for key in self.keys_of(user.user_id) if key.revoked_at is None]
        ended = self.sessions.ids_of(user.user_id)
        [user], _ = await self._save(by, "user.close", user.user_id, detail, users=[user], keys=dead, ended=ended)
        self._credentials_ended([key.id for key in dead])
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


def _check_user_id(user_id: str) -> None:
    if re.fullmatch(_OPAQUE, user_id):
        raise Unprocessable("Ids of this form are the gateway's own. Choose another.", param="user_id")
    if not re.fullmatch(USER_ID, user_id):
        raise Unprocessable(
            "A user_id has 1 to 64 letters, digits and . _ @ -, and begins with a letter or digit.", param="user_id"
        )


def _given(wanted: UserChange | KeyChange) -> dict[str, Any]:
    return {name: value for name, value in asdict(wanted).items() if value is not UNSET}


def _check_team_admin(user: User) -> None:
    if user.team_admin and user.team_id is None:
        raise Unprocessable("'team_admin' needs a team: set 'team' as well.", param="team_admin")


def _audited_key(key: Key) -> dict[str, object]:
    """A key in the form of the audit log."""
    end = None if key.expires_at is None else format_time(key.expires_at)
    audited = {"user_id": key.user_id, "name": key.name, "prefix": key.prefix, "expires_at": end}
    return audited | audited_acting(key.acting) | audited_limits(key.limits)
