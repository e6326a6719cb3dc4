"""Who pays: a user or a team, as paths, parameters and bodies name them."""

from __future__ import annotations

from tollkeeper.control.context import ControlServices
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.invoices import PayerId


def user_payer(services: ControlServices, user_id: str) -> PayerId:
    """A user, in any case. Raises NotFound."""
    return PayerId("user", services.accounts.user(user_id).user_id)


def team_payer(services: ControlServices, team_id: str) -> PayerId:
    """A team, in any case. Raises NotFound."""
    return PayerId("team", services.accounts.teams.team(team_id).team_id)


def payer_of(
    services: ControlServices, user_id: str | None, team_id: str | None, names: tuple[str, str]
) -> PayerId | None:
    """The payer that one of two fields names, None: neither does. `names` are those of the fields. Raises NotFound, and
    Unprocessable where both do."""
    if user_id is not None and team_id is not None:
        raise Unprocessable(
            f"'{names[0]}' and '{names[1]}' are given: an invoice has one payer. Name one.", param=names[1]
        )
    if user_id is not None:
        return user_payer(services, user_id)
    return None if team_id is None else team_payer(services, team_id)
