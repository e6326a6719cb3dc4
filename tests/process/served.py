"""`tollkeeper serve` as a process of its own, on a free port.

    with served(folder, upstream.url, shutdown_timeout=1) as gateway:
        gateway.admin("POST", "/admin/users", {"user_id": "alice"})["api_key"]
        gateway.kill()

A second `served` in the same folder starts on the same database.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tollkeeper.cli.main import run

ADMIN = "test-bootstrap-key"
LISTENING = re.compile(r"^Tollkeeper listens on (http://\S+)$", re.MULTILINE)
PATIENCE = 60.0
"""Seconds after which a process that does not start or end is a failure; a busy machine needs some of them."""

# Forked from a process that has imported everything once: thirty starts would otherwise be mostly imports.
FORKS = multiprocessing.get_context("forkserver")


class Served:
    """A running gateway. `url` has no slash at its end; `log` holds what it printed; `database` is its file."""

    def __init__(self, url: str, process: BaseProcess, log: Path, database: Path) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])
        self.process = process
        self.log = log
        self.database = database

    def __repr__(self) -> str:
        return f"Served({self.url}, pid={self.process.pid})"

    def kill(self) -> None:
        """SIGKILL, now."""
        self.process.kill()

    def terminate(self) -> None:
        """SIGTERM, now."""
        self.process.terminate()

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
def served(folder: Path, ollama_url: str, **settings: object) -> Iterator[Served]:
    """One that listens; killed at the end if it still runs. `settings` are given by environment."""
    log, database = folder / "gateway.log", folder / "tollkeeper.db"
    log.write_bytes(b"")
    environment = {"ADMIN_API_KEY": ADMIN} | {f"TOLLKEEPER_{name.upper()}": str(settings[name]) for name in settings}
    arguments = ["serve", "--port", "0", "--database", str(database), "--ollama", ollama_url]
    FORKS.set_forkserver_preload([__name__])
    process = FORKS.Process(target=_serve, args=(arguments, environment, folder, log), daemon=True)
    process.start()
    try:
        yield Served(_url(process, log), process, log, database)
    finally:
        process.kill()
        process.join()
        process.close()


def _serve(arguments: list[str], environment: dict[str, str], folder: Path, log: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    opened = os.open(log, os.O_WRONLY | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(opened, standard)
    sys.argv = ["tollkeeper", *arguments]
    run()


def _url(process: BaseProcess, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.is_alive():
        if found := LISTENING.search(log.read_text()):
            return found[1]
        time.sleep(0.005)
    raise AssertionError(f"it does not start:\n{log.read_text()}")
