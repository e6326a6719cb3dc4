"""One process a database: the lock, and what a refused start leaves of it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.values import NOON
from tollkeeper.store.errors import StoreBusy, StoreError
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.lock import lock_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def opened(path: Path) -> SqliteStore:
    return await open_store(path, now=lambda: NOON)


async def test_a_second_opener_is_refused_until_the_first_has_closed(path: Path) -> None:
    store = await opened(path)
    with pytest.raises(StoreBusy, match="open in another process"):
        await opened(path)
    await store.close()
    await (await opened(path)).close()


async def test_a_second_process_is_refused(path: Path) -> None:
    store = await opened(path)
    program = (
        "import asyncio, pathlib, sys\n"
        "from tollkeeper.store.sqlite import open_store\n"
        "asyncio.run(open_store(pathlib.Path(sys.argv[1]), now=lambda: 0))"
    )
    done = subprocess.run([sys.executable, "-c", program, path], check=False, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        f"tollkeeper.store.errors.StoreBusy: the database {path} is open in another process; stop that one first"
    )
    await store.close()


async def test_a_command_that_looks_whether_it_is_served_keeps_no_start_from_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await opened(path)).close()
    looking = os.open(lock_path(path), os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
    await (await opened(path)).close()
    os.close(looking)


async def test_a_refused_opening_leaves_no_lock(path: Path) -> None:
    path.write_bytes(b"x" * 1000)
    for _ in range(2):
        with pytest.raises(StoreError, match="not a database"):
            await opened(path)
