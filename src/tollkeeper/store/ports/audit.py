"""The audit log."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

BY_PROVIDER = "@oidc/"
"""How the name of an actor begins who is a person at an OpenID provider before they are a user here, or a change that
the provider's claims made; the id of the provider follows. The address is that person's."""

UNKNOWN = "@unknown"
"""The actor of what somebody did before they had proved who they are, and the object where the name they gave is
nobody's: what was typed may be a password. The address is that person's."""
SIGN_IN_ACTIONS = ("user.sign_in", "user.sign_in_failed", "user.sign_out", "user.sign_out_everywhere")
"""The actions that are sign-ins and their ends; all others are changes."""
AuditClass = Literal["change", "sign_in"]


class AuditEntry(Struct, frozen=True):
    """One change: who made it, when, from where, and what. `detail` is a JSON object as text, without secrets."""

    at: int
    actor: str
    action: str
    target: str
    detail: str
    address: str | None
    id: int = 0
    """Assigned by the store, increasing."""


class AuditFilter(Struct, frozen=True):
    """Which entries; None means any. `targets` are the objects that a change may have been of; none: any. `since` is
    inclusive, `until` exclusive."""

    actor: str | None = None
    action: str | None = None
    targets: tuple[str, ...] = ()
    of_class: AuditClass | None = None
    since: int | None = None
    until: int | None = None


ALL_ENTRIES = AuditFilter()


class Audit(Protocol):
    async def add(self, entry: AuditEntry) -> None:
        """Append the entry of a change to what is kept elsewhere. What is stored here is saved with its entry."""

    async def entries(self, *, limit: int, after: int | None, which: AuditFilter = ALL_ENTRIES) -> list[AuditEntry]:
        """Entries, newest first; `after` is the id of the last one already seen."""
