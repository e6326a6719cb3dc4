"""Who changes something, and the entry about it that is saved together with the change."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from tollkeeper.store.ports import AuditEntry


class Actor(Struct, frozen=True):
    """`name` is a user id, or a name that no user can have (it begins with "@"). `address` is where they ask from."""

    name: str
    address: str | None = None

    def entry(self, at: int, action: str, target: str, detail: Mapping[str, object] | None = None) -> AuditEntry:
        """That this actor did `action` ("user.create") to `target` at `at`. `detail` never holds a secret."""
        return AuditEntry(at, self.name, action, target, msgspec.json.encode(detail or {}).decode(), self.address)
