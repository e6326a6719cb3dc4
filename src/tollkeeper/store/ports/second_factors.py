"""Second factors of users: the secret of an authenticator app, and recovery codes."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class StoredFactor(Struct, frozen=True):
    """The second factor of a user. `sealed` is the secret, encrypted under the master key with the id `key_id`.
    `last_step` is the time step of the last code that was accepted, so that none is accepted twice. `recovery` holds
    the digests of the recovery codes that are left. Neither secret nor digests are ever printed."""

    user_id: str
    sealed: bytes
    key_id: str
    created_at: int
    last_step: int
    recovery: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"StoredFactor({self.user_id!r}, {len(self.recovery)} codes)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("user_id", self.user_id), ("codes", len(self.recovery))]


class SecondFactorStore(Protocol):
    async def load(self) -> list[StoredFactor]:
        """All second factors, by user id."""

    async def save(self, factor: StoredFactor, audit: AuditEntry | None = None) -> None:
        """Set the second factor of a user, in one durable transaction with the audit entry."""

    async def delete(self, user_id: str, audit: AuditEntry) -> bool:
        """Delete the second factor of a user. Returns whether there was one."""
