"""Upstreams, and their sealed secrets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.upstreams import StoredUpstream


class MemoryUpstreams:
    """See `ports.UpstreamStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[StoredUpstream]:
        return list(self._tables.upstreams.values())

    async def save(self, upstream: StoredUpstream, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.upstreams[upstream.id] = upstream
        append(self._tables, audit)

    async def delete(self, upstream_id: str, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.upstreams.pop(upstream_id, None)
        append(self._tables, audit)

    async def reseal(
        self,
        sealed: Mapping[str, bytes],
        key_id: str,
        values: Mapping[str, bytes],
        audit: AuditEntry,
        *,
        factors: Mapping[str, bytes] = MappingProxyType({}),
        webhooks: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        self._tables.must_be_writable()
        upstreams = self._tables.upstreams
        for upstream_id, secrets in sealed.items():
            upstreams[upstream_id] = replace(upstreams[upstream_id], sealed=secrets, key_id=key_id)
        for webhook_id, secrets in webhooks.items():
            kept = self._tables.webhooks[webhook_id]
            self._tables.webhooks[webhook_id] = replace(kept, sealed=secrets, key_id=key_id)
        known = self._tables.second_factors
        for user_id, secret in factors.items():
            known[user_id] = replace(known[user_id], sealed=secret, key_id=key_id)
        self._tables.values.update(values)
        append(self._tables, audit)
