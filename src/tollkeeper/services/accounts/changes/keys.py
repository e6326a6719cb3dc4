"""Changes to keys."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.times import format_time
from tollkeeper.services.accounts.acting import ActingChange, audited_acting, changed_acting
from tollkeeper.services.accounts.changes.saving import AccountChanges, Action, given_fields
from tollkeeper.services.accounts.keys import (
    NewKey,
    check_room,
    key_status,
    new_key_id,
    new_secret,
    outlived,
    successor,
)
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.limits.changes import LimitsChange, audited_limits, merged
from tollkeeper.store.ports.accounts import Acting, Key, User
from tollkeeper.wire.credentials import redacted


class KeyChange(Struct, frozen=True):
    """A change to a key; fields that are unset stay. None removes a name, an expiry or all limits; limits are merged
    into the present ones."""

    name: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET
    limits: LimitsChange | UnsetType | None = UNSET
    acting: ActingChange | UnsetType = UNSET


class AccountKeys(AccountChanges):
    """The keys of users, with every change to them."""

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
            given = given_fields(wanted)
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
        digest = self.digest(secret)
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


def _audited_key(key: Key) -> dict[str, object]:
    """A key in the form of the audit log."""
    end = None if key.expires_at is None else format_time(key.expires_at)
    audited = {"user_id": key.user_id, "name": key.name, "prefix": key.prefix, "expires_at": end}
    return audited | audited_acting(key.acting) | audited_limits(key.limits)
