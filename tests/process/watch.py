"""How long a gateway's event loop is held, as seen from inside of its process."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

BEAT = 0.005


class Watch:
    """Give it to `served`; then `held` is the longest that the loop was held since the last `begin`, in seconds.

    A machine that is busy with something else makes beats late, too. So of a beat that comes late only as much counts
    as the process itself computed meanwhile, less what the loop's thread waited for a core (proc_pid_schedstat).
    """

    def __init__(self, context: Any) -> None:
        self._held = context.Value("d", 0.0)

    @classmethod
    def new(cls) -> Watch:
        return cls(multiprocessing.get_context("forkserver"))

    @property
    def held(self) -> float:
        return float(self._held.value)

    def begin(self) -> None:
        self._held.value = 0.0

    async def beat(self) -> None:
        """Runs in the loop that is watched, until cancelled."""
        loop = asyncio.get_running_loop()
        schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")

        def waited() -> float:
            return int(schedule.read_text().split()[1]) / 1e9

        while True:
            due, used, before = loop.time() + BEAT, time.process_time(), waited()
            await asyncio.sleep(BEAT)
            late = min(loop.time() - due - (waited() - before), time.process_time() - used)
            self._held.value = max(self._held.value, late)
