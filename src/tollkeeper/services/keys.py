"""Keys: how they are made, what may be shown of them, and whether they still open."""

from __future__ import annotations

import secrets
from typing import Literal

from msgspec import Struct

from tollkeeper.store.ports import Key

KeyStatus = Literal["active", "expired", "revoked"]
FOREVER = 2**63 - 1
_RANDOM_BYTES = 24


class NewKey(Struct, frozen=True):
    """A key just made, with its secret: the one time that anyone sees it."""

    key: Key
    secret: str

    def __repr__(self) -> str:
        return f"NewKey({self.key!r}, secret=…)"


def new_secret(user_id: str) -> str:
    """A key of this user, with 192 random bits."""
    return f"sk-{user_id}-{secrets.token_urlsafe(_RANDOM_BYTES)}"


def new_key_id() -> str:
    return f"key_{secrets.token_hex(8)}"


def shown(secret: str) -> str:
    """What may be shown of a secret: the first 6 and last 4 characters, of a short one the first 3."""
    visible = f"{secret[:6]}...{secret[-4:]}" if len(secret) > 16 else f"{secret[:3]}..."
    return "".join(c if c.isprintable() else "?" for c in visible)


def dies_at(key: Key) -> int:
    """The first moment at which the key no longer opens; one that was revoked opens at none, wherever the clock is
    set."""
    if key.revoked_at is not None:
        return 0
    return min(FOREVER if at is None else at for at in (key.expires_at, key.retires_at))


def key_status(key: Key, now: int) -> KeyStatus:
    if key.revoked_at is not None or (key.retires_at is not None and key.retires_at <= now):
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "active"
