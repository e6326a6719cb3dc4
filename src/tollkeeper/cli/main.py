"""The program `tollkeeper`: its commands, and the exit codes they share: 0 done, 1 failed, 2 wrong use."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import typer

from tollkeeper.cli import database, ledger
from tollkeeper.cli.demo.command import demo
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.load.command import load
from tollkeeper.cli.serve import serve
from tollkeeper.config import ConfigError
from tollkeeper.services.secrets import SecretsError
from tollkeeper.store.errors import StoreError

WRONG_USE = (ConfigError,)
FAILED = (Failure, SecretsError, StoreError, OSError)
Group = tuple[str, Sequence[Callable[..., None]]]
GROUPS: Mapping[str, Group] = {
    "ledger": ("Prove and export what was recorded.", (ledger.verify, ledger.export)),
    "db": (
        "Copy, restore, check and upgrade the database.",
        (database.backup, database.restore, database.check, database.upgrade),
    ),
}


def program() -> typer.Typer:
    """All commands."""
    commands = typer.Typer(
        name="tollkeeper",
        help="A gateway that authenticates, meters and bills every request to shared language models.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for command in (serve, demo, load):
        commands.command()(command)
    for name, (what, members) in GROUPS.items():
        group = typer.Typer(help=what, no_args_is_help=True)
        for member in members:
            group.command()(member)
        commands.add_typer(group, name=name)
    return commands


def run() -> None:
    """The console entry. What is the user's to mend is one line on standard error, never a traceback."""
    try:
        program()()
    except WRONG_USE as error:
        _stop(error, 2)
    except FAILED as error:
        _stop(error, 1)


def _stop(error: Exception, code: int) -> NoReturn:
    print(f"tollkeeper: {error}", file=sys.stderr)
    sys.exit(code)
