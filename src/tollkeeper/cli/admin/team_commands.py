"""The options and help texts of `tollkeeper teams …`, as in `commands.py`."""

# ruff: noqa: PLC0415 (the code behind a command is imported when it runs)

from typing import Annotated

import typer

from tollkeeper.cli.admin.commands import URL, AsJson, Key, Set, Url
from tollkeeper.cli.commands import importing

TeamId = Annotated[str, typer.Argument(metavar="ID", help="Id of the team.")]
Name = Annotated[str | None, typer.Option(help="What it is called.")]
Address = Annotated[str | None, typer.Option(help="Its postal address, for invoices.")]
TaxId = Annotated[str | None, typer.Option(help="The number by which tax offices know it, for invoices.")]
LimitChanges = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="LIMIT=JSON", help="A limit, such as tokens_per_day=200000; may be repeated."),
]


def list_teams(key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """The teams, and what was used in each this month."""
    with importing():
        from tollkeeper.cli.admin import teams
    teams.list_all(url, key, as_json=as_json)


def show_team(team_id: TeamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Everything about a team."""
    with importing():
        from tollkeeper.cli.admin import teams
    teams.show(url, key, team_id, as_json=as_json)


def add_team(
    team_id: TeamId,
    key: Key,
    name: Name = None,
    address: Address = None,
    tax_id: TaxId = None,
    limits: LimitChanges = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Add a team."""
    with importing():
        from tollkeeper.cli.admin import teams
    teams.add(url, key, team_id, {"name": name, "address": address, "tax_id": tax_id}, limits or (), as_json=as_json)


def change_team(
    team_id: TeamId,
    key: Key,
    name: Name = None,
    address: Address = None,
    tax_id: TaxId = None,
    others: Set = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Change a team. What is not named stays; `--set FIELD=null` removes one."""
    with importing():
        from tollkeeper.cli.admin import teams
    teams.change(url, key, team_id, {"name": name, "address": address, "tax_id": tax_id}, others or (), as_json=as_json)


def move_user(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="Id of the user.")],
    team_id: Annotated[str, typer.Argument(metavar="TEAM", help="Id of the team; - takes the user out of theirs.")],
    key: Key,
    team_admin: Annotated[
        bool | None, typer.Option("--admin/--no-admin", help="Whether the user is an admin of the team.")
    ] = None,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Move a user into a team, from the next request on. What was used before stays with the old one."""
    with importing():
        from tollkeeper.cli.admin import teams
    teams.move(url, key, user_id, team_id, team_admin=team_admin, as_json=as_json)


def close_team(team_id: TeamId, key: Key, url: Url = URL, as_json: AsJson = False) -> None:
    """Close a team without members, for good. Its records stay."""
    with importing():
        from tollkeeper.cli.admin import teams
    teams.close(url, key, team_id, as_json=as_json)


def limit_team(
    team_id: TeamId, key: Key, changes: LimitChanges = None, url: Url = URL, as_json: AsJson = False
) -> None:
    """Show the limits of a team and what remains of each, or change some: LIMIT=null clears one."""
    with importing():
        from tollkeeper.cli.admin import teams
    teams.limits(url, key, team_id, changes or (), as_json=as_json)
