"""Who manages users: admins, everyone; admins of a team, its members, and only their limits.

To an admin of a team, whatever is not theirs looks the same, whether or not it exists.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from tollkeeper.rules.delegation import check_delegated
from tollkeeper.rules.errors import Forbidden
from tollkeeper.rules.limits import Limits
from tollkeeper.services.accounts.directory import BOOTSTRAP, Caller, Directory
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.teams import Team


class Manager(Struct, frozen=True):
    """Whoever sees and changes limits of others: an admin, or an admin of a team. `name` is that of the author of
    changes."""

    name: str
    of_team: bool = False

    def __str__(self) -> str:
        return self.name

    def team(self, accounts: Directory, team_id: str) -> Team:
        """A team that they may see. Raises NotFound, and for an admin of a team Forbidden, of any but their own."""
        if not self.of_team:
            return accounts.teams.team(team_id)
        own = self._own_team(accounts)
        if own is None or own.team_id.lower() != team_id.lower():
            raise _not_yours()
        return own

    def member(self, accounts: Directory, user_id: str) -> User:
        """A user that they may see. Raises NotFound, and for an admin of a team Forbidden, of all but members who are
        no admins."""
        if not self.of_team:
            return accounts.user(user_id)
        own = self._own_team(accounts)
        if own is None or not accounts.has_user(user_id):
            raise _not_yours()
        user = accounts.user(user_id)
        if user.team_id != own.team_id or user.role == "admin" or user.status == "closed":
            raise _not_yours()
        return user

    def visible(self, members: Iterable[User]) -> list[User]:
        """Those members of their team that they may see."""
        return [user for user in members if not self.of_team or user.role != "admin"]

    def check_limits(self, accounts: Directory, user: User, wanted: Limits) -> None:
        """Check that they may give these limits to a user. Raises Forbidden, Unprocessable."""
        if not self.of_team:
            return
        own = self._own_team(accounts)
        if own is None or user.team_id != own.team_id or user.role == "admin":
            raise _not_yours()
        if user.team_admin:
            raise Forbidden("The limits of a team's admins, your own included, are for an admin to set. Ask one.")
        check_delegated(user.limits, wanted, own.limits)

    def _own_team(self, accounts: Directory) -> Team | None:
        """The team of an admin of one, as it is now; None where they no longer are its admin."""
        user = accounts.user(self.name)
        return accounts.teams.team(user.team_id) if user.team_admin and user.team_id is not None else None


def manager(caller: Caller) -> Manager:
    """The caller as a manager. Raises Forbidden where they are none."""
    if caller.user.role == "admin":
        return Manager(caller.user.user_id)
    if caller.user.team_admin:
        return Manager(caller.user.user_id, of_team=True)
    raise Forbidden("This needs an admin, or an admin of the team: the key of one, or their session.")


def identify_manager(accounts: Directory, secret: str) -> Manager:
    """Authenticate a manager by a key. Raises InvalidKey, AccountSuspended, Forbidden."""
    return Manager(BOOTSTRAP) if accounts.is_bootstrap(secret) else manager(accounts.identify(secret))


def _not_yours() -> Forbidden:
    return Forbidden("You are an admin of your own team and its members only. Ask an admin.")
