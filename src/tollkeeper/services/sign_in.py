"""Signing in with a password, and changing one's own.

Guessing is slowed down by name and by address. Whoever guesses at a name from elsewhere cannot lock its owner out: the
wait has a bound of minutes, and addresses from which the name signed in before are counted by themselves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from ipaddress import IPv6Address, ip_address

from tollkeeper.rules.errors import GatewayError, InvalidCredentials, NotFound, RateLimited
from tollkeeper.services.accounts import Accounts, UserChange
from tollkeeper.services.audit import Actor
from tollkeeper.services.directory import suspended
from tollkeeper.services.sessions import NewSession
from tollkeeper.services.throttle import Throttle
from tollkeeper.store.ports import User

_NAME_FREE, _NAME_LONGEST_MS = 5, 300_000
_ADDRESS_FREE, _ADDRESS_LONGEST_MS = 20, 60_000
_MOST_KNOWN = 10_000


class SignIn:
    """`now` is milliseconds since the epoch."""

    def __init__(self, accounts: Accounts, now: Callable[[], int]) -> None:
        self._accounts = accounts
        self._names = Throttle(now, free=_NAME_FREE, longest_ms=_NAME_LONGEST_MS)
        self._addresses = Throttle(now, free=_ADDRESS_FREE, longest_ms=_ADDRESS_LONGEST_MS)
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        """Names, each with an address from which it signed in."""

    def __repr__(self) -> str:
        return f"SignIn({self._names!r}, {self._addresses!r})"

    async def sign_in(
        self, name: str, password: str, address: str | None, *, replaces: str | None = None
    ) -> tuple[User, NewSession]:
        """A new session; that of the token `replaces` ends. Raises InvalidCredentials, AccountSuspended, RateLimited,
        ServerOverloaded."""
        user = await self._verified(name, password, address)
        by = Actor(user.user_id, address)
        new = await self._accounts.sessions.begin(
            user.user_id, by, still=lambda: self._check_still(user), replaces=replaces
        )
        return user, new

    async def change_password(
        self, user: User, current: str, wanted: str, address: str | None, *, replaces: str
    ) -> tuple[User, NewSession]:
        """A new password, and a new session in the place of all there were. Raises as `sign_in` does."""
        user = await self._verified(user.user_id, current, address)
        by = Actor(user.user_id, address)
        changed = await self._accounts.update_user(
            user.user_id, by, UserChange(password=wanted), still=lambda _: self._check_still(user)
        )
        new = await self._accounts.sessions.begin(
            user.user_id, by, still=lambda: self._check_still(changed), replaces=replaces
        )
        return changed, new

    async def _verified(self, name: str, password: str, address: str | None) -> User:
        """The user of this name, who may sign in, once the password was found right."""
        place = _network(address)
        known = (name.lower(), place)
        told = known if known in self._known else name.lower()
        self._enter(told, place)
        try:
            user = self._accounts.user(name)
        except NotFound:
            user = None
        try:
            right = await self._accounts.passwords.verify(user.password_hash if user else None, password)
        except GatewayError:
            self._names.take_back(told)  # nothing was learned
            raise
        if not right or user is None or user.status == "closed":
            self._addresses.count(place)
            raise _wrong()
        self._names.clear(told)
        self._remember(known)
        if user.status != "active":
            raise suspended(user)
        return user

    def _enter(self, name: Hashable, place: str) -> None:
        """Count an attempt at a name before it is made, so that many at once do not get past. At an address it counts
        once it was wrong: behind one there may be many people, who all sign in at nine; how many of them can be under
        way the line before the passwords bounds."""
        wait = max(self._names.wait_ms(name), self._addresses.wait_ms(place))
        if wait:
            raise RateLimited(
                f"There were too many attempts to sign in. Try again in {wait / 1000:.3g} s.",
                type="requests", retry_after=wait / 1000, should_retry=False,
            )  # fmt: skip
        self._names.count(name)

    def _remember(self, known: tuple[str, str]) -> None:
        self._known[known] = None
        self._known.move_to_end(known)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    def _check_still(self, verified: User) -> None:
        """What was verified may have changed while this waited for its turn."""
        user = self._accounts.user(verified.user_id)
        if user.password_hash != verified.password_hash or user.status == "closed":
            raise _wrong()
        if user.status != "active":
            raise suspended(user)


def _wrong() -> InvalidCredentials:
    return InvalidCredentials("The name or the password is wrong. Check both, or ask an admin for a new password.")


def _network(address: str | None) -> str:
    """What counts as one address: of IPv6 a network, since whoever has one address there has all of it."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or int(found) >> 64)
    return str(found)
