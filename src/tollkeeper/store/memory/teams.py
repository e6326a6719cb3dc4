"""Teams of users."""

from __future__ import annotations

from msgspec.structs import replace

from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.teams import Team


class MemoryTeams:
    """See `ports.TeamStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[Team]:
        return sorted(self._tables.teams.values(), key=lambda team: team.team_id)

    async def save(self, team: Team, audit: AuditEntry) -> Team:
        self._tables.must_be_writable()
        teams, kept = self._tables.teams, self._tables.teams.get(team.team_id)
        if team.version != (0 if kept is None else kept.version):
            raise StoreConflict("a team was changed by another writer after it was read")
        if kept is None and team.team_id.lower() in {team_id.lower() for team_id in teams}:
            raise StoreConflict("two teams differ by case only")
        if team.closed_at is not None and any(
            user.team_id == team.team_id and user.status != "closed" for user in self._tables.users.values()
        ):
            raise StoreConflict("another writer has moved a user into the team that is to be closed")
        saved = teams[team.team_id] = replace(team, version=team.version + 1)
        append(self._tables, audit)
        return saved
