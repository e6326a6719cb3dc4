"""Webhooks: addresses that events are sent to, and their secrets, which only the master key opens."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class StoredWebhook(Struct, frozen=True):
    """A webhook as it is stored. `settings` is a JSON object of everything but its secrets; `sealed` holds these,
    encrypted under the master key with the id `key_id`."""

    id: str
    created_at: int
    settings: str
    sealed: bytes
    key_id: str


class WebhookStore(Protocol):
    async def load(self) -> list[StoredWebhook]:
        """Every webhook, in the order in which they were added."""

    async def save(self, webhook: StoredWebhook, audit: AuditEntry) -> None:
        """Add a webhook, or replace the one with its id."""

    async def delete(self, webhook_id: str, audit: AuditEntry) -> None:
        """Delete a webhook, with its deliveries."""
