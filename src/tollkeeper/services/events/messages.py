"""Messages of the Standard Webhooks specification: an event as JSON, and the headers that prove who sent it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from msgspec import Raw
from standardwebhooks import Webhook as Signer

from tollkeeper.rules.times import format_time
from tollkeeper.store.ports.events import Event

SECRET_PREFIX = "whsec_"  # noqa: S105 (what secrets begin with)
_SECRET_BYTES = 32
USER_AGENT = "Tollkeeper"


def new_secret() -> str:
    """A new secret of a webhook."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def message(event: Event) -> bytes:
    """The body that is sent for an event."""
    return content(event.id, event.type, event.at, Raw(event.data.encode()))


def content(message_id: str, message_type: str, at: int, data: object) -> bytes:
    """The body of any message."""
    return msgspec.json.encode({"id": message_id, "type": message_type, "timestamp": format_time(at), "data": data})


def headers(message_id: str, body: bytes, signing_secrets: Iterable[str], at: int) -> list[tuple[str, str]]:
    """The headers of a message that is sent at `at`, signed by each of the secrets."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    text = body.decode()
    signatures = [Signer(secret).sign(message_id, moment, text) for secret in signing_secrets]
    return [
        ("content-type", "application/json"),
        ("user-agent", USER_AGENT),
        ("webhook-id", message_id),
        ("webhook-timestamp", str(at // 1000)),
        ("webhook-signature", " ".join(signatures)),
    ]
