"""Signing in with a password and, where there is one, a second factor; changing one's own password.

Attempts are throttled by name and by address. Guessing a user's password from elsewhere cannot lock the user out: the
wait is bounded by minutes, and addresses from which the name signed in before, with all its factors, are counted
separately.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from ipaddress import IPv6Address, ip_address
from typing import TypeVar

from msgspec import Struct

from tollkeeper.rules.errors import (
    AccountSuspended,
    Forbidden,
    GatewayError,
    InvalidCredentials,
    NotFound,
    NotSignedIn,
    RateLimited,
)
from tollkeeper.rules.turns import Requester
from tollkeeper.services.accounts.accounts import Accounts, UserChange
from tollkeeper.services.accounts.directory import suspended
from tollkeeper.services.accounts.second_factors import SecondFactors
from tollkeeper.services.accounts.sessions import NewSession
from tollkeeper.services.accounts.throttle import Throttle
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.audit import UNKNOWN
from tollkeeper.store.ports.sessions import Session

T = TypeVar("T")
_NAME_FREE, _NAME_LONGEST_MS = 5, 300_000
_ADDRESS_FREE, _ADDRESS_LONGEST_MS = 20, 60_000
_MOST_KNOWN = 10_000
_CHALLENGE_LASTS_MS = 300_000
_MOST_CHALLENGES_OF_A_USER = 5


class SecondFactorNeeded(Exception):
    """The password was right, and a code of the second factor is needed: `second_step` takes it with the `challenge`,
    until `expires_at`, in milliseconds since the epoch."""

    def __init__(self, challenge: str, expires_at: int) -> None:
        super().__init__("a second factor is needed")
        self.challenge = challenge
        self.expires_at = expires_at


class _Challenge(Struct, frozen=True):
    """A sign-in whose password was right."""

    user: User
    expires_at: int


class SignIn:
    """Signs users in and changes their passwords. `now` is milliseconds since the epoch. `passwords`: whether a
    password signs anybody in."""

    def __init__(
        self, accounts: Accounts, factors: SecondFactors, now: Callable[[], int], *, passwords: bool = True
    ) -> None:
        self._accounts = accounts
        self._factors = factors
        self._now = now
        self.passwords = passwords
        self._codes = Throttle(now, free=_NAME_FREE, longest_ms=_NAME_LONGEST_MS)
        self._challenges: OrderedDict[str, _Challenge] = OrderedDict()
        """Sign-ins that wait for a second factor, the oldest first."""
        self._names = Throttle(now, free=_NAME_FREE, longest_ms=_NAME_LONGEST_MS)
        self._addresses = Throttle(now, free=_ADDRESS_FREE, longest_ms=_ADDRESS_LONGEST_MS)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Names, each with an address from which it signed in before; the least recent first."""

    def __repr__(self) -> str:
        return f"SignIn({self._names!r}, {self._addresses!r})"

    async def sign_in(
        self, name: str, password: str, address: str | None, *, replaces: str | None = None
    ) -> tuple[User, NewSession]:
        """Begin a session; that of the token `replaces` ends. Raises InvalidCredentials, AccountSuspended, RateLimited,
        ServerOverloaded, Forbidden where passwords sign nobody in, and SecondFactorNeeded."""
        try:
            user = await self._verified(name, password, address)
        except (InvalidCredentials, AccountSuspended) as error:
            await self._note_failure(name, address, error)
            raise
        if self._factors.is_on(user.user_id):
            raise self._challenge(user)
        self._remember(user, address)
        return user, await self._begin(user, address, replaces, one_factor=True)

    async def second_step(
        self, challenge: str, code: str, address: str | None, *, replaces: str | None = None
    ) -> tuple[User, NewSession]:
        """Begin the session of a sign-in that needs a second factor. Raises NotSignedIn where the challenge is unknown
        or over; otherwise as `sign_in` does."""
        self._drop_expired()
        waiting = self._challenges.get(challenge)
        if waiting is None:
            raise NotSignedIn("This sign-in took too long, or has ended. Begin it anew with your password.")
        try:
            await self.check_code(waiting.user, code, address)
        except InvalidCredentials as error:
            await self._note_failure(waiting.user.user_id, address, error)
            raise
        self._challenges.pop(challenge, None)
        self._remember(waiting.user, address)
        return waiting.user, await self._begin(waiting.user, address, replaces)

    async def _note_failure(self, name: str, address: str | None, error: GatewayError) -> None:
        """Save an audit entry for a sign-in that failed; of a name that is nobody's as well, so that how long it takes
        does not tell. The throttle bounds how many there are."""
        try:
            target = self._accounts.user(name).user_id
        except NotFound:
            target = UNKNOWN
        await self._accounts.note(Actor(UNKNOWN, address), "user.sign_in_failed", target, {"code": error.code})

    async def check_password(self, user: User, password: str, address: str | None) -> None:
        """Check the password of a user who is signed in. Raises as `sign_in` does."""
        await self._verified(user.user_id, password, address)

    async def check_code(self, user: User, code: str, address: str | None) -> None:
        """Use up a code of a user's second factor, or a recovery code. Raises InvalidCredentials, RateLimited, and
        Conflict for a user without a second factor."""
        by = Actor(user.user_id, address)
        await self._throttled(user, address, lambda: self._factors.accept(user.user_id, code, by))

    async def turn_on(
        self, user: User, session: Session, code: str, address: str | None, *, replaces: str
    ) -> tuple[list[str], NewSession | None]:
        """Turn a user's second factor on, by a code of the secret that was set up, and return the recovery codes. All
        sessions that a password alone began end: whoever else knows it may have one. A new one begins in place of the
        user's `session`, the one with the token `replaces`; None: that one began at a provider, and goes on. Raises as
        `check_code` does."""
        by = Actor(user.user_id, address)

        async def end_sessions() -> None:
            await self._accounts.sessions.end_of_password(user.user_id)

        codes = await self._throttled(
            user, address, lambda: self._factors.confirm(user, code, by, turned_on=end_sessions)
        )
        self._remember(user, address)
        return codes, None if session.issuer is not None else await self._begin(user, address, replaces)

    async def _throttled(self, user: User, address: str | None, check: Callable[[], Awaitable[T]]) -> T:
        """Check a code of a user's, unless there were too many. Raises RateLimited, and what the check raises."""
        counted = self._counted(user.user_id, network_of(address))
        wait = self._codes.wait_ms(counted)
        if wait:
            raise _too_many(wait)
        self._codes.count(counted)
        found = await check()
        self._codes.clear(counted)
        return found

    async def _begin(
        self, user: User, address: str | None, replaces: str | None, *, one_factor: bool = False
    ) -> NewSession:
        """Begin a session; `one_factor`: of a user who has proved nothing but a password."""
        return await self._accounts.sessions.begin(
            user.user_id,
            Actor(user.user_id, address),
            still=lambda: self._check_still(user, one_factor=one_factor),
            replaces=replaces,
        )

    def _challenge(self, user: User) -> SecondFactorNeeded:
        """Have a sign-in wait for its second factor."""
        self._drop_expired()
        own = [each for each, waiting in self._challenges.items() if waiting.user.user_id == user.user_id]
        if len(own) >= _MOST_CHALLENGES_OF_A_USER:
            del self._challenges[own[0]]
        elif len(self._challenges) >= _MOST_KNOWN:
            self._challenges.popitem(last=False)
        challenge = secrets.token_urlsafe(32)
        expires_at = self._now() + _CHALLENGE_LASTS_MS
        self._challenges[challenge] = _Challenge(user, expires_at)
        return SecondFactorNeeded(challenge, expires_at)

    def _drop_expired(self) -> None:
        while self._challenges and self._now() >= next(iter(self._challenges.values())).expires_at:
            self._challenges.popitem(last=False)

    async def change_password(
        self, user: User, current: str, wanted: str, address: str | None, *, replaces: str
    ) -> tuple[User, NewSession]:
        """Set a new password, and replace all sessions by a new one. Raises as `sign_in` does."""
        one_factor = not self._factors.is_on(user.user_id)
        user = await self._verified(user.user_id, current, address)
        self._remember(user, address)
        by = Actor(user.user_id, address)
        changed = await self._accounts.update_user(
            user.user_id, by, UserChange(password=wanted), still=lambda _: self._check_still(user)
        )
        return changed, await self._begin(changed, address, replaces, one_factor=one_factor)

    async def _verified(self, name: str, password: str, address: str | None) -> User:
        """The user with this name and password, if they may sign in."""
        if not self.passwords:
            raise Forbidden("Passwords sign nobody in here: sign in by a provider, at /ui/login.")
        place = network_of(address)
        counted = self._counted(name, place)
        self._count(counted, place)
        try:
            user = self._accounts.user(name)
        except NotFound:
            user = None
        try:
            kept = user.password_hash if user else None
            right = await self._accounts.passwords.verify(kept, password, Requester(place, name.lower()))
        except GatewayError:
            self._names.take_back(counted)  # the password was not checked
            raise
        if not right or user is None or user.status == "closed":
            self._addresses.count(place)
            raise _wrong()
        if user.status != "active":
            self._addresses.count(place)  # counted as the others are that fail, each of which is in the audit log
            raise suspended(user)
        self._names.clear(counted)
        return user

    def forget(self, user_id: str) -> None:
        """Drop what is known of a user who was erased, whose id another person may get."""
        for known in [known for known in self._known if known[0] == user_id.lower()]:
            del self._known[known]
        for challenge in [each for each, waiting in self._challenges.items() if waiting.user.user_id == user_id]:
            del self._challenges[challenge]

    def _count(self, name: Hashable, place: str) -> None:
        """Count an attempt at a name before it is made, so that many at once cannot bypass the limit. At an address
        only failed attempts count: many people may share one and sign in at the same time; the line before the password
        check bounds them. Raises RateLimited."""
        wait = max(self._names.wait_ms(name), self._addresses.wait_ms(place))
        if wait:
            raise _too_many(wait)
        self._names.count(name)

    def _counted(self, name: str, place: str) -> Hashable:
        """What the attempts at a name are counted under."""
        known = (name.lower(), place)
        return known if known in self._known else name.lower()

    def _remember(self, user: User, address: str | None) -> None:
        """Remember an address from which a user has signed in, with all factors."""
        known = (user.user_id.lower(), network_of(address))
        self._known[known] = None
        self._known.move_to_end(known)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    def _check_still(self, verified: User, *, one_factor: bool = False) -> None:
        """Check again in the queue of changes, since the user may have changed since the password was verified, and
        have set up a second factor. Raises InvalidCredentials, AccountSuspended, NotSignedIn."""
        user = self._accounts.user(verified.user_id)
        if user.password_hash != verified.password_hash or user.status == "closed":
            raise _wrong()
        if user.status != "active":
            raise suspended(user)
        if one_factor and self._factors.is_on(user.user_id):
            raise NotSignedIn("A second factor was set up meanwhile. Sign in again, with a code of it.")


def _too_many(wait_ms: int) -> RateLimited:
    return RateLimited(
        f"There were too many attempts to sign in. Try again in {wait_ms / 1000:.3g} s.",
        quantity="requests", retry_after=wait_ms / 1000, should_retry=False,
    )  # fmt: skip


def _wrong() -> InvalidCredentials:
    return InvalidCredentials("The name or the password is wrong. Check both, or ask an admin for a new password.")


def network_of(address: str | None) -> str:
    """The network that counts as one address: of IPv6 the /64, all of which usually belongs to one host."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or int(found) >> 64)
    return str(found)
