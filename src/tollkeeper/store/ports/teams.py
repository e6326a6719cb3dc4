"""Teams of users."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.store.ports.audit import AuditEntry

TeamStatus = Literal["active", "closed"]


class Team(Struct, frozen=True):
    """A team, which users are in (`User.team_id`). `team_id` is unique regardless of case. `name`, `address` and
    `tax_id` are what its invoices show. `closed_at` is when it was closed, for good. `version` is as a user's."""

    team_id: str
    name: str | None
    created_at: int
    address: str | None = None
    tax_id: str | None = None
    limits: Limits = NO_LIMITS
    closed_at: int | None = None
    version: int = 0

    @property
    def status(self) -> TeamStatus:
        return "active" if self.closed_at is None else "closed"

    def __repr__(self) -> str:
        return f"Team({self.team_id!r}, {self.status})"


class TeamStore(Protocol):
    async def load(self) -> list[Team]:
        """All teams, closed ones included, ordered by their ids."""

    async def save(self, team: Team, audit: AuditEntry) -> Team:
        """Insert or replace a team, and append the audit entry, in one durable transaction. Returns the team with its
        new version.

        A value replaces only the version that it was derived from: raises StoreConflict, and changes nothing, where
        another writer has changed it since or has made one of the same name, and where a closed team would have
        members whose accounts are open."""
