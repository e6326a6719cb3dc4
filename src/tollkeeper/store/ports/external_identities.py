"""Identities at OpenID providers that users sign in with."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class ExternalIdentity(Struct, frozen=True):
    """A person at an OpenID provider, and the user that they are here. Only `issuer` and `subject` together name a
    person: the `sub` of one provider says nothing about that of another, and e-mail addresses change hands."""

    issuer: str
    subject: str
    user_id: str
    created_at: int


class ExternalIdentityStore(Protocol):
    async def load(self) -> list[ExternalIdentity]:
        """All identities, oldest first."""

    async def save(self, identity: ExternalIdentity, audit: AuditEntry) -> None:
        """Add an identity, or give the one of this issuer and subject to another user, in one durable transaction."""

    async def delete(self, issuer: str, subject: str, audit: AuditEntry) -> None:
        """Delete an identity; a missing one is no error."""
