"""`tollkeeper serve` as a process of its own, on a free port.

    with served(folder, upstream.url, shutdown_timeout=1) as gateway:
        gateway.admin("POST", "/admin/users", {"user_id": "alice"})["api_key"]
        gateway.kill()

A second `served` in the same folder starts on the same database. With a `Clock` it lives in the test's time, with a
time zone (`zone`) in that, and with a `disk` its database lies on one of so many bytes, which ends with it. A `watch`
sees how long its event loop is held.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2 as httpx
import uvloop

from tests.process.clock import Clock
from tests.process.disk import mount_small
from tests.process.watch import Watch
from tollkeeper.app import build
from tollkeeper.app.build import now_ms
from tollkeeper.app.process import serve
from tollkeeper.cli.main import run
from tollkeeper.config import Settings, load_settings

ADMIN = "test-bootstrap-key"
LISTENING = re.compile(r"^Tollkeeper listens on (http://\S+)$", re.MULTILINE)
PATIENCE = 60.0
"""Seconds after which a process that does not start or end is a failure; a busy machine needs some of them."""

# Forked from a process that has imported everything once: thirty starts would otherwise be mostly imports.
FORKS = multiprocessing.get_context("forkserver")


class Served:
    """A running gateway. `url` has no slash at its end; `log` holds what it printed; `place` is the folder of its
    database, as this process sees it."""

    def __init__(self, url: str, process: BaseProcess, log: Path, place: Path, copies: Path | None) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.process = process
        self.log = log
        self.place = place
        self._copies = copies

    @property
    def database(self) -> Path:
        """Its database; of one that lies on a disk of its own, which SQLite cannot open from outside, a copy."""
        if self._copies is not None:
            for file in self._copies.glob("tollkeeper.db*"):
                file.unlink()
            with self._stopped():
                for file in self.place.glob("tollkeeper.db*"):
                    if not file.name.endswith("-shm"):
                        shutil.copyfile(file, self._copies / file.name)
        return (self._copies or self.place) / "tollkeeper.db"

    @contextmanager
    def _stopped(self) -> Iterator[None]:
        pid = self.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            while any(
                stat.read_text().rpartition(") ")[2][0] != "T" for stat in Path(f"/proc/{pid}/task").glob("*/stat")
            ):
                time.sleep(0.001)
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def __repr__(self) -> str:
        return f"Served({self.url}, pid={self.process.pid})"

    def kill(self) -> None:
        """SIGKILL, now."""
        self.process.kill()

    def terminate(self) -> None:
        """SIGTERM, now."""
        self.process.terminate()

    def signal(self, number: signal.Signals) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def exit_code(self) -> int:
        """Wait for its end; negative is the signal that killed it."""
        self.process.join(PATIENCE)
        assert self.process.exitcode is not None, f"it does not end:\n{self.log.read_text()}"
        return self.process.exitcode

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Ask the admin API, with the bootstrap admin key."""
        return self.ask(ADMIN, method, path, body)

    def ask(self, key: str, method: str, path: str, body: object = None) -> Any:
        """Ask with a key, and be answered with success."""
        headers = {"authorization": f"Bearer {key}"}
        # Nothing is encrypted here, and reading the machine's certificates takes longer than the answer.
        answer = httpx.request(method, self.url + path, headers=headers, json=body, timeout=PATIENCE, verify=False)
        assert answer.is_success, answer.text
        return answer.json()

    def new_user(self, user_id: str) -> str:
        """Their key."""
        key: str = self.admin("POST", "/admin/users", {"user_id": user_id})["api_key"]
        return key


@contextmanager
def served(
    folder: Path,
    ollama_url: str,
    *,
    port: int = 0,
    clock: Clock | None = None,
    zone: str | None = None,
    disk: int | None = None,
    watch: Watch | None = None,
    pages: Path | None = None,
    **settings: object,
) -> Iterator[Served]:
    """One that listens, on a free port unless one is named; killed at the end if it still runs. `settings` are given by
    environment, `pages` is a folder of built pages other than the installed ones."""
    log, place = folder / "gateway.log", folder / "disk" if disk else folder
    place.mkdir(exist_ok=True)
    log.write_bytes(b"")
    environment = {"ADMIN_API_KEY": ADMIN} | {f"TOLLKEEPER_{name.upper()}": str(settings[name]) for name in settings}
    if zone is not None:
        environment["TZ"] = zone
    given = {"port": port, "database": place / "tollkeeper.db", "ollama": ollama_url}
    FORKS.set_forkserver_preload([__name__])
    process = FORKS.Process(
        target=_serve, args=(given, environment, folder, log, clock, disk and (place, disk), watch, pages)
    )  # fmt: skip
    process.daemon = True
    process.start()
    try:
        url = _url(process, log)
        if disk:  # which is there for the process alone
            yield Served(url, process, log, Path(f"/proc/{process.pid}/root{place}"), folder)
        else:
            yield Served(url, process, log, place, None)
    finally:
        process.kill()
        process.join()
        process.close()


def _serve(
    given: dict[str, Any],
    environment: dict[str, str],
    folder: Path,
    log: Path,
    clock: Clock | None,
    disk: tuple[Path, int] | None,
    watch: Watch | None,
    pages: Path | None,
) -> None:
    if pages is not None:
        patch.object(build, "assets", return_value=pages).start()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    if disk is not None:
        mount_small(*disk)
    opened = os.open(log, os.O_WRONLY | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(opened, standard)
    if clock is None and watch is None:
        sys.argv = ["tollkeeper", "serve", *(part for name in given for part in (f"--{name}", str(given[name])))]
        run()
    else:
        told = load_settings(port=given["port"], database_path=given["database"], ollama_base_url=given["ollama"])
        uvloop.run(_watched(told, clock, watch))


async def _watched(told: Settings, clock: Clock | None, watch: Watch | None) -> None:
    beating = asyncio.create_task(watch.beat()) if watch is not None else None
    await serve(told, started=lambda url: print(f"Tollkeeper listens on {url}", flush=True), now=clock or now_ms)
    if beating is not None:
        beating.cancel()


def _url(process: BaseProcess, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.is_alive():
        if found := LISTENING.search(log.read_text()):
            return found[1]
        time.sleep(0.005)
    raise AssertionError(f"it does not start:\n{log.read_text()}")
