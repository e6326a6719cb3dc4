"""Teams of users: a directory of them in memory, and changes to them.

Each change is saved with its audit entry, and applied in memory right after. Teams have no keys of their own: their
members' requests count towards the team's limits beside their own. Moving users between teams is a change to users
(`accounts.py`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, replace

from tollkeeper.rules.errors import Conflict, NotFound, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.rules.owners import Owner
from tollkeeper.services.accounts.owners import owner_of
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.limits.changes import LimitsChange, audited_limits, merged
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.teams import Team, TeamStore

TEAM_ID = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
MOST_TEAMS = 10_000
"""The most teams, closed ones included: all are kept in memory."""
TeamAction = Literal["team.create", "team.update", "team.close", "team.limits"]
Change = Callable[[], Awaitable[Team]]


class TeamChange(Struct, frozen=True):
    """A change to a team; fields that are unset stay. None removes one."""

    name: str | UnsetType | None = UNSET
    address: str | UnsetType | None = UNSET
    tax_id: str | UnsetType | None = UNSET


class Teams:
    """Teams, in memory and in the store. `run` makes a change in the accounts' queue of changes, decided anew where
    another writer of the store came first. `limits_changed` is awaited with a team's owner before its new limits are
    saved; `on_limits_saved` is called with it once they are. `changed` is awaited with the id of a team whose owner has
    been replaced."""

    def __init__(
        self,
        store: TeamStore,
        now: Callable[[], int],
        run: Callable[[Change], Awaitable[Team]],
        limits_changed: Callable[[Owner], Awaitable[None]],
    ) -> None:
        self._store = store
        self._now = now
        self._run = run
        self._limits_changed = limits_changed
        self.on_limits_saved: list[Callable[[Owner], None]] = []
        self.changed: Callable[[str], Awaitable[None]] = _nobody_follows
        self._teams: dict[str, Team] = {}
        self._owners: dict[str, Owner] = {}
        self._members: dict[str, dict[str, None]] = {}
        """Ids of the users in each team whose accounts are open, in the order in which they came."""

    def __repr__(self) -> str:
        return f"Teams({len(self._teams)})"

    async def load(self) -> None:
        """Read all teams from the store, at the start and where another writer has changed them."""
        for team in await self._store.load():
            known = self._teams.get(team.team_id.lower())
            if known is not None and known.version != team.version:
                await self._limits_changed(owner_of(team))
            if known is None or known.version != team.version:
                await self._put(team)

    def all(self) -> list[Team]:
        """All teams, closed ones included, ordered by their ids."""
        return [self._teams[name] for name in sorted(self._teams)]

    def team(self, team_id: str) -> Team:
        """The team with this id, whatever its case. Raises NotFound."""
        team = self._teams.get(team_id.lower())
        if team is None:
            raise NotFound(f"There is no team {team_id[:64]!r}.", param="team_id")
        return team

    def spelled(self, team_id: str) -> str:
        """The id of a team as it was made, of one in any case; of no team as it is."""
        team = self._teams.get(team_id.lower())
        return team_id if team is None else team.team_id

    def joinable(self, team_id: str) -> Team:
        """The team with this id, for a user who is to be in it. Raises Unprocessable, and Conflict where it is
        closed."""
        team = self._teams.get(team_id.lower())
        if team is None:
            raise Unprocessable(f"There is no team {team_id[:64]!r}. POST /admin/teams makes one.", param="team")
        _check_open(team)
        return team

    def owner(self, team_id: str) -> Owner:
        """The team as the owner of limits on its members' requests: one object until its limits change."""
        return self._owners[team_id]

    def open_owner(self, team_id: str) -> Owner | None:
        """As `owner`; None where there is no such team, or where it is closed."""
        team = self._teams.get(team_id.lower())
        return None if team is None or team.closed_at is not None else self._owners[team.team_id]

    def owners(self) -> Iterator[Owner]:
        yield from self._owners.values()

    def members(self, team_id: str) -> list[str]:
        """Ids of the users in a team, in the order in which they came."""
        return [*self._members.get(team_id, ())]

    def count_members(self, team_id: str) -> int:
        return len(self._members.get(team_id, ()))

    def place(self, before: User | None, user: User) -> None:
        """Note in which team a user is now, who was in that of `before`."""
        if before is not None and before.team_id is not None:
            self._members.get(before.team_id, {}).pop(user.user_id, None)
        if user.team_id is not None and user.status != "closed":
            self._members.setdefault(user.team_id, {})[user.user_id] = None

    async def create(
        self,
        team_id: str,
        by: Actor,
        *,
        name: str | None = None,
        address: str | None = None,
        tax_id: str | None = None,
        limits: LimitsChange | None = None,
    ) -> Team:
        """Create a team. Raises Conflict when the id is taken, whatever its case, even by a closed team, and
        Unprocessable."""
        if not re.fullmatch(TEAM_ID, team_id):
            raise Unprocessable(
                "A team_id has 1 to 64 letters, digits and . _ @ -, and begins with a letter or digit.", param="team_id"
            )

        async def change() -> Team:
            if team_id.lower() in self._teams:
                raise Conflict(f"The team_id {team_id!r} is taken. Choose another.", param="team_id")
            if len(self._teams) >= MOST_TEAMS:
                raise Conflict(f"There are at most {MOST_TEAMS} teams, closed ones included.", code="too_many_teams")
            team = Team(team_id, name, self._now(), address, tax_id, merged(NO_LIMITS, limits or {}, "limits."))
            return await self._save(by, "team.create", team, _audited(team) | audited_limits(team.limits), limited=True)

        return await self._run(change)

    async def update(self, team_id: str, by: Actor, wanted: TeamChange) -> Team:
        """Change a team. Raises NotFound, and Conflict for a closed one."""
        given: dict[str, Any] = {name: value for name, value in asdict(wanted).items() if value is not UNSET}

        async def change() -> Team:
            team = self._open(team_id)
            return await self._save(by, "team.update", replace(team, **given), given) if given else team

        return await self._run(change)

    async def set_limits(self, team_id: str, by: Actor, change: LimitsChange) -> Team:
        """Merge a change into a team's limits. Raises NotFound, Unprocessable, and Conflict for a closed team."""

        async def run() -> Team:
            team = self._open(team_id)
            team = replace(team, limits=merged(team.limits, change))
            return await self._save(by, "team.limits", team, audited_limits(team.limits), limited=True)

        return await self._run(run)

    async def close(self, team_id: str, by: Actor) -> Team:
        """Close a team for good; its records stay, and so does its name. Closing it again changes nothing. Raises
        NotFound, and Conflict while it has members."""

        async def change() -> Team:
            team = self.team(team_id)
            if team.closed_at is not None:
                return team
            members = self.count_members(team.team_id)
            if members:
                raise Conflict(
                    f"The team {team.team_id!r} has members: {members}. Move them to other teams first.",
                    code="team_has_members",
                )
            return await self._save(by, "team.close", replace(team, closed_at=self._now()), {})

        return await self._run(change)

    def _open(self, team_id: str) -> Team:
        team = self.team(team_id)
        _check_open(team)
        return team

    async def _save(
        self, by: Actor, action: TeamAction, team: Team, detail: dict[str, object], *, limited: bool = False
    ) -> Team:
        if limited:
            # Before saving: a limit without its past usage must not take effect, now or at the next start.
            await self._limits_changed(owner_of(team))
        saved = await self._store.save(team, by.entry(self._now(), action, team.team_id, detail))
        await self._put(saved)
        if limited:
            for call in self.on_limits_saved:
                call(self.owner(saved.team_id))
        return saved

    async def _put(self, team: Team) -> None:
        before = self._teams.get(team.team_id.lower())
        self._teams[team.team_id.lower()] = team
        if before is None or before.limits != team.limits:
            self._owners[team.team_id] = owner_of(team)
            await self.changed(team.team_id)


async def _nobody_follows(_: str) -> None:
    pass


def _check_open(team: Team) -> None:
    if team.closed_at is not None:
        raise Conflict(f"The team {team.team_id!r} is closed, for good. Make a new one.", code="team_closed")


def _audited(team: Team) -> dict[str, object]:
    return {"name": team.name, "address": team.address, "tax_id": team.tax_id}
