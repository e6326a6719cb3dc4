"""Messages, as the library of Standard Webhooks verifies them."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tollkeeper.services.events.messages import headers, message, new_secret
from tollkeeper.store.ports.events import Event

EVENT = Event("evt_1", 1_795_176_000_123, "user.suspended", '{"name":"Zoë 漢字"}')


def now() -> int:
    """The verifier's own clock: it takes no message that is older than five minutes."""
    return time.time_ns() // 1_000_000


def test_a_secret_is_of_256_random_bits() -> None:
    assert new_secret() != new_secret()
    assert new_secret().startswith("whsec_")
    assert len(base64.b64decode(new_secret().removeprefix("whsec_"), validate=True)) == 32


def test_every_secret_signs() -> None:
    secrets = [new_secret(), new_secret()]
    body = message(EVENT)
    sent = dict(headers(EVENT.id, body, secrets, now()))
    for secret in secrets:
        assert Webhook(secret).verify(body, sent) == {
            "id": "evt_1",
            "type": "user.suspended",
            "timestamp": "2026-11-20T12:00:00.123Z",
            "data": {"name": "Zoë 漢字"},
        }


@pytest.mark.parametrize("field", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_what_was_changed_does_not_verify(field: str) -> None:
    secret = new_secret()
    body = message(EVENT)
    sent_at = now()
    sent = dict(headers(EVENT.id, body, [secret], sent_at))
    changed = {"webhook-id": "evt_2", "webhook-timestamp": str(sent_at // 1000 - 1), "webhook-signature": "v1,AAAA"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, sent | {field: changed[field]})
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", sent)
