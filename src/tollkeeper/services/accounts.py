"""Changes to users and keys.

Each is saved first, in one transaction with its audit entry, and put into memory in the same step: it is in force at
the next request.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tollkeeper.rules.errors import Conflict, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.times import format_time
from tollkeeper.services.audit import Actor
from tollkeeper.services.changes import Changes
from tollkeeper.services.directory import Directory
from tollkeeper.services.keys import NewKey, key_status, new_key_id, new_secret, shown
from tollkeeper.services.limit_changes import LimitsChange, merged, told_limits
from tollkeeper.services.passwords import Passwords
from tollkeeper.services.sessions import Sessions
from tollkeeper.store import ports
from tollkeeper.store.ports import Key, Role, User, UserStatus

USER_ID = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_DEFAULTS = "default_limits"
LimitsChanged = Callable[[User | Key], Awaitable[None]]
Action = Literal[
    "user.create",
    "user.update",
    "user.close",
    "user.limits",
    "limits.defaults",
    "adjustment.create",
    "key.create",
    "key.rotate",
    "key.update",
    "key.revoke",
]


async def _nothing_to_prepare(_: User | Key) -> None:
    pass


class UserChange(Struct, frozen=True):
    """What is to become of a user; what is not given stays. None takes a name or password away."""

    name: str | UnsetType | None = UNSET
    role: Role | UnsetType = UNSET
    status: UserStatus | UnsetType = UNSET
    password: str | UnsetType | None = UNSET


class KeyChange(Struct, frozen=True):
    """What is to become of a key; what is not given stays. None takes a name, an end or all limits away; limits are
    merged into those there are."""

    name: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    limits: LimitsChange | UnsetType | None = UNSET


class Accounts(Directory):
    """`store` keeps the accounts, `kept_sessions` who is signed in, `book` the limits of new users. `cut` is told the
    ids of keys and sessions under which nothing may run from now on, so that what does can be ended: a key whose grace
    period is over, or that expired, is among them only once it is revoked. `limits_changed` is awaited with a user or
    key before its new limits are saved: raising, it keeps them from being so."""

    def __init__(
        self,
        store: ports.Accounts,
        kept_sessions: ports.Sessions,
        book: ports.Book,
        digest: Callable[[str], bytes],
        passwords: Passwords,
        now: Callable[[], int],
        *,
        bootstrap: bytes | None = None,
        cut: Callable[[Collection[str]], None] = lambda _: None,
        limits_changed: LimitsChanged = _nothing_to_prepare,
    ) -> None:
        self._changes = Changes()
        sessions = Sessions(kept_sessions, digest, now, self._changes, cut)
        super().__init__(digest, now, sessions, bootstrap=bootstrap)
        self._store = store
        self._values = book
        self._limits_changed = limits_changed
        self._default_limits = NO_LIMITS
        self.passwords = passwords
        self._cut = cut

    async def load(self) -> None:
        """Read everything from the store; once, before anyone asks."""
        users, keys = await self._store.load()
        self._put(users, sorted(keys, key=lambda key: key.created_at))
        await self.sessions.load()
        defaults = await self._values.value(_DEFAULTS)
        self._default_limits = msgspec.json.decode(defaults, type=Limits) if defaults else NO_LIMITS

    async def write_last_used(self) -> None:
        """Save when keys were last used, for those used since this was last called."""
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
    ) -> tuple[User, NewKey]:
        """A new user and its first key, which has a given `secret` only where everyone may know it (the demo).
        `limits` are merged into those of new users. Raises Conflict when the id is taken, whatever its case, even by a
        closed account, and Unprocessable."""
        if not re.fullmatch(USER_ID, user_id):
            raise Unprocessable(
                "A user_id has 1 to 64 letters, digits and . _ @ -, and begins with a letter or digit.", param="user_id"
            )
        hashed = None if password is None else await self.passwords.hash(password)

        async def change() -> tuple[User, NewKey]:
            if user_id.lower() in self._users:
                raise Conflict(f"The user_id {user_id!r} is taken. Choose another.", param="user_id")
            allowed = merged(self._default_limits, limits or {}, "limits.")
            user = User(user_id, role, "active", name, self._now(), hashed, allowed)
            made = self._make_key(user, "default", None, secret)
            detail = told_limits(allowed)
            detail |= {"role": role, "name": name, "has_password": password is not None, "key_id": made.key.id}
            await self._save(by, "user.create", user_id, detail, users=[user], keys=[made.key], limited=user)
            return user, made

        return await self._changes.run(change)

    async def update_user(
        self, user_id: str, by: Actor, wanted: UserChange, *, still: Callable[[User], None] = lambda _: None
    ) -> User:
        """Another role or password ends the user's sessions. `still` raises when the user is not, by then, as the
        change takes for granted. Raises NotFound, and Conflict for a closed account: closing is final."""
        password = wanted.password
        hashed = await self.passwords.hash(password) if isinstance(password, str) else password

        async def change() -> User:
            user = self._open_user(user_id)
            still(user)
            given = _given(wanted)
            if not given:
                return user
            signs_out = "password" in given or given.get("role", user.role) != user.role
            detail = dict(given)
            if "password" in given:
                detail["password"] = "removed" if hashed is None else "changed"
                given["password_hash"] = hashed
                del given["password"]
            user = replace(user, **given)
            if user.status == "closed":
                return await self._close(user, by, detail)
            ended = self.sessions.ids_of(user.user_id) if signs_out else []
            await self._save(by, "user.update", user.user_id, detail, users=[user], ended=ended)
            if user.status != "active":
                self._cut([*(key.id for key in self.keys_of(user.user_id)), *self.sessions.ids_of(user.user_id)])
            return user

        return await self._changes.run(change)

    async def close_user(self, user_id: str, by: Actor) -> User:
        """Close an account for good: its keys die at once, its records stay. Once more changes nothing."""

        async def change() -> User:
            user = self.user(user_id)
            return user if user.status == "closed" else await self._close(replace(user, status="closed"), by, {})

        return await self._changes.run(change)

    async def create_key(
        self,
        user_id: str,
        by: Actor,
        *,
        name: str | None = None,
        expires_at: int | None = None,
        limits: LimitsChange | None = None,
        secret: str | None = None,
    ) -> NewKey:
        """One more key. Raises NotFound, Conflict for a closed account, Unprocessable for limits that are wrong and for
        an end that is past."""

        async def change() -> NewKey:
            allowed = merged(NO_LIMITS, limits or {}, "limits.")
            made = self._make_key(self._open_user(user_id), name, expires_at, secret, allowed)
            await self._save(by, "key.create", made.key.id, _told(made.key), keys=[made.key], limited=made.key)
            return made

        return await self._changes.run(change)

    async def rotate_key(self, key_id: str, by: Actor, *, grace_seconds: float = 0) -> NewKey:
        """A new key with the name, the end and the limits of this one, which dies after the grace period: by
        default at once. What was used with the old key counts for the new one too. Raises NotFound, and Conflict for a
        key that is dead."""

        async def change() -> NewKey:
            old, now = self.key(key_id), self._now()
            if key_status(old, now) != "active":
                raise Conflict("This key is dead already. Make a new one instead.", code="key_not_active")
            user = self._open_user(old.user_id)
            made = self._make_key(user, old.name, old.expires_at, None, old.limits, origin=old.counted_as)
            if grace_seconds == 0:
                old = replace(old, revoked_at=now)
            else:
                end = now + int(grace_seconds * 1000)
                old = replace(old, retires_at=end if old.retires_at is None else min(end, old.retires_at))
            detail = _told(made.key) | {"replaces": old.id, "grace_seconds": grace_seconds}
            await self._save(by, "key.rotate", made.key.id, detail, keys=[old, made.key], limited=made.key)
            if grace_seconds == 0:
                self._cut([old.id])
            return made

        return await self._changes.run(change)

    async def update_key(self, key_id: str, by: Actor, wanted: KeyChange) -> Key:
        """Raises NotFound, Unprocessable for limits that are wrong and for an end that is past. What was revoked stays
        so."""

        async def change() -> Key:
            given = _given(wanted)
            key = self.key(key_id)
            if not given:
                return key
            if "limits" in given:
                change_of = wanted.limits or {}
                given["limits"] = NO_LIMITS if wanted.limits is None else merged(key.limits, change_of, "limits.")
            key = replace(key, **given)
            if "expires_at" in given:
                self._check_end(key.expires_at)
            await self._save(
                by, "key.update", key.id, _told(key), keys=[key], limited=key if "limits" in given else None
            )
            return key

        return await self._changes.run(change)

    async def revoke_key(self, key_id: str, by: Actor) -> Key:
        """The key is dead from now on. Once more changes nothing. Raises NotFound."""

        async def change() -> Key:
            key, now = self.key(key_id), self._now()
            if key.revoked_at is not None:
                return key
            key = replace(key, revoked_at=now)
            await self._save(by, "key.revoke", key.id, _told(key), keys=[key])
            self._cut([key.id])
            return key

        return await self._changes.run(change)

    async def set_limits(self, user_id: str, by: Actor, change: LimitsChange) -> User:
        """Merge a change into a user's limits. Raises NotFound, Unprocessable, and Conflict for a closed account."""

        async def run() -> User:
            user = self._open_user(user_id)
            user = replace(user, limits=merged(user.limits, change))
            await self._save(by, "user.limits", user.user_id, told_limits(user.limits), users=[user], limited=user)
            return user

        return await self._changes.run(run)

    async def note(self, by: Actor, action: Action, target: str, detail: Mapping[str, object]) -> None:
        """An audit entry about something that is changed elsewhere."""
        await self._save(by, action, target, detail)

    def default_limits(self) -> Limits:
        """What a new user gets."""
        return self._default_limits

    async def set_default_limits(self, by: Actor, change: LimitsChange) -> Limits:
        """Merge a change into what new users get; those there are keep what they have. Raises Unprocessable."""

        async def run() -> Limits:
            limits = merged(self._default_limits, change)
            # Their entry comes first: a change that nobody can trace would be worse than an entry too many.
            await self._save(by, "limits.defaults", "*", told_limits(limits))
            await self._values.set_value(_DEFAULTS, msgspec.json.encode(limits))
            self._default_limits = limits
            return limits

        return await self._changes.run(run)

    def _open_user(self, user_id: str) -> User:
        user = self.user(user_id)
        if user.status == "closed":
            raise Conflict(f"The account {user.user_id!r} is closed, for good. Make a new user.", code="account_closed")
        return user

    def _make_key(
        self,
        user: User,
        name: str | None,
        expires_at: int | None,
        secret: str | None,
        limits: Limits = NO_LIMITS,
        *,
        origin: str | None = None,
    ) -> NewKey:
        self._check_end(expires_at)
        secret = secret or new_secret(user.user_id)
        digest = self._digest(secret)
        if digest in self._callers or digest == self._bootstrap:
            raise Conflict("This key is in use already. Choose another.", param="secret")
        key = Key(
            new_key_id(), user.user_id, name, shown(secret), digest, self._now(), expires_at, limits=limits,
            origin=origin,
        )  # fmt: skip
        return NewKey(key, secret)

    def _check_end(self, expires_at: int | None) -> None:
        if expires_at is not None and expires_at <= self._now():
            raise Unprocessable("The end of a key must lie ahead.", param="expires_at")

    async def _close(self, user: User, by: Actor, detail: Mapping[str, object]) -> User:
        now = self._now()
        dead = [replace(key, revoked_at=now) for key in self.keys_of(user.user_id) if key.revoked_at is None]
        ended = self.sessions.ids_of(user.user_id)
        await self._save(by, "user.close", user.user_id, detail, users=[user], keys=dead, ended=ended)
        self._cut([key.id for key in dead])
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
    ) -> None:
        if limited is not None:
            # First of all: a limit whose past cannot be read must not be in force, nor come in force at the next start.
            await self._limits_changed(limited)
        entry = by.entry(self._now(), action, target, detail)
        await self._store.save(users=[*users], keys=[*keys], ended=ended, audit=entry)
        self._put(users, keys)
        if ended:
            self.sessions.forget(ended)


def _given(wanted: UserChange | KeyChange) -> dict[str, Any]:
    return {name: value for name, value in asdict(wanted).items() if value is not UNSET}


def _told(key: Key) -> dict[str, object]:
    """What the audit log says of a key."""
    end = None if key.expires_at is None else format_time(key.expires_at)
    told = {"user_id": key.user_id, "name": key.name, "prefix": key.prefix, "expires_at": end}
    return told | told_limits(key.limits)
