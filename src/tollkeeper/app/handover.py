"""Taking over from the previous process."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tollkeeper.app.service_manager import notify
from tollkeeper.config import Settings
from tollkeeper.store.engines import open_store
from tollkeeper.store.errors import StoreBusy
from tollkeeper.store.ports.store import Store

log = logging.getLogger("tollkeeper.app.handover")

HANDOVER_MARGIN = 15.0
"""Seconds beyond `shutdown_timeout` that the previous process may keep the database: it ends the streams of the clients
that are cut, and writes what is still pending."""
_RETRY_EVERY = 0.05


async def open_store_in_turn(
    settings: Settings, now: Callable[[], int], patience: float, belongings: Sequence[Path] | None
) -> Store:
    """Open the database, waiting up to `patience` seconds for another process that has it open. `now` is milliseconds
    since the epoch; `belongings` are files that a database must not be made beside, None where it may be.

    Raises StoreBusy if the database is still open elsewhere after that, and StoreError.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    waiting = False
    while True:
        try:
            return await open_store(
                settings.database_path, now=now, durability=settings.durability, belongings=belongings
            )
        except StoreBusy:
            if loop.time() >= deadline:
                raise
        if not waiting:
            waiting = True
            log.info("another process has the database open; it has %.0f seconds to finish", patience)
            notify(os.environ, "STATUS=Waiting for the database, which another process has open")
        await asyncio.sleep(_RETRY_EVERY)
