"""The options and help texts of `tollkeeper users …`.

As in `cli/commands.py`, the code behind a command is imported when it runs.
"""

# ruff: noqa: PLC0415 (see above)

from typing import Annotated

import typer

from tollkeeper.cli.admin.commands import URL, AsJson, Key, Url
from tollkeeper.cli.commands import importing


def erase_user(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="Id of the user.")],
    key: Key,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    url: Url = URL,
    as_json: AsJson = False,
) -> None:
    """Close an account and forget the person. Their name, keys, sessions and metadata go; records and sums stay, under
    an id that tells nothing. It cannot be undone."""
    with importing():
        from tollkeeper.cli.admin import users
    users.erase(url, key, user_id, yes=yes, as_json=as_json)
