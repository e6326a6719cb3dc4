"""Sample data of the demo: users with public keys and passwords, prices, and an alias.

There are no sample records: usage and cost come from requests that are sent.
"""

from __future__ import annotations

from typing import NamedTuple

from tollkeeper.store.ports.accounts import Role

ADMIN_KEY = "admin-secret-key"

CHAT_MODEL = "llama3.2:1b"
VISION_MODEL = "moondream:latest"
ALIASES = {"llama3.2": (CHAT_MODEL,)}


class SampleUser(NamedTuple):
    user_id: str
    password: str
    key: str
    role: Role


USERS = (
    SampleUser("admin", "admin123", "sk-admin-001", "admin"),
    SampleUser("alice", "alice123", "sk-alice-123", "user"),
    SampleUser("bob", "bob123", "sk-bob-456", "user"),
    SampleUser("charlie", "char123", "sk-char-789", "user"),
)


class SamplePrice(NamedTuple):
    """Dollars per million tokens, as decimal strings."""

    model: str
    input: str
    output: str


PRICES = (SamplePrice(CHAT_MODEL, "0.05", "0.10"), SamplePrice(VISION_MODEL, "0.10", "0.20"))
