"""Keys: generation, status, and bounds on their number."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from tollkeeper.rules.errors import Conflict
from tollkeeper.store.ports.accounts import Key

KeyStatus = Literal["active", "expired", "revoked"]
FOREVER = 2**63 - 1
_RANDOM_BYTES = 24
MOST_ALIVE = 100
"""The most active keys of a user."""
MOST_MODELS = 1_000
"""The most models in the limits of a user's active keys, in all: each has counters of its own."""
MOST_KEPT = 1_000
"""The most inactive keys of a user that are kept, plus the models in their limits, in all."""


class NewKey(Struct, frozen=True):
    """A new key, with its secret, which is shown this one time only."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.key!r}, secret=…)"


def new_secret(user_id: str) -> str:
    """Generate a key for a user, with 192 random bits."""
    return f"sk-{user_id}-{secrets.token_urlsafe(_RANDOM_BYTES)}"


def new_key_id() -> str:
    return f"key_{secrets.token_hex(8)}"


def valid_until(key: Key) -> int:
    """Time from which the key is invalid; 0 for a revoked one, so that it stays invalid wherever the clock is set."""
    if key.revoked_at is not None:
        return 0
    return min(FOREVER if at is None else at for at in (key.expires_at, key.retires_at))


def key_status(key: Key, now: int) -> KeyStatus:
    if key.revoked_at is not None or (key.retires_at is not None and key.retires_at <= now):
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "active"


def models_named(key: Key) -> int:
    """Number of models that a key's limits name, and those of its new end users."""
    all_limits = [key.limits] if key.acting is None else [key.limits, key.acting.limits]
    return sum(len(limits.models) + len(limits.allowed_models or ()) for limits in all_limits)


def check_room(keys: Sequence[Key], now: int) -> None:
    """Check that a user may have these keys. Raises Conflict, which names the bound."""
    alive = [key for key in keys if key_status(key, now) == "active"]
    if len(alive) > MOST_ALIVE:
        raise Conflict(
            f"A user has at most {MOST_ALIVE} keys that open. Revoke one first, or rotate one with grace_seconds 0.",
            code="too_many_keys",
        )
    if sum(models_named(key) for key in alive) > MOST_MODELS:
        raise Conflict(
            f"The limits of a user's keys name at most {MOST_MODELS} models in all. Revoke a key, or limit fewer.",
            code="too_many_keys",
        )


def outlived(keys: Sequence[Key], now: int) -> list[Key]:
    """The inactive keys that are too many to be kept, of all `keys` of a user, oldest first."""
    kept, gone = 0, []
    for key in reversed(keys):
        if key_status(key, now) != "active":
            kept += 1 + models_named(key)
            if kept > MOST_KEPT:
                gone.append(key)
    return gone


def successor(key: Key, keys: Sequence[Key]) -> Key | None:
    """The key that replaced this one by rotation, of all `keys` of a user, oldest first; None: there is none, or it is
    no longer kept."""
    chain = [other for other in keys if other.counter_id == key.counter_id]
    chain.sort(key=lambda other: (other.created_at, other.origin is not None))
    following = chain[[other.id for other in chain].index(key.id) + 1 :]
    return following[0] if following else None
