"""The commands `tollkeeper db …`: copies of the database, checks, upgrades and pruning."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import typer

from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import counted, printable, progress
from tollkeeper.config import Settings, load_settings
from tollkeeper.rules.times import format_month, format_time
from tollkeeper.services.keyring.secrets_file import secrets_path
from tollkeeper.store.engines import maintenance
from tollkeeper.store.ports.maintenance import Pruning

_LIMITS_NEED_MS = 2 * 86_400_000


def backup(target: Path, database: Path | None) -> None:
    settings = load_settings(database_path=database)
    with progress("Copying pages") as report:
        maintenance(settings.database_path).backup(target, report)
    print(f"Copied {settings.database_path} to {target}.")
    print(f"The copy does not contain {_secrets(settings)}, which a restore needs. Back that up separately.")


def restore(source: Path, database: Path | None) -> None:
    settings = load_settings(database_path=database)
    path = settings.database_path
    with progress("Copying pages") as report:
        previous = maintenance(path).restore(source, time.time_ns() // 1_000_000, report)
    print(f"Restored {path} from {source}.")
    if previous is not None:
        print(f"The previous database: {previous}")
    print(
        f"The backup does not contain {_secrets(settings)}. It must be the one that belongs to the restored database."
    )


def check(database: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    found = maintenance(path).health()
    for fault in found.faults:
        print(printable(fault))
    if found.faults:
        raise Failure(f"the file {path} is damaged: {counted(len(found.faults), 'fault')}; restore a backup")
    if found.revision != found.head:
        raise Failure(
            f"{path} is undamaged, but has revision {printable(found.revision)}, and this version needs {found.head}:"
            " if older, run `tollkeeper db upgrade`; if newer, run the newer version of Tollkeeper"
        )
    print(f"{path} is undamaged, and has this version's revision, {found.revision}.")


def upgrade(database: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    previous = maintenance(path).upgrade()
    print(f"{path} was upgraded to this version." if previous else f"{path} has this version already.")
    if previous is not None:
        print(f"The previous database: {previous}")


def prune(before: datetime, database: Path | None, *, yes: bool) -> None:
    moment = int(before.replace(tzinfo=UTC).timestamp() * 1000)
    if moment > time.time_ns() // 1_000_000 - _LIMITS_NEED_MS:
        raise typer.BadParameter("limits need the records of the last two days", param_hint="--before")
    path = load_settings(database_path=database).database_path
    with maintenance(path).unserved() as unserved:
        _must_be_invoiced(unserved, moment)
        what = f"{counted(unserved.prunable(moment), 'record')} from before {format_time(moment)}"
        if not yes:
            typer.confirm(f"Delete {what} from {path}?", abort=True, err=True)
        unserved.prune(moment)
    print(f"Deleted {what} from {path}. Hourly sums are kept.")


def _must_be_invoiced(unserved: Pruning, before: int) -> None:
    """Raise Failure where records to delete are of a month that is not finalized."""
    month = min(unserved.open_months(), default=before)
    if month < before:
        raise Failure(
            f"no invoice covers all records of {format_month(month)}, and once deleted they can never be invoiced:"
            f" finalize that month first, or delete with --before {format_month(month)}-01"
        )


def _secrets(settings: Settings) -> str:
    given = [name for name in ("pepper", "master_key") if getattr(settings, name) is not None]
    file = f"the secrets file {secrets_path(settings.database_path)}"
    if not given:
        return file
    settings_given = " and ".join(f"the setting {name}" for name in given)
    return settings_given if len(given) == 2 else f"{file} and {settings_given}"
