"""`tollkeeper secrets …`: the secrets of the installation itself."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from tollkeeper.cli.terminal import counted
from tollkeeper.config import Settings, load_settings
from tollkeeper.services.keyring.secrets_file import SecretsFile, secrets_path
from tollkeeper.services.upstreams.rotation import rotate as rotate_master_key
from tollkeeper.store.engines import open_store
from tollkeeper.store.errors import StoreMissing

NEW_MASTER_KEY = "TOLLKEEPER_NEW_MASTER_KEY"
"""Not an option, which every list of processes would show."""


def rotate(database: Path | None) -> None:
    settings = load_settings(database_path=database)
    sealed = asyncio.run(_rotate(settings, os.environ.get(NEW_MASTER_KEY, "").strip() or None))
    print(f"There is a new master key. Sealed anew: the secrets of {counted(sealed, 'upstream')}.")
    if settings.master_key is not None:
        print(f"Start the gateway with the setting master_key at what {NEW_MASTER_KEY} is.")
    else:
        print(f"It is in {secrets_path(settings.database_path)}. Keep a copy: older copies open older backups only.")


async def _rotate(settings: Settings, new: str | None) -> int:
    if not settings.database_path.exists():
        raise StoreMissing(f"there is no database {settings.database_path}")
    old = settings.master_key
    store = await open_store(settings.database_path, now=_now, durability="power", belongings=None)
    try:
        file = SecretsFile(secrets_path(settings.database_path))
        return await rotate_master_key(store, file, _now(), configured=old.get_secret_value() if old else None, new=new)
    finally:
        await store.close()


def _now() -> int:
    return time.time_ns() // 1_000_000
