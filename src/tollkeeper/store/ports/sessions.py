"""Sessions of signed-in users."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class Session(Struct, frozen=True):
    """A user signed in at one browser. `id` is an HMAC of the secret in its cookie, in hexadecimal. `issuer` and
    `subject` are who they are at the OpenID provider that they signed in by, and `sid` that provider's own session,
    where it names one; None: they signed in with a password."""

    id: str
    user_id: str
    created_at: int
    last_used_at: int
    issuer: str | None = None
    subject: str | None = None
    sid: str | None = None


class SessionStore(Protocol):
    async def load(self) -> list[Session]:
        """All sessions, oldest first."""

    async def save(
        self, *, begun: Sequence[Session] = (), ended: Collection[str] = (), audit: AuditEntry | None = None
    ) -> None:
        """End sessions (by id), insert others and append the audit entry, in one durable transaction."""

    async def touch(self, last_used: Mapping[str, int]) -> None:
        """Store when sessions (by id) were last used."""
