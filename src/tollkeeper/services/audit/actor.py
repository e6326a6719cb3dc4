"""Actors, who make changes, and the audit entries saved with these."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class Actor(Struct, frozen=True):
    """Whoever makes a change. `name` is a user id, or begins with "@", as no user id does; `address` is the network
    address."""

    name: str
    address: str | None = None

    def entry(self, at: int, action: str, target: str, detail: Mapping[str, object] | None = None) -> AuditEntry:
        """Make an audit entry: this actor did `action` ("user.create") to `target` at `at`. `detail` must not contain
        secrets."""
        return AuditEntry(at, self.name, action, target, msgspec.json.encode(detail or {}).decode(), self.address)
