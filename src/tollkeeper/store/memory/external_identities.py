"""Identities at OpenID providers."""

from __future__ import annotations

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.external_identities import ExternalIdentity


class MemoryExternalIdentities:
    """See `ports.ExternalIdentityStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[ExternalIdentity]:
        found = self._tables.external_identities.values()
        return sorted(found, key=lambda each: (each.created_at, each.issuer, each.subject))

    async def save(self, identity: ExternalIdentity, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.external_identities[identity.issuer, identity.subject] = identity
        append(self._tables, audit)

    async def delete(self, issuer: str, subject: str, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.external_identities.pop((issuer, subject), None)
        append(self._tables, audit)
