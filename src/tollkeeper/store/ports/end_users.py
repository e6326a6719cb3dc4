"""End users: the people for whom an app with a key that acts for others sends requests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.store.ports.audit import AuditEntry

EndUserStatus = Literal["active", "blocked", "erased"]


class EndUser(Struct, frozen=True):
    """An end user of one user (`user_id`), who owns it. `value` is what the owner's app calls the person: unique among
    the owner's end users, never printed, and None once it is erased. `version` is 0 before the first save and
    increases by one with each."""

    id: str
    user_id: str
    value: str | None
    created_at: int
    limits: Limits = NO_LIMITS
    status: EndUserStatus = "active"
    version: int = 0

    def __repr__(self) -> str:
        return f"EndUser({self.id!r}, {self.user_id!r}, {self.status})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("id", self.id), ("user_id", self.user_id), ("status", self.status)]


class EndUserStore(Protocol):
    async def with_limits(self) -> list[EndUser]:
        """Every end user with limits, in the order of their ids."""

    async def find(self, user_id: str, value: str) -> EndUser | None:
        """The end user of this user that has this value."""

    async def read(self, end_user_id: str) -> EndUser | None:
        """The end user with this id, erased or not."""

    async def page(
        self, user_id: str, *, limit: int, after: str | None, part: str = "", ids: Sequence[str] | None = None
    ) -> list[EndUser]:
        """End users of a user in the order in which they were made, at most `limit`; `after` is the id of the last one
        already seen. Where `part` is given, only those whose value contains it, whatever the case of ASCII letters;
        where `ids` are, only those among them."""

    async def values(self, ids: Collection[str]) -> dict[str, str]:
        """What the apps of their owners call these end users, by id. One that is erased or not there is left out."""

    async def add(self, end_user: EndUser, most: int) -> EndUser | None:
        """Insert a new end user, in a durable transaction, and return it as it was saved; where its owner has one with
        this value, return that one instead. None, and nothing is changed, where its owner has `most` that are not
        erased. Raises StoreConflict where another writer makes it at the same moment."""

    async def save(self, end_user: EndUser, audit: AuditEntry) -> EndUser:
        """Replace an end user and append the audit entry, in one durable transaction. Returns it with its new version.
        Of one without a value, nothing is left of that but in the log (`Erasure.scrub`). Raises StoreConflict, and
        changes nothing, where another writer has changed it since it was read."""

    async def erase_of(self, user_id: str) -> Sequence[str]:
        """Erase the values and limits of all end users of a user, in a durable transaction. Returns the ids of those
        that were not erased before."""
