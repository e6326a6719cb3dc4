"""What is left of the audit log's entries when a person is forgotten: that something happened, but not to whom."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.store.ports.audit import BY_PROVIDER, UNKNOWN, AuditEntry

_KEPT = frozenset(
    {"role", "status", "cost_usd", "key_id", "replaces", "expires_at", "password", "allowed_models", "code"}
)
"""Fields whose texts say nothing of a person."""


class Person(Struct, frozen=True):
    """Who is to be forgotten: the id of their account, the ids of what was theirs alone (keys, sessions), and the id
    that takes the account's place."""

    user_id: str
    belongings: Collection[str]
    opaque_id: str

    def is_named(self, text: str) -> bool:
        """Whether a text is the id of the account, in any case."""
        return text.lower() == self.user_id.lower()

    def made(self, metadata: str) -> bool:
        """Whether a correction with this metadata was made by them."""
        found = json.loads(metadata)
        return isinstance(found, dict) and self.is_named(str(found.get("by")))


def redacted(entry: AuditEntry, person: Person) -> AuditEntry:
    """The entry without the person. Of one about them, no text stays that might describe them; of one by them, not the
    address, nor of one that their own sign-in made."""
    by_them = person.is_named(entry.actor)
    detail = json.loads(entry.detail)
    owner = detail.get("user_id") if isinstance(detail, dict) else None
    about_them = person.is_named(entry.target) or entry.target in person.belongings or person.is_named(str(owner))
    return replace(
        entry,
        actor=person.opaque_id if by_them else entry.actor,
        target=person.opaque_id if person.is_named(entry.target) else entry.target,
        detail=redacted_json(entry.detail, person, about_them=about_them),
        address=None if by_them or (about_them and entry.actor.startswith((BY_PROVIDER, UNKNOWN))) else entry.address,
    )


def redacted_json(text: str, person: Person, *, about_them: bool = False) -> str:
    """A JSON text without the person, whose id the opaque one replaces. Of a text about them, no other text stays that
    might describe them."""
    return json.dumps(_without(json.loads(text), person, about_them=about_them, kept=False), separators=(",", ":"))


def _without(value: Any, person: Person, *, about_them: bool, kept: bool) -> Any:
    if isinstance(value, str):
        if person.is_named(value):
            return person.opaque_id
        return None if about_them and not kept else value
    if isinstance(value, list):
        return [_without(item, person, about_them=about_them, kept=kept) for item in value]
    if isinstance(value, Mapping):
        return {
            (person.opaque_id if person.is_named(name) else name): _without(
                item, person, about_them=about_them, kept=kept or name in _KEPT
            )
            for name, item in value.items()
        }
    return value
