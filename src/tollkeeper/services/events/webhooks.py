"""Webhooks, as admins manage them. Each change is saved with its audit entry, then made in memory."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.rules.events import EVENT_PREFIX, EVENT_TYPES, TEST_TYPE, WEBHOOK_PREFIX, is_wanted
from tollkeeper.rules.ids import ENTROPY_BYTES, timed_id
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.audit.change_queue import ChangeQueue
from tollkeeper.services.events.messages import content, headers, message, new_secret
from tollkeeper.services.events.post import Outcome, Poster
from tollkeeper.services.events.stored import SigningSecret, Webhook, WebhookStatus, from_stored, to_stored
from tollkeeper.services.keyring.master_key import MasterKey, Unopenable
from tollkeeper.services.outbound.target import InvalidTarget
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.webhooks import WebhookStore

log = logging.getLogger("tollkeeper.events")

MOST_WEBHOOKS = 50
MOST_GRACE_SECONDS = 7 * 86_400


class WebhookChange(Struct, frozen=True):
    """A change to a webhook; fields that are unset stay. `events` None: all."""

    url: str | UnsetType = UNSET
    events: Sequence[str] | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    status: WebhookStatus | UnsetType = UNSET


class Tried(Struct, frozen=True):
    """What came of a test, and how long it took, in milliseconds."""

    outcome: Outcome
    took_ms: int


class Webhooks:
    """All webhooks. `now` is milliseconds since the epoch."""

    def __init__(self, store: WebhookStore, key: MasterKey, poster: Poster, now: Callable[[], int]) -> None:
        self._store = store
        self._key = key
        self._poster = poster
        self._now = now
        self._changes = ChangeQueue()
        self._all: dict[str, Webhook] = {}

    def __repr__(self) -> str:
        return f"Webhooks({len(self._all)})"

    async def load(self) -> None:
        """Read every webhook from the store; one whose secrets do not open is left out, and logged. Raises
        StoreError."""
        # In turn with the changes: what is read may not replace what was saved after it.
        await self._changes.run(self._load)

    async def _load(self) -> None:
        found = {}
        for row in await self._store.load():
            try:
                found[row.id] = from_stored(row, self._key)
            except Unopenable:
                log.warning("the secrets of the webhook %s do not open: it gets nothing", row.id)
        self._all = found

    def all(self) -> list[Webhook]:
        """Every webhook, in the order in which they were added."""
        return list(self._all.values())

    def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""
        found = self._all.get(webhook_id)
        if found is None:
            raise NotFound(f"There is no webhook {webhook_id[:64]!r}.", param="webhook_id")
        return found

    def wanting(self, event: Event) -> list[str]:
        """The ids of the webhooks that get an event: those that were there when it happened. A paused one gets it
        later."""
        return [
            webhook.id
            for webhook in self._all.values()
            if webhook.created_at <= event.at and is_wanted(event.type, webhook.events)
        ]

    def paused(self) -> list[str]:
        return [webhook.id for webhook in self._all.values() if webhook.status == "paused"]

    async def add(
        self,
        url: str,
        by: Actor,
        *,
        events: Sequence[str] | None = None,
        description: str | None = None,
        status: WebhookStatus = "active",
    ) -> Webhook:
        """Add a webhook, with a new secret. Raises Unprocessable, and Conflict where there are too many."""
        wanted = _types(events)
        self._check_url(url)

        async def change() -> Webhook:
            if len(self._all) >= MOST_WEBHOOKS:
                raise Conflict(f"There are {MOST_WEBHOOKS} webhooks, the most there may be. Remove one first.")
            now = self._now()
            made = Webhook(
                timed_id(WEBHOOK_PREFIX, now, os.urandom(ENTROPY_BYTES)),
                now,
                url,
                wanted,
                description,
                status,
                (SigningSecret(new_secret()),),
            )
            return await self._save(made, by, "webhook.create", _audited(made))

        return await self._changes.run(change)

    async def change(self, webhook_id: str, wanted: WebhookChange, by: Actor) -> Webhook:
        """Change a webhook. Raises NotFound, Unprocessable."""
        given = {name: value for name, value in asdict(wanted).items() if value is not UNSET}
        if "events" in given:
            given["events"] = _types(given["events"])
        if "url" in given:
            self._check_url(given["url"])

        async def change() -> Webhook:
            webhook = self.get(webhook_id)
            if not given:
                return webhook
            return await self._save(replace(webhook, **given), by, "webhook.update", given)

        return await self._changes.run(change)

    async def rotate(self, webhook_id: str, by: Actor, *, grace_seconds: int) -> Webhook:
        """Give a webhook another secret, its first; the one before signs as well during the grace time, those before
        that no more. Raises NotFound."""

        async def change() -> Webhook:
            webhook, now = self.get(webhook_id), self._now()
            kept: list[SigningSecret] = []
            if grace_seconds:
                kept.append(SigningSecret(webhook.secrets[0].text, now + grace_seconds * 1000))
            changed = replace(webhook, secrets=(SigningSecret(new_secret()), *kept))
            return await self._save(changed, by, "webhook.rotate", {"grace_seconds": grace_seconds})

        return await self._changes.run(change)

    async def remove(self, webhook_id: str, by: Actor) -> Webhook:
        """Remove a webhook, with what is on its way to it. Raises NotFound."""

        async def change() -> Webhook:
            webhook = self.get(webhook_id)
            await self._store.delete(webhook_id, by.entry(self._now(), "webhook.delete", webhook_id, _audited(webhook)))
            del self._all[webhook_id]
            return webhook

        return await self._changes.run(change)

    async def test(self, webhook_id: str, by: Actor) -> Tried:
        """Send a message that tries a webhook out, once and at once. Raises NotFound."""
        webhook, now = self.get(webhook_id), self._now()
        message_id = timed_id(EVENT_PREFIX, now, os.urandom(ENTROPY_BYTES))
        began = time.monotonic()
        body = content(message_id, TEST_TYPE, now, {"webhook_id": webhook_id, "by": by.name})
        outcome = await self._post(webhook, message_id, body)
        return Tried(outcome, round((time.monotonic() - began) * 1000))

    async def send(self, webhook_id: str, event: Event) -> Outcome:
        """Send an event to a webhook, once."""
        webhook = self._all.get(webhook_id)
        if webhook is None:
            return Outcome(error="the webhook was removed")
        return await self._post(webhook, event.id, message(event))

    async def _post(self, webhook: Webhook, message_id: str, body: bytes) -> Outcome:
        at = self._now()
        return await self._poster.post(webhook.url, headers(message_id, body, webhook.valid_secrets(at), at), body)

    async def _save(self, webhook: Webhook, by: Actor, action: str, detail: dict[str, object]) -> Webhook:
        await self._store.save(to_stored(webhook, self._key), by.entry(self._now(), action, webhook.id, detail))
        self._all[webhook.id] = webhook
        return webhook

    def _check_url(self, url: str) -> None:
        try:
            self._poster.target(url)
        except InvalidTarget as error:
            raise Unprocessable(f"The URL of a webhook {error}", param="url") from None


def _types(events: Sequence[str] | None) -> tuple[str, ...] | None:
    """Types of events, each once. Raises Unprocessable."""
    if events is None:
        return None
    for name in events:
        if name not in EVENT_TYPES:
            raise Unprocessable(f"There is no event '{name[:64]}'. There are {', '.join(EVENT_TYPES)}.", param="events")
    if not events:
        raise Unprocessable("'events' must name at least one event, or be null for all.", param="events")
    return tuple(dict.fromkeys(events))


def _audited(webhook: Webhook) -> dict[str, object]:
    found = {name: getattr(webhook, name) for name in ("url", "events", "description", "status")}
    return dict(msgspec.to_builtins(found))
