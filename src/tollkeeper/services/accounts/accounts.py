"""Accounts: changes to users, and the limits that new ones get.

Each change is saved in one transaction with its audit entry, and applied in memory right after: it takes effect at the
next request. A change to a user is one to their keys and sessions as well: all go through one queue
(`changes/saving.py`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.owners import Owner
from tollkeeper.services.accounts.changes.bulk import BulkChanges
from tollkeeper.services.accounts.changes.saving import Action, LimitsChanged, given_fields
from tollkeeper.services.accounts.end_users import EndUsers
from tollkeeper.services.accounts.keys import NewKey
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.accounts.passwords import Passwords
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.limits.changes import LimitsChange, audited_limits, merged
from tollkeeper.store.ports.accounts import AccountStore, Role, User, UserStatus
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.ports.installation import Installation
from tollkeeper.store.ports.limit_templates import LimitTemplate
from tollkeeper.store.ports.sessions import SessionStore
from tollkeeper.store.ports.teams import TeamStore

USER_ID = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_OPAQUE = r"u_[0-9a-f]{24}"
"""The ids that are left of persons who were forgotten, and those that records have in place of names."""
_DEFAULTS = "default_limits"


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


class Accounts(BulkChanges):
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
        super().__init__(
            store,
            kept_sessions,
            kept_teams,
            digest,
            now,
            outbox=outbox,
            end_users=end_users,
            bootstrap=bootstrap,
            credentials_ended=credentials_ended,
            suspended=suspended,
            limits_changed=limits_changed,
            forgotten=forgotten,
        )
        self._installation = installation
        self._default_limits = NO_LIMITS
        self.passwords = passwords

    async def load(self) -> None:
        """Read everything from the store. Call it once, at the start."""
        await super().load()
        defaults = await self._installation.value(_DEFAULTS)
        self._default_limits = msgspec.json.decode(defaults, type=Limits) if defaults else NO_LIMITS

    async def create_user(
        self,
        user_id: str,
        by: Actor,
        *,
        role: Role = "user",
        name: str | None = None,
        password: str | None = None,
        limits: LimitsChange | None = None,
        template: LimitTemplate | None = None,
        secret: str | None = None,
        team: str | None = None,
        team_admin: bool = False,
        address: str | None = None,
        tax_id: str | None = None,
        email: str | None = None,
    ) -> tuple[User, NewKey]:
        """Create a user with a first key. `secret` is set only where anyone may know it (the demo). `limits` are merged
        into those of the `template`, None: into the default limits. `team` is the id of a team. Raises Conflict when
        the id is taken, whatever its case, even by a closed account, and Unprocessable."""
        _check_user_id(user_id)
        hashed = None if password is None else await self.passwords.hash(password)

        async def change() -> tuple[User, NewKey]:
            self._check_free(user_id)
            base = self._default_limits if template is None else template.limits
            allowed = merged(base, limits or {}, "limits.")
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
            if template is not None:
                detail["limit_template"] = template.id
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
        given = given_fields(wanted)
        if "team" in given:
            team = given.pop("team")
            team_id = None if team is None else self.teams.joinable(team).team_id
            given["team_id"] = team_id
            if team_id != user.team_id:
                given.setdefault("team_admin", False)
        return given

    async def _close(self, user: User, by: Actor, detail: Mapping[str, object]) -> User:
        now = self._now()
        dead = [replace(key, revoked_at=now) for key in self.keys_of(user.user_id) if key.revoked_at is None]
        ended = self.sessions.ids_of(user.user_id)
        [user], _ = await self._save(by, "user.close", user.user_id, detail, users=[user], keys=dead, ended=ended)
        self._credentials_ended([key.id for key in dead])
        return user


def _check_user_id(user_id: str) -> None:
    if re.fullmatch(_OPAQUE, user_id):
        raise Unprocessable("Ids of this form are the gateway's own. Choose another.", param="user_id")
    if not re.fullmatch(USER_ID, user_id):
        raise Unprocessable(
            "A user_id has 1 to 64 letters, digits and . _ @ -, and begins with a letter or digit.", param="user_id"
        )


def _check_team_admin(user: User) -> None:
    if user.team_admin and user.team_id is None:
        raise Unprocessable("'team_admin' needs a team: set 'team' as well.", param="team_admin")
