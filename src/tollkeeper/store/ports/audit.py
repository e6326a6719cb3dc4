"""The audit log."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

BY_PROVIDER = "@oidc/"
"""How the name of an actor begins who is a person at an OpenID provider before they are a user here, or a change that
the provider's claims made; the id of the provider follows. The address is that person's."""


class AuditEntry(Struct, frozen=True):
    """One change: who made it, when, from where, and what. `detail` is a JSON object as text, without secrets."""

    at: int
    actor: str
    action: str
    target: str
    detail: str
    address: str | None
    id: int = 0
    """Assigned by the store, increasing."""


class Audit(Protocol):
    async def add(self, entry: AuditEntry) -> None:
        """Append the entry of a change to what is kept elsewhere. What is stored here is saved with its entry."""

    async def entries(self, *, limit: int, after: int | None) -> list[AuditEntry]:
        """Entries, newest first; `after` is the id of the last one already seen."""
