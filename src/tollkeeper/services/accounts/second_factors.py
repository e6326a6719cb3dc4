"""Second factors of passwords: six digits of an authenticator app that change every half minute (RFC 6238), and ten
recovery codes for whoever has lost the app.

The secret is encrypted under the master key, since the digits are computed from it; of recovery codes only digests are
kept. Each of either is accepted once, also after a restart.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import pyotp
from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, Forbidden, InvalidCredentials
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.keyring.master_key import MasterKey, Unopenable, second_factor_place
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.second_factors import SecondFactorStore, StoredFactor

RECOVERY_CODES = 10
ISSUER = "Tollkeeper"
"""What an authenticator app shows above the digits."""
SET_UP_LASTS_MS = 900_000
MOST_SET_UPS = 10_000
"""The most set-ups that wait for their first code; the oldest give way."""
_STEP_MS = 30_000
_DIGITS = 6
_WINDOW = (-1, 0, 1)
"""Steps in which digits are accepted: clocks of telephones differ, and people type slowly."""
_RECOVERY_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing that looks like something else
_RECOVERY_LENGTH, _RECOVERY_GROUP = 16, 4  # 80 bits


async def _nothing_more() -> None:
    pass


class NewFactor(Struct, frozen=True):
    """A set-up that waits for its first code: the secret for the app, as text and as the address in a QR code."""

    secret: str
    uri: str

    def __repr__(self) -> str:
        return "NewFactor(…)"


class _SetUp(Struct, frozen=True):
    secret: str
    began_at: int

    def __repr__(self) -> str:
        return f"_SetUp(began_at={self.began_at})"


class SecondFactors:
    """The second factors of all users. `digest` is an HMAC with the pepper, `now` milliseconds since the epoch.
    `required_for_admins`: admins who sign in with a password need one."""

    def __init__(
        self,
        store: SecondFactorStore,
        key: MasterKey,
        digest: Callable[[str], bytes],
        now: Callable[[], int],
        *,
        required_for_admins: bool = False,
    ) -> None:
        self._store = store
        self._key = key
        self._digest = digest
        self._now = now
        self._required_for_admins = required_for_admins
        self._changes = ChangeQueue()
        self._factors: dict[str, StoredFactor] = {}
        self._set_ups: OrderedDict[str, _SetUp] = OrderedDict()

    def __repr__(self) -> str:
        return f"SecondFactors({len(self._factors)})"

    async def load(self) -> None:
        """Read all from the store. Call it once, at the start."""
        self._factors = {factor.user_id: factor for factor in await self._store.load()}

    def forget(self, user_id: str) -> None:
        """Drop what is known of a user who was erased, whose id another person may get."""
        self._factors.pop(user_id, None)
        self._set_ups.pop(user_id, None)

    def is_on(self, user_id: str) -> bool:
        """Whether a user has a second factor."""
        return user_id in self._factors

    def is_missing(self, user: User) -> bool:
        """Whether a user needs a second factor, and has none."""
        return self._required_for_admins and user.role == "admin" and not self.is_on(user.user_id)

    def recovery_codes_left(self, user_id: str) -> int:
        """How many recovery codes a user has not used."""
        factor = self._factors.get(user_id)
        return 0 if factor is None else len(factor.recovery)

    def set_up(self, user: User) -> NewFactor:
        """Make a secret for the user's app; it counts once `confirm` has seen a code. Raises Conflict for a user who
        has a second factor, or no password."""
        if user.password_hash is None:
            raise Conflict(
                "A second factor belongs to a password, and this account has none.", code="second_factor_not_possible"
            )
        self._check_off(user.user_id)
        secret = pyotp.random_base32()
        self._set_ups[user.user_id] = _SetUp(secret, self._now())
        self._set_ups.move_to_end(user.user_id)
        if len(self._set_ups) > MOST_SET_UPS:
            self._set_ups.popitem(last=False)
        return NewFactor(secret, pyotp.TOTP(secret).provisioning_uri(name=user.user_id, issuer_name=ISSUER))

    async def confirm(
        self, user: User, code: str, by: Actor, *, turned_on: Callable[[], Awaitable[object]] = _nothing_more
    ) -> list[str]:
        """Turn the second factor on, by a code of the secret that was set up, and return the recovery codes, which are
        not shown again. `turned_on` is awaited once it is on, also where the caller has left. Raises Conflict without a
        set-up, InvalidCredentials."""

        async def change() -> list[str]:
            self._check_off(user.user_id)
            begun = self._set_ups.get(user.user_id)
            if begun is None or self._now() - begun.began_at > SET_UP_LASTS_MS:
                raise Conflict(
                    "There is no set-up of a second factor under way, or no longer. Begin it anew.",
                    code="second_factor_not_set_up",
                )
            step = self._step(begun.secret, _plain(code), after=0)
            if step is None:
                raise wrong_code()
            place = second_factor_place(user.user_id)
            sealed = await asyncio.to_thread(self._key.seal, begun.secret.encode(), place)
            codes = self._new_codes()
            factor = StoredFactor(
                user.user_id, sealed, self._key.id, self._now(), step, self._digests(user.user_id, codes)
            )
            await self._store.save(factor, by.entry(self._now(), "user.second_factor_on", user.user_id))
            self._factors[user.user_id] = factor
            self._set_ups.pop(user.user_id, None)
            await turned_on()
            return codes

        return await self._changes.run(change)

    async def accept(self, user_id: str, code: str, by: Actor) -> None:
        """Use up a code of the app, or a recovery code. Raises InvalidCredentials for a wrong or used one, and Conflict
        for a user without a second factor."""

        async def change() -> None:
            factor, typed = self._on(user_id), _plain(code)
            if len(typed) == _DIGITS and typed.isascii() and typed.isdecimal():
                step = self._step(await self._secret(factor), typed, after=factor.last_step)
                if step is None:
                    raise wrong_code()
                changed, entry = replace(factor, last_step=step), None
            else:
                [used] = self._digests(user_id, [typed])
                left = tuple(each for each in factor.recovery if not hmac.compare_digest(each, used))
                if len(left) == len(factor.recovery):
                    raise wrong_code()
                changed = replace(factor, recovery=left)
                entry = by.entry(self._now(), "user.recovery_code", user_id, {"left": len(left)})
            await self._store.save(changed, entry)
            self._factors[user_id] = changed

        await self._changes.run(change)

    async def new_recovery_codes(self, user_id: str, by: Actor) -> list[str]:
        """Replace all recovery codes. Raises Conflict for a user without a second factor."""

        async def change() -> list[str]:
            codes = self._new_codes()
            changed = replace(self._on(user_id), recovery=self._digests(user_id, codes))
            await self._store.save(changed, by.entry(self._now(), "user.recovery_codes", user_id))
            self._factors[user_id] = changed
            return codes

        return await self._changes.run(change)

    async def turn_off(self, user: User, by: Actor) -> None:
        """Turn a user's own second factor off. Raises Conflict without one, and Forbidden where it is required."""
        if self._required_for_admins and user.role == "admin":
            raise Forbidden("Admins need a second factor here, so it cannot be turned off.")
        self._on(user.user_id)
        await self._delete(user.user_id, "user.second_factor_off", by)

    async def reset(self, user_id: str, by: Actor) -> None:
        """Delete a user's second factor, by an admin. Without one nothing changes."""
        if self.is_on(user_id):
            await self._delete(user_id, "user.second_factor_reset", by)

    async def _delete(self, user_id: str, action: str, by: Actor) -> None:
        async def change() -> None:
            await self._store.delete(user_id, by.entry(self._now(), action, user_id))
            self._factors.pop(user_id, None)

        await self._changes.run(change)

    def _on(self, user_id: str) -> StoredFactor:
        factor = self._factors.get(user_id)
        if factor is None:
            raise Conflict("There is no second factor. Set one up first.", code="second_factor_off")
        return factor

    def _check_off(self, user_id: str) -> None:
        if self.is_on(user_id):
            raise Conflict("There is a second factor already. Turn it off first.", code="second_factor_on")

    async def _secret(self, factor: StoredFactor) -> str:
        try:
            opened = await asyncio.to_thread(self._key.open, factor.sealed, second_factor_place(factor.user_id))
        except Unopenable:
            raise StoreError(f"the second factor of {factor.user_id} in the database does not open") from None
        return opened.decode()

    def _step(self, secret: str, code: str, *, after: int) -> int | None:
        """The time step whose digits these are, of those that are accepted now and come after `after`."""
        app, current = pyotp.TOTP(secret), self._now() // _STEP_MS
        found = None
        for step in (current + offset for offset in _WINDOW):
            if hmac.compare_digest(app.generate_otp(step).encode(), code.encode()) and step > after:
                found = step
        return found

    @staticmethod
    def _new_codes() -> list[str]:
        made = []
        for _ in range(RECOVERY_CODES):
            letters = "".join(secrets.choice(_RECOVERY_LETTERS) for _ in range(_RECOVERY_LENGTH))
            groups = [letters[at : at + _RECOVERY_GROUP] for at in range(0, _RECOVERY_LENGTH, _RECOVERY_GROUP)]
            made.append("-".join(groups))
        return made

    def _digests(self, user_id: str, codes: Sequence[str]) -> tuple[bytes, ...]:
        return tuple(self._digest(f"\0recovery {user_id} {_plain(code)}") for code in codes)


def _plain(code: str) -> str:
    """A code as it counts, however it is shown and typed: apps group the digits, too."""
    return "".join(code.lower().replace("-", "").split())


def wrong_code() -> InvalidCredentials:
    return InvalidCredentials(
        "The code is wrong, or was used before. Wait for the app's next one, or use a recovery code.", param="code"
    )
