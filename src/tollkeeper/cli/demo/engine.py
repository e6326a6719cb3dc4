"""The embedded engine: llama.cpp's server, one process for each model, stopped with the demo however that ends."""

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

    from tollkeeper.cli.demo.job import Job

START_SECONDS = 60
STOP_SECONDS = 5
LOG_LINES = 5


@asynccontextmanager
async def engine(job: Job, log: Path) -> AsyncIterator[tuple[str, int]]:
    """Run the model while the context lasts: gives its address (`http://127.0.0.1:port`) and its process id.

    `log` gets what llama.cpp says. Raises Failure, with the end of that log, when the model does not come up.
    """
    with log.open("wb") as said:
        # A session of its own: Ctrl-C in the terminal must reach the gateway only, which lets its answers finish.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "tollkeeper.cli.demo.child", json.encode(job).decode(),
            stdin=PIPE, stdout=PIPE, stderr=said, start_new_session=True,
        )  # fmt: skip
    try:
        yield await _address(process, job, log), process.pid
    finally:
        await _stop(process)


async def _address(process: Process, job: Job, log: Path) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            address = await process.stdout.readline()
    except TimeoutError:
        address = b""
    if not address:
        raise Failure(f"the stand-in for {job.model} did not start; the end of its log:\n{_tail(log)}")
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
