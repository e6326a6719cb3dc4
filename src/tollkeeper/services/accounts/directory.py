"""Directory of all users and keys, in memory: a caller is authenticated without the database, in about 2 µs.

It is the reading half of `Accounts`, which makes the changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import AccountSuspended, Forbidden, InvalidKey, NotFound, NotSignedIn, SecondFactorMissing
from tollkeeper.rules.owners import END_USER, KEY, TEAM, Owner, Owners
from tollkeeper.rules.times import format_time
from tollkeeper.services.accounts.end_users import EndUsers
from tollkeeper.services.accounts.keys import FOREVER, key_status, valid_until
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.accounts.sessions import Sessions, ends_at
from tollkeeper.services.accounts.teams import Teams
from tollkeeper.store.ports.accounts import Key, NamedIn, User
from tollkeeper.store.ports.sessions import Session
from tollkeeper.wire.credentials import redacted, wrong_key

BOOTSTRAP = "@bootstrap"
"""The actor's name for the bootstrap admin key; no user id begins with "@"."""
_AT_ONCE = 200
"""Members of a team that follow its change before other tasks have their turn."""


class Caller(Struct, frozen=True):
    """The authenticated sender of a request: the user, the key or session used, and all owners of limits that apply.
    The credential is invalid from `valid_until` on, in milliseconds since the epoch. `team_id` is the user's team.
    `acts_by`: where requests with the key name the person it acts for ("body": there, or else in a header); None:
    nowhere. `end_user_id` is that person, once found; its owner of limits comes last."""

    user: User
    key: Key | None
    owners: Owners
    valid_until: int = FOREVER
    session: Session | None = None
    team_id: str | None = None
    acts_by: NamedIn | None = None
    end_user_id: str | None = None

    @property
    def key_id(self) -> str | None:
        """Id of the key; None in a session."""
        return None if self.key is None else self.key.id

    @property
    def credential(self) -> str:
        """Id of the key or session."""
        if self.key is not None:
            return self.key.id
        assert self.session is not None
        return self.session.id

    @property
    def queue_weight(self) -> int:
        """The user's share of the line, or else their team's. A key may have a smaller one, but not a larger: users
        make keys themselves."""
        weight = self.user.limits.queue_weight or (1 if self.team_id is None else self._weight_of_team())
        if self.key is None or weight == 1:
            return weight
        return min(weight, self.key.limits.queue_weight or weight)

    def _weight_of_team(self) -> int:
        return next((owner.limits.queue_weight for owner in self.owners if owner.kind is TEAM), None) or 1

    def allows(self, model: str) -> bool:
        """Whether every owner's limits allow a model, by canonical name."""
        return all(owner.limits.allows(model) for owner in self.owners)


class Directory:
    """Users, keys and teams in memory. `digest` makes the digest that a key is found by; `now` is milliseconds since
    the epoch; `bootstrap` is the digest of the bootstrap admin key. User ids are looked up whatever their case."""

    def __init__(
        self,
        digest: Callable[[str], bytes],
        now: Callable[[], int],
        sessions: Sessions,
        teams: Teams,
        end_users: EndUsers,
        *,
        bootstrap: bytes | None = None,
    ) -> None:
        self.sessions = sessions
        self.teams = teams
        teams.changed = self._follow_team
        end_users.is_open = self._is_open
        self.end_users = end_users
        self.digest = digest
        self._now = now
        self._bootstrap = bootstrap
        self._users: dict[str, User] = {}
        self._owners: dict[str, Owners] = {}
        """Owners of limits on requests in a session, by user id."""
        self._keys: dict[str, Key] = {}
        self._keys_of: dict[str, list[str]] = {}
        self._callers: dict[bytes, Caller] = {}
        self._used: dict[str, int] = {}
        self._used_before: dict[str, int] = {}
        self.lacks_factor: Callable[[User], bool] = lambda _: False
        """Whether a user must set up a second factor before a session by password opens anything."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._users)} users, {len(self._keys)} keys)"

    def identify(self, secret: str, digest: bytes | None = None, now: int | None = None) -> Caller:
        """Authenticate by a key; its `digest` may be known already, and the time. Raises InvalidKey, AccountSuspended,
        and Forbidden for the bootstrap admin key, which has no user."""
        caller = self._callers.get(self.digest(secret) if digest is None else digest)
        if caller is None:
            raise self._not_a_user(secret)
        now = self._now() if now is None else now
        if now >= caller.valid_until or caller.user.status != "active":
            raise _denial(caller, redacted(secret), now)
        assert caller.key is not None
        self._used[caller.key.id] = now
        return caller

    def holder(self, secret: str) -> Caller | None:
        """The caller whose key this is or was, whatever its state; None: nobody's that is known."""
        return self._callers.get(self.digest(secret))

    def refresh(self, caller: Caller) -> Caller:
        """The caller in its current state. Raises InvalidKey, NotSignedIn, AccountSuspended when it has lost access
        since it was authenticated."""
        if caller.key is None:
            return self._of_session(caller.credential)
        current = self._callers.get(caller.key.digest)
        if current is None:  # its account was erased, or it was deleted as one of too many that were revoked
            raise wrong_key(caller.key.prefix, "It is no longer valid: use another, or ask an admin for one.")
        until = current.valid_until  # few keys expire, and what does not needs no clock
        if current.user.status != "active" or (until < FOREVER and self._now() >= until):
            raise _denial(current, caller.key.prefix, self._now())
        if caller.end_user_id is None:
            return current
        return _for_end_user(current, self.end_users.current(caller.owners[-1]))

    async def act_for(self, caller: Caller, name: str, *, make: bool = True) -> Caller:
        """The caller as it asks for the person of this name, whom its key acts for. `make` False: where nobody has the
        name yet, nobody is made, and the caller asks for itself. Raises Forbidden where the key may not act for this
        person, LedgerUnavailable, and what `refresh` does: a body may have taken long to arrive."""
        caller = self.refresh(caller)
        user_id, end_users = caller.user.user_id, self.end_users
        acting = None if caller.key is None else caller.key.acting
        if acting is None:  # not any more
            return caller
        if make:
            return _for_end_user(caller, await end_users.named(user_id, name, acting))
        known = await end_users.known(user_id, name)
        return caller if known is None else _for_end_user(caller, known)

    def identify_session(self, token: str, *, even_suspended: bool = False, even_one_factor: bool = False) -> Caller:
        """Authenticate by the token in a session's cookie. `even_one_factor`: also a user who lacks the second factor
        that they need. Raises NotSignedIn, AccountSuspended, SecondFactorMissing."""
        caller = self._of_session(
            self.sessions.id_of(token), even_suspended=even_suspended, even_one_factor=even_one_factor
        )
        assert caller.session is not None
        return replace(caller, session=self.sessions.touch(caller.session))

    def _of_session(self, session_id: str, *, even_suspended: bool = False, even_one_factor: bool = False) -> Caller:
        session = self.sessions.alive(session_id)
        if session is None:
            raise NotSignedIn("You are not signed in, or no longer. Sign in again.")
        user = self._users[session.user_id.lower()]
        if user.status != "active" and not even_suspended:
            raise suspended(user)
        # Of a session that began at an OpenID provider, the second factor is the provider's business.
        if session.issuer is None and not even_one_factor and self.lacks_factor(user):
            raise SecondFactorMissing("Your account needs a second factor. Set it up first, at /ui/login.")
        return Caller(user, None, self.owners_of(user.user_id), ends_at(session), session, user.team_id)

    def knows(self, secret: str) -> bool:
        """Whether a key exists, valid or not: revoked ones do, and so does the bootstrap admin key."""
        digest = self.digest(secret)
        return digest in self._callers or digest == self._bootstrap

    def is_bootstrap(self, secret: str) -> bool:
        """Whether this is the bootstrap admin key."""
        return self.digest(secret) == self._bootstrap

    def identify_admin(self, secret: str) -> str:
        """Authenticate an admin by a key, and return their name. Raises InvalidKey, AccountSuspended, Forbidden."""
        if self.is_bootstrap(secret):
            return BOOTSTRAP
        return admin(self.identify(secret))

    def users(self) -> list[User]:
        """All users, ordered by user id."""
        return [self._users[name] for name in sorted(self._users)]

    def user(self, user_id: str) -> User:
        """The user with this id. Raises NotFound."""
        user = self._users.get(user_id.lower())
        if user is None:
            raise NotFound(f"There is no user {user_id[:64]!r}.", param="user_id")
        return user

    def _is_open(self, user_id: str) -> bool:
        """Whether there is an account with this id that is not closed."""
        user = self._users.get(user_id.lower())
        return user is not None and user.status != "closed"

    def has_user(self, user_id: str) -> bool:
        return user_id.lower() in self._users

    def keys_of(self, user_id: str) -> list[Key]:
        """All keys of a user, inactive ones included, oldest first. Raises NotFound."""
        return [self.key(key_id) for key_id in self._keys_of.get(self.user(user_id).user_id, ())]

    def keys(self) -> list[Key]:
        """All keys of all users, inactive ones included."""
        return list(self._keys.values())

    def owners_of(self, user_id: str) -> Owners:
        """Owners of limits on a user's requests in a session, and on adjustments of the user's cost."""
        return self._owners[user_id]

    async def owners_of_use(
        self, user_id: str, key_id: str | None, team_id: str | None, end_user_id: str | None
    ) -> Owners:
        """Owners of the limits that counted what a user used, with a key or in a session, in a team and for an end
        user, as they are now; without those that are gone, as `limit_owner` says. Raises StoreError."""
        key = None if key_id is None else self._keys.get(key_id)
        found = [
            await self.limit_owner("user", user_id, user_id),
            None if key is None else await self.limit_owner("key", key.counter_id, user_id),
            None if team_id is None else await self.limit_owner("team", team_id, None),
            None if end_user_id is None else await self.limit_owner("end_user", end_user_id, user_id),
        ]
        return tuple(owner for owner in found if owner is not None)

    async def limit_owner(self, kind: str, owner_id: str, user_id: str | None) -> Owner | None:
        """An owner of limits by its scope, as it is now; `user_id`: the user that it is or belongs to. Of a key and its
        successors, which count as one, it is the newest. None: it is gone, or closed, or revoked. Raises StoreError."""
        if kind == END_USER.name:
            return await self.end_users.owner(owner_id)
        if kind == TEAM.name:
            return self.teams.open_owner(owner_id)
        if kind == KEY.name:
            keys = (self._keys[key_id] for key_id in self._keys_of.get(user_id or "", ()))
            same = [key for key in keys if key.counter_id == owner_id]
            newest = max(same, key=lambda key: key.created_at, default=None)
            return None if newest is None or newest.revoked_at is not None else owner_of(newest)
        user = self._users.get(owner_id.lower())
        return None if user is None or user.status == "closed" else self._owners[user.user_id][0]

    def addresses_of(self, user_id: str | None, team_id: str | None) -> list[str]:
        """The e-mail addresses of a user and of the admins of a team, as far as they have given any and may sign in."""
        names = [] if team_id is None else self.teams.members(team_id)
        members = (self._users[name.lower()] for name in names)
        concerned = [user for user in members if user.team_admin]
        if user_id is not None and (user := self._users.get(user_id.lower())) is not None:
            concerned.append(user)
        return [user.email for user in concerned if user.status == "active" and user.email is not None]

    def owners(self) -> Iterator[Owner]:
        """Every owner of limits. A rotated key and its successor are two, with the same id."""
        for owner, *_ in self._owners.values():
            yield owner
        yield from self.teams.owners()
        yield from map(owner_of, self._keys.values())

    def key(self, key_id: str) -> Key:
        """The key with this id, its `last_used_at` up to date. Raises NotFound."""
        key = self._keys.get(key_id)
        if key is None:
            raise NotFound(f"There is no key {key_id[:64]!r}.", param="key_id")
        used = self._used.get(key_id) or self._used_before.get(key_id)
        return key if used is None else replace(key, last_used_at=used)

    def last_seen(self, user_id: str) -> int | None:
        """Time of the last use of any key or current session of a user; None: never."""
        used, before, keys = self._used, self._used_before, self._keys
        moments = [used.get(key) or before.get(key) or keys[key].last_used_at for key in self._keys_of.get(user_id, ())]
        moments += [session.last_used_at for session in self.sessions.of(user_id)]
        return max((moment for moment in moments if moment is not None), default=None)

    def _put(self, users: Iterable[User] = (), keys: Iterable[Key] = ()) -> None:
        for user in users:
            name = user.user_id.lower()
            self.teams.place(self._users.get(name), user)
            self._users[user.user_id if name == user.user_id else name] = user  # saves a copy of the id
            self._put_owners(user)
        for key in keys:
            if key.id not in self._keys:
                self._keys_of.setdefault(key.user_id, []).append(key.id)
            self._keys[key.id] = key
            self._put_caller(self._users[key.user_id.lower()], key)

    def _put_owners(self, user: User) -> None:
        owner = owner_of(user)
        self._owners[user.user_id] = (owner,) if user.team_id is None else (owner, self.teams.owner(user.team_id))
        for key_id in self._keys_of.get(user.user_id, ()):
            self._put_caller(user, self._keys[key_id])

    def _put_caller(self, user: User, key: Key) -> None:
        of_user, *team = self._owners[user.user_id]
        owners = (of_user, owner_of(key), *team)
        acts_by = None if key.acting is None else key.acting.named_in
        self._callers[key.digest] = Caller(user, key, owners, valid_until(key), team_id=user.team_id, acts_by=acts_by)

    async def _follow_team(self, team_id: str) -> None:
        """Give a team's members its new owner. No user changes meanwhile: all changes are made one at a time."""
        for count, user_id in enumerate(self.teams.members(team_id), 1):
            self._put_owners(self._users[user_id.lower()])
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def _drop(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._keys_of[key.user_id].remove(key.id)
            del self._keys[key.id], self._callers[key.digest]
            self._used.pop(key.id, None)
            self._used_before.pop(key.id, None)

    def _take_out(self, user: User) -> None:
        """Remove a user, with their keys."""
        self.teams.place(user, replace(user, team_id=None))
        self._drop(self.keys_of(user.user_id))
        self._keys_of.pop(user.user_id, None)
        del self._users[user.user_id.lower()], self._owners[user.user_id]

    def _not_a_user(self, secret: str) -> InvalidKey | Forbidden:
        if self.is_bootstrap(secret):
            return Forbidden(
                "The bootstrap admin key has no user of its own: it opens admin paths only (GET /admin/usage shows "
                "everyone's usage). Make a user with POST /admin/users, and use its key here."
            )
        return wrong_key(redacted(secret), "Check it, or ask an admin for one.")


def _for_end_user(caller: Caller, owner: Owner) -> Caller:
    return replace(caller, owners=(*caller.owners, owner), end_user_id=owner.id)


def admin(caller: Caller) -> str:
    """The user id of a caller who is an admin. Raises Forbidden for others."""
    if caller.user.role != "admin":
        raise Forbidden("This needs an admin: the key of one, or their session.")
    return caller.user.user_id


def suspended(user: User) -> AccountSuspended:
    return AccountSuspended(f"The account {user.user_id!r} is suspended. Ask an admin to make it active again.")


def _denial(caller: Caller, shown: str, now: int) -> InvalidKey | AccountSuspended:
    assert caller.key is not None
    status = key_status(caller.key, now)
    if status == "revoked":
        return wrong_key(shown, "It was revoked: use another, or ask an admin for one.")
    if status == "expired":
        moment = format_time(valid_until(caller.key))
        return wrong_key(shown, f"It expired at {moment}: use another, or ask an admin for one.")
    if caller.user.status == "closed":
        return wrong_key(shown, "Its account is closed: use another, or ask an admin for one.")
    return suspended(caller.user)
