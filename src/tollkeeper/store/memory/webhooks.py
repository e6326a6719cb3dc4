"""Webhooks, and their sealed secrets."""

from __future__ import annotations

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.webhooks import StoredWebhook


class MemoryWebhooks:
    """See `ports.WebhookStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[StoredWebhook]:
        return sorted(self._tables.webhooks.values(), key=lambda webhook: (webhook.created_at, webhook.id))

    async def save(self, webhook: StoredWebhook, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.webhooks[webhook.id] = webhook
        append(self._tables, audit)

    async def delete(self, webhook_id: str, audit: AuditEntry) -> None:
        self._tables.must_be_writable()
        self._tables.webhooks.pop(webhook_id, None)
        self._tables.deliveries = {
            each.id: each for each in self._tables.deliveries.values() if each.target != webhook_id
        }
        append(self._tables, audit)
