"""The embedded engine: llama.cpp's server, one process per model, each of which ends with the demo in any case."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import json

from tollkeeper.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tollkeeper.cli.demo.engine.model import EngineModel

START_SECONDS = 60
STOP_SECONDS = 5
LOG_LINES = 5


@asynccontextmanager
async def run_engine(model: EngineModel, log: Path) -> AsyncIterator[tuple[str, int]]:
    """Run the model while the context lasts. Yields its address (`http://127.0.0.1:port`) and its process id.

    llama.cpp writes to `log`. Raises Failure with the end of that log if the model does not start.
    """
    with log.open("wb") as log_file:
        # In a separate session, so that Ctrl-C in the terminal reaches the gateway only, which finishes its responses.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "tollkeeper.cli.demo.engine.child", json.encode(model).decode(),
            stdin=PIPE, stdout=PIPE, stderr=log_file, start_new_session=True,
        )  # fmt: skip
    try:
        yield await _address(process, model, log), process.pid
    finally:
        await _stop(process)


async def _address(process: Process, model: EngineModel, log: Path) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            address = await process.stdout.readline()
    except TimeoutError:
        address = b""
    if not address:
        raise Failure(f"the stand-in for {model.name} did not start; the end of its log:\n{_tail(log)}")
    return address.decode().strip()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


async def _stop(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
