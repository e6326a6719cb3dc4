"""What `tollkeeper db …` does: copies of the database, its health, and its version."""

from __future__ import annotations

import time
from pathlib import Path

from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import counted, printable, progress
from tollkeeper.config import Settings, load_settings
from tollkeeper.services.secrets import secrets_path
from tollkeeper.store.sqlite import backup as copies
from tollkeeper.store.sqlite.condition import bring_up, condition


def backup(target: Path, database: Path | None) -> None:
    settings = load_settings(database_path=database)
    with progress("Copying pages") as told:
        copies.backup(settings.database_path, target, told)
    print(f"{target} is a copy of {settings.database_path}.")
    print(f"Not in it, and needed with it: {_secrets(settings)}. Keep a copy of that in another place.")


def restore(source: Path, database: Path | None) -> None:
    settings = load_settings(database_path=database)
    path = settings.database_path
    with progress("Copying pages") as told:
        aside = copies.restore(source, path, time.time_ns() // 1_000_000, told)
    print(f"{path} holds now what {source} held.")
    if aside is not None:
        print(f"What was there before: {aside}")
    print(f"Not in the copy, and needed with it: {_secrets(settings)}. It must be that of the restored database.")


def check(database: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    found = condition(path)
    for fault in found.faults:
        print(printable(fault))
    if found.faults:
        raise Failure(f"the file {path} is damaged: {counted(len(found.faults), 'fault')}; restore a copy")
    if found.revision != found.head:
        raise Failure(
            f"{path} is sound, but of revision {printable(found.revision)}, and this version's is {found.head}:"
            " an older one is brought there by `tollkeeper db upgrade`, a newer one needs the newer version"
        )
    print(f"{path} is sound, and of revision {found.revision}, that of this version.")


def upgrade(database: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    aside = bring_up(path)
    print(f"{path} is of this version now." if aside else f"{path} is of this version already.")
    if aside is not None:
        print(f"What was there before: {aside}")


def _secrets(settings: Settings) -> str:
    if settings.pepper is not None:
        return "the setting pepper"
    return f"the secrets file {secrets_path(settings.database_path)}"
