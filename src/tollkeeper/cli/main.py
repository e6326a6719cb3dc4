"""The program `tollkeeper`: its commands, and the exit codes they share: 0 done, 1 failed, 2 wrong use."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import typer

from tollkeeper.cli import words

Group = tuple[str, Sequence[Callable[..., None]]]
GROUPS: Mapping[str, Group] = {
    "ledger": ("Prove and export what was recorded.", (words.verify, words.export)),
    "db": (
        "Copy, restore, check and upgrade the database.",
        (words.backup, words.restore, words.check, words.upgrade),
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
    for command in (words.serve, words.demo, words.load):
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
    except Exception as error:
        code = words.exit_code(error)
        if code is None:
            raise
        _stop(error, code)


def _stop(error: Exception, code: int) -> NoReturn:
    print(f"tollkeeper: {error}", file=sys.stderr)
    sys.exit(code)
