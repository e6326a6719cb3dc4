"""The program `tollkeeper`: its commands, and their exit codes: 0 success, 1 failure, 2 wrong use."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from tollkeeper import __version__
from tollkeeper.cli import commands
from tollkeeper.cli.admin import commands as admin
from tollkeeper.cli.admin import team_commands as teams
from tollkeeper.cli.admin import user_commands as users
from tollkeeper.cli.admin.usage_commands import usage
from tollkeeper.cli.standard import flush, open_missing

Group = tuple[str, Mapping[str, Callable[..., None]]]
GROUPS: Mapping[str, Group] = {
    "upstreams": (
        "Servers that run models, and accounts at providers.",
        {
            "list": admin.list_upstreams,
            "show": admin.show_upstream,
            "add": admin.add_upstream,
            "change": admin.change_upstream,
            "drain": admin.drain_upstream,
            "disable": admin.disable_upstream,
            "enable": admin.enable_upstream,
            "remove": admin.remove_upstream,
            "check": admin.check_upstream,
        },
    ),
    "models": (
        "Models of upstreams: pull, load, pin, copy and delete them.",
        {
            "list": admin.list_models,
            "pull": admin.pull_model,
            "jobs": admin.list_jobs,
            "follow": admin.follow_job,
            "cancel": admin.cancel_job,
            "load": admin.load_model,
            "unload": admin.unload_model,
            "pin": admin.pin_model,
            "unpin": admin.unpin_model,
            "copy": admin.copy_model,
            "rm": admin.remove_model,
            "evict": admin.evict_models,
        },
    ),
    "end-users": (
        "The people whom keys act for: list, limit, block and erase them.",
        {
            "list": admin.list_end_users,
            "limits": admin.limit_end_user,
            "block": admin.block_end_user,
            "unblock": admin.unblock_end_user,
            "erase": admin.erase_end_user,
        },
    ),
    "aliases": (
        "Other names of models.",
        {"list": admin.list_aliases, "set": admin.set_alias, "remove": admin.remove_alias},
    ),
    "webhooks": (
        "Addresses that events are sent to.",
        {
            "list": admin.list_webhooks,
            "add": admin.add_webhook,
            "test": admin.try_webhook,
            "rotate": admin.rotate_webhook,
            "remove": admin.remove_webhook,
        },
    ),
    "invoices": (
        "Invoices: finalize a month, verify, pay, void and export them.",
        {
            "list": admin.list_invoices,
            "show": admin.show_invoice,
            "finalize": admin.finalize_month,
            "verify": admin.verify_invoices,
            "pay": admin.pay_invoice,
            "void": admin.void_invoice,
            "credit-note": admin.make_credit_note,
            "export": admin.export_invoices,
            "requests": admin.export_invoiced_requests,
        },
    ),
    "users": (
        "Accounts: erasure, identities at OpenID providers, second factors that were lost.",
        {
            "erase": users.erase_user,
            "identities": admin.list_identities,
            "link": admin.link_identity,
            "unlink": admin.unlink_identity,
            "reset-second-factor": commands.reset_second_factor,
        },
    ),
    "teams": (
        "Teams of users, and their limits.",
        {
            "list": teams.list_teams,
            "add": teams.add_team,
            "show": teams.show_team,
            "set": teams.change_team,
            "move": teams.move_user,
            "close": teams.close_team,
            "limits": teams.limit_team,
        },
    ),
    "ledger": ("Verify and export records.", {"verify": commands.verify, "export": commands.export}),
    "db": (
        "Copy, restore, check, upgrade and prune the database.",
        {
            "backup": commands.backup,
            "restore": commands.restore,
            "check": commands.check,
            "upgrade": commands.upgrade,
            "prune": commands.prune,
        },
    ),
    "secrets": ("Change the secrets of the installation.", {"rotate": commands.rotate}),
}


def program() -> typer.Typer:
    """Build the program with all its commands."""
    program = typer.Typer(
        name="tollkeeper",
        help="A gateway that authenticates, meters and bills every request to shared language models.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    program.callback()(_options)
    for command in (commands.serve, commands.demo, commands.load, usage):
        program.command()(command)
    for name, (what, members) in GROUPS.items():
        group = typer.Typer(help=what, no_args_is_help=True)
        for member, command in members.items():
            group.command(member)(command)
        program.add_typer(group, name=name)
    return program


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"tollkeeper {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A gateway that authenticates, meters and bills every request to shared language models."""


def run() -> None:
    """Entry point of the console script. Errors that the user can fix are one line on standard error, no traceback."""
    open_missing()
    try:
        try:
            code = program()(
                standalone_mode=False, prog_name="tollkeeper"
            )  # otherwise Typer reports wrong use in seven lines
        finally:
            flush()
    except typer.Abort:
        _stop("aborted", 1)
    except typer.TyperException as error:
        _stop(_wrong_use(error), 2)
    except Exception as error:
        failed = commands.exit_code(error)
        if failed is None:
            raise
        _stop(str(error), failed)
    sys.exit(code or 0)  # None: the command succeeded


def _wrong_use(error: typer.TyperException) -> str:
    """One line about wrong use; empty if help was shown instead."""
    context: typer.Context | None = getattr(error, "ctx", None)
    why = " ".join(str(getattr(error, "format_message", error.__str__)()).split()).rstrip(".")
    why = why.replace("Value error, ", "")
    return f"{why}; see `{context.command_path} --help`" if why and context else why


def _stop(why: str, code: int) -> NoReturn:
    if why:
        with suppress(OSError):  # without a reader, the exit code must do
            print(f"tollkeeper: {why}", file=sys.stderr, flush=True)
    sys.exit(code)
