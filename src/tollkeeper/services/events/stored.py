"""Webhooks, and how they are stored: settings as JSON, secrets sealed under the master key."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.webhooks import StoredWebhook

WebhookStatus = Literal["active", "paused"]


class SigningSecret(Struct, frozen=True):
    """A secret that signs, until `until` (milliseconds since the epoch; None: for ever). It is never printed."""

    text: str
    until: int | None = None

    def __repr__(self) -> str:
        return f"SigningSecret(…, until={self.until})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("until", self.until)]


class Webhook(Struct, frozen=True):
    """An address that events are sent to. `events`: the types that it gets; None: all, those of later versions
    included. `secrets`: the newest first."""

    id: str
    created_at: int
    url: str
    events: tuple[str, ...] | None
    description: str | None
    status: WebhookStatus
    secrets: tuple[SigningSecret, ...]

    def valid_secrets(self, at: int) -> list[str]:
        """The secrets that sign at a moment, the newest first."""
        return [secret.text for secret in self.secrets if secret.until is None or at < secret.until]


class _Settings(Struct):
    url: str
    events: tuple[str, ...] | None
    description: str | None
    status: WebhookStatus


def to_stored(webhook: Webhook, key: MasterKey) -> StoredWebhook:
    """Seal a webhook's secrets, so that they open for its id only."""
    settings = _Settings(webhook.url, webhook.events, webhook.description, webhook.status)
    sealed = key.seal(msgspec.json.encode(webhook.secrets), _place(webhook.id))
    return StoredWebhook(webhook.id, webhook.created_at, msgspec.json.encode(settings).decode(), sealed, key.id)


def from_stored(row: StoredWebhook, key: MasterKey) -> Webhook:
    """A webhook with its secrets. Raises StoreError, and Unopenable where the secrets do not open."""
    secrets = msgspec.json.decode(key.open(row.sealed, _place(row.id)), type=tuple[SigningSecret, ...])
    try:
        found = msgspec.json.decode(row.settings, type=_Settings)
    except msgspec.DecodeError as error:
        raise StoreError(f"the settings of the webhook {row.id} in the database cannot be read: {error}") from None
    return Webhook(row.id, row.created_at, found.url, found.events, found.description, found.status, secrets)


def resealed(row: StoredWebhook, old: MasterKey, new: MasterKey) -> bytes:
    """The secrets sealed under another master key. Raises Unopenable."""
    return new.seal(old.open(row.sealed, _place(row.id)), _place(row.id))


def _place(webhook_id: str) -> bytes:
    return f"webhook\n{webhook_id}".encode()
