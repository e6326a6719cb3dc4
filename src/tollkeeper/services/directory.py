"""All users and keys, in memory: who is asking is answered without a database, in about 2 µs.

This is the reading half of `Accounts`; what changes it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import AccountSuspended, Forbidden, InvalidKey, NotFound, NotSignedIn
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.times import format_time
from tollkeeper.services.keys import FOREVER, dies_at, key_status, shown
from tollkeeper.services.sessions import Sessions, ends_at
from tollkeeper.store.ports import Key, Session, User

BOOTSTRAP = "@bootstrap"
"""The name of whoever holds the bootstrap admin key; no user id begins with "@"."""


class Caller(Struct, frozen=True):
    """Who is asking, and with which key, or in which session. From `dies_at` on the key no longer opens."""

    user: User
    key: Key | None
    dies_at: int = FOREVER
    session: Session | None = None

    @property
    def key_id(self) -> str | None:
        """None in a session: no key was used."""
        return None if self.key is None else self.key.id

    @property
    def counted_as(self) -> str | None:
        """The id under which the key's limits count; None in a session."""
        return None if self.key is None else self.key.counted_as

    @property
    def credential(self) -> str:
        """The id of the key or session: what `cut` names when it ends."""
        if self.key is not None:
            return self.key.id
        assert self.session is not None
        return self.session.id

    @property
    def limits(self) -> tuple[Limits, Limits]:
        """The user's, and the key's."""
        return self.user.limits, NO_LIMITS if self.key is None else self.key.limits

    def allows(self, model: str) -> bool:
        """Whether both the user and the key may use a model, by canonical name."""
        return all(limits.allows(model) for limits in self.limits)


class Directory:
    """`digest` is what a key is found by, `now` milliseconds since the epoch, `bootstrap` the digest of the bootstrap
    admin key. User ids are looked up whatever their case."""

    def __init__(
        self,
        digest: Callable[[str], bytes],
        now: Callable[[], int],
        sessions: Sessions,
        *,
        bootstrap: bytes | None = None,
    ) -> None:
        self.sessions = sessions
        self._digest = digest
        self._now = now
        self._bootstrap = bootstrap
        self._users: dict[str, User] = {}
        self._keys: dict[str, Key] = {}
        self._keys_of: dict[str, list[str]] = {}
        self._callers: dict[bytes, Caller] = {}
        self._used: dict[str, int] = {}
        self._used_before: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._users)} users, {len(self._keys)} keys)"

    def identify(self, secret: str) -> Caller:
        """Who this key belongs to. Raises InvalidKey, AccountSuspended, and Forbidden for the bootstrap admin key,
        which has no user."""
        caller = self._callers.get(self._digest(secret))
        if caller is None:
            raise self._stranger(secret)
        now = self._now()
        if now >= caller.dies_at or caller.user.status != "active":
            raise _turned_away(caller, secret, now)
        assert caller.key is not None
        self._used[caller.key.id] = now
        return caller

    def again(self, caller: Caller) -> Caller:
        """The same caller as it is now. Raises InvalidKey, NotSignedIn, AccountSuspended when it has lost its access
        since."""
        if caller.key is None:
            return self._of_session(caller.credential)
        current, now = self._callers[caller.key.digest], self._now()
        if now >= current.dies_at or current.user.status != "active":
            raise _turned_away(current, caller.key.prefix, now)
        return current

    def identify_session(self, token: str, *, even_suspended: bool = False) -> Caller:
        """Who is signed in with this cookie. Raises NotSignedIn, AccountSuspended."""
        caller = self._of_session(self.sessions.id_of(token), even_suspended=even_suspended)
        assert caller.session is not None
        return replace(caller, session=self.sessions.touch(caller.session))

    def _of_session(self, session_id: str, *, even_suspended: bool = False) -> Caller:
        session = self.sessions.alive(session_id)
        if session is None:
            raise NotSignedIn("You are not signed in, or no longer. Sign in again.")
        user = self._users[session.user_id.lower()]
        if user.status != "active" and not even_suspended:
            raise suspended(user)
        return Caller(user, None, ends_at(session), session)

    def identify_admin(self, secret: str) -> str:
        """The name of the admin this key belongs to. Raises InvalidKey, AccountSuspended, Forbidden."""
        if self._digest(secret) == self._bootstrap:
            return BOOTSTRAP
        return admin(self.identify(secret))

    def users(self) -> list[User]:
        """Everyone, by user id."""
        return [self._users[name] for name in sorted(self._users)]

    def user(self, user_id: str) -> User:
        """Raises NotFound."""
        user = self._users.get(user_id.lower())
        if user is None:
            raise NotFound(f"There is no user {user_id[:64]!r}.", param="user_id")
        return user

    def keys_of(self, user_id: str) -> list[Key]:
        """All keys of a user, dead ones too, oldest first. Raises NotFound."""
        return [self.key(key_id) for key_id in self._keys_of.get(self.user(user_id).user_id, ())]

    def key(self, key_id: str) -> Key:
        """With its `last_used_at` of this moment. Raises NotFound."""
        key = self._keys.get(key_id)
        if key is None:
            raise NotFound(f"There is no key {key_id[:64]!r}.", param="key_id")
        used = self._used.get(key_id) or self._used_before.get(key_id)
        return key if used is None else replace(key, last_used_at=used)

    def last_seen(self, user_id: str) -> int | None:
        """When any key of a user was last used, or a session that they still have; None: never."""
        used, before, keys = self._used, self._used_before, self._keys
        moments = [used.get(key) or before.get(key) or keys[key].last_used_at for key in self._keys_of.get(user_id, ())]
        moments += [session.last_used_at for session in self.sessions.of(user_id)]
        return max((moment for moment in moments if moment is not None), default=None)

    def _put(self, users: Iterable[User] = (), keys: Iterable[Key] = ()) -> None:
        for user in users:
            name = user.user_id.lower()
            self._users[user.user_id if name == user.user_id else name] = user  # the same text, not one more
            for key_id in self._keys_of.get(user.user_id, ()):
                key = self._keys[key_id]
                self._callers[key.digest] = Caller(user, key, dies_at(key))
        for key in keys:
            if key.id not in self._keys:
                self._keys_of.setdefault(key.user_id, []).append(key.id)
            self._keys[key.id] = key
            self._callers[key.digest] = Caller(self._users[key.user_id.lower()], key, dies_at(key))

    def _stranger(self, secret: str) -> InvalidKey | Forbidden:
        if not secret:
            return InvalidKey("No API key was given: send it as 'Authorization: Bearer <key>'.")
        if self._digest(secret) == self._bootstrap:
            return Forbidden(
                "The bootstrap admin key has no user of its own: it opens admin paths only (GET /admin/usage shows "
                "everyone's usage). Make a user with POST /admin/users, and use its key here."
            )
        return InvalidKey(f"The API key {shown(secret)} is not known here. Check it, or ask an admin for one.")


def admin(caller: Caller) -> str:
    """The name of a caller who is an admin. Raises Forbidden."""
    if caller.user.role != "admin":
        raise Forbidden("This needs an admin: the key of one, or their session.")
    return caller.user.user_id


def suspended(user: User) -> AccountSuspended:
    return AccountSuspended(f"The account {user.user_id!r} is suspended. Ask an admin to make it active again.")


def _turned_away(caller: Caller, secret: str, now: int) -> InvalidKey | AccountSuspended:
    assert caller.key is not None
    status = key_status(caller.key, now)
    if status == "revoked":
        return InvalidKey(f"The API key {shown(secret)} was revoked. Use another, or ask an admin for one.")
    if status == "expired":
        moment = format_time(dies_at(caller.key))
        return InvalidKey(f"The API key {shown(secret)} expired at {moment}. Use another, or ask an admin for one.")
    if caller.user.status == "closed":
        return InvalidKey(f"The API key {shown(secret)} belongs to an account that is closed.")
    return suspended(caller.user)
