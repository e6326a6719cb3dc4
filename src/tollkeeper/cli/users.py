"""The commands `tollkeeper users …` that work on the database itself, for admins who are locked out."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import printable
from tollkeeper.config import Settings, load_settings
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.engines import open_store
from tollkeeper.store.errors import StoreMissing

OPERATOR = Actor("@cli")


def reset_second_factor(user_id: str, database: Path | None) -> None:
    settings = load_settings(database_path=database)
    name = asyncio.run(_reset(settings, user_id))
    print(f"{name} has no second factor any more: the password alone signs them in.")


async def _reset(settings: Settings, user_id: str) -> str:
    if not settings.database_path.exists():
        raise StoreMissing(f"there is no database {settings.database_path}")
    store = await open_store(settings.database_path, now=_now, durability="power", belongings=None)
    try:
        users, _ = await store.accounts.load()
        found = next((user.user_id for user in users if user.user_id.lower() == user_id.lower()), None)
        if found is None:
            raise Failure(f"there is no user {printable(user_id[:64])}")
        if all(factor.user_id != found for factor in await store.second_factors.load()):
            raise Failure(f"{found} has no second factor")
        await store.second_factors.delete(found, OPERATOR.entry(_now(), "user.second_factor_reset", found))
    finally:
        await store.close()
    return found


def _now() -> int:
    return time.time_ns() // 1_000_000
