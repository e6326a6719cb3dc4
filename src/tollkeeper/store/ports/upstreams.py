"""Upstreams that admins added, and their secrets, which only the master key opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class StoredUpstream(Struct, frozen=True):
    """An upstream as it is stored. `settings` is a JSON object of everything but its secrets. `sealed` holds these,
    encrypted under the master key with the id `key_id`; both are None where it has none."""

    id: str
    settings: str
    sealed: bytes | None = None
    key_id: str | None = None


class UpstreamStore(Protocol):
    async def load(self) -> list[StoredUpstream]:
        """Every upstream, in the order in which they were added."""

    async def save(self, upstream: StoredUpstream, audit: AuditEntry) -> None:
        """Add an upstream, or replace the one with its id, which keeps its place."""

    async def delete(self, upstream_id: str, audit: AuditEntry) -> None: ...

    async def reseal(
        self,
        sealed: Mapping[str, bytes],
        key_id: str,
        values: Mapping[str, bytes],
        audit: AuditEntry,
        *,
        factors: Mapping[str, bytes] = ...,
        webhooks: Mapping[str, bytes] = ...,
    ) -> None:
        """Replace sealed secrets with those under another master key, by upstream id, (`factors`, of second factors) by
        user id and by webhook id, and set these values of the installation: all of it or nothing."""
