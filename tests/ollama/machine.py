"""A real Ollama that may be killed, and comes back at the same address.

async with Machine("a", folder, models) as machine:
    await machine.start("tiny")
    machine.kill()
    await machine.start()
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

from tests.ollama.rig import Ollama, serving
from tests.ollama.window import Window


class Machine:
    """`name`: its id as an upstream; `window` sees what it is asked, at the address that stays; `ollama`: the one that
    runs there now."""

    ollama: Ollama

    def __init__(self, name: str, folder: Path, models: Path, **settings: str) -> None:
        self.name = name
        self.window = Window()
        self._folder = folder / name
        self._models = models
        self._settings = settings
        self._running = ExitStack()

    def __repr__(self) -> str:
        return f"Machine({self.name!r}, {self.window!r})"

    async def __aenter__(self) -> Machine:
        self._folder.mkdir()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.window.__aexit__()
        self._running.close()

    async def start(self, *models: str) -> None:
        """Start it, with these models in memory."""
        started = serving(self._folder, self._models, **self._settings)
        self.ollama = await asyncio.to_thread(self._running.enter_context, started)  # requests run meanwhile
        for model in models:
            answer = await asyncio.to_thread(self.ollama.ask, "/api/generate", {"model": model})
            assert answer.status == 200, answer.body
        await self.window.open(self.ollama.port)

    def kill(self) -> None:
        """End it by SIGKILL, as the machine's power would."""
        self.window.shut()
        self.ollama.kill()
        self._running.close()
