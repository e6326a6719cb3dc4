"""Teams of users."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict, replace
from sqlalchemy import Connection, Row, bindparam, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from tollkeeper.store.errors import StoreConflict
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.teams import Team
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.limits import limits_of, limits_text
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import teams, users

# In the order of the fields, so that a row is the arguments of a value.
_ALL = select(*(teams.c[name] for name in Team.__struct_fields__)).order_by(teams.c.team_id)
_LIMITS = Team.__struct_fields__.index("limits")
_HAS_MEMBERS = select(exists().where(users.c.team_id == bindparam("team"), users.c.status != "closed"))


class SqlTeams:
    """See `ports.TeamStore`. Every call raises StoreError when it fails."""

    def __init__(self, writer: Runner, reader: Runner) -> None:
        self._writer = writer
        self._reader = reader

    async def load(self) -> list[Team]:
        return await self._reader.run(lambda connection: [_team(row) for row in connection.execute(_ALL)])

    async def save(self, team: Team, audit: AuditEntry) -> Team:
        def write(connection: Connection) -> Team:
            if team.closed_at is not None and connection.execute(_HAS_MEMBERS, {"team": team.team_id}).scalar():
                raise StoreConflict("another writer has moved a user into the team that is to be closed")
            saved = replace(team, version=team.version + 1)
            row = asdict(saved) | {"limits": limits_text(team.limits)}
            if not team.version:
                try:
                    connection.execute(insert(teams), row)
                except IntegrityError:
                    raise StoreConflict("a team of this name was made by another writer") from None
            else:
                known = update(teams).where(teams.c.team_id == team.team_id, teams.c.version == team.version)
                if connection.execute(known.values(row)).rowcount != 1:
                    raise StoreConflict("a team was changed by another writer after it was read")
            append(connection, audit)
            return saved

        return await self._writer.run(write)


def _team(row: Row[Any]) -> Team:
    values = [*row]
    values[_LIMITS] = limits_of(values[_LIMITS])
    return Team(*values)
