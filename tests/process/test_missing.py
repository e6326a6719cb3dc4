"""A database that is moved, deleted or replaced while it is served, and a start that finds only what belonged to it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NamedTuple

import httpx2 as httpx
import pytest

from tests.process.command import COMMAND, NOBODY, begin, end, first_lines, refusal
from tests.process.load import CHAT, ask, say_figures
from tests.process.served import ADMIN, PATIENCE, served
from tests.process.strace import killing, must_trace
from tests.scripted import ScriptedUpstream
from tollkeeper.store.sqlite.verify import verify

pytestmark = pytest.mark.process

NAME = "tollkeeper.db"
NOWHERE = "http://127.0.0.1:9"


class Loss(NamedTuple):
    """How the file of this ending is lost and put back, and what is said of it."""

    happens: Callable[[Path], object]
    undone: Callable[[Path], object]
    told: str
    ending: str = ""


def away(file: Path) -> Path:
    return file.with_name("away")


def replaced(file: Path) -> None:
    file.rename(away(file))
    shutil.copy(away(file), file)


def unlinked(file: Path) -> None:
    away(file).hardlink_to(file)
    file.unlink()


LOSSES = {
    "moved": Loss(lambda file: file.rename(away(file)), lambda file: away(file).rename(file), "moved or deleted"),
    "deleted, and linked again": Loss(unlinked, lambda file: away(file).rename(file), "moved or deleted"),
    "replaced by a copy": Loss(replaced, lambda file: away(file).replace(file), "replaced by another file"),
    "log moved": Loss(
        lambda file: file.rename(away(file)), lambda file: away(file).rename(file), "moved or deleted", "-wal"
    ),
    "log replaced": Loss(replaced, lambda file: away(file).replace(file), "replaced by another file", "-wal"),
    "index moved": Loss(
        lambda file: file.rename(away(file)), lambda file: away(file).rename(file), "moved or deleted", "-shm"
    ),
}


async def test_no_request_is_taken_until_it_is_put_back(tmp_path: Path, subtests: pytest.Subtests) -> None:
    async with ScriptedUpstream() as upstream:
        say_figures(upstream, random.Random(1))
        with served(tmp_path, upstream.url) as gateway:
            async with httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http:
                admin = {"authorization": f"Bearer {ADMIN}"}
                made = await http.post("/admin/users", json={"user_id": "ann"}, headers=admin)
                user = {"authorization": f"Bearer {made.json()['api_key']}"}

                async def chat() -> httpx.Response:
                    return await http.post(CHAT, json=ask(stream=False), headers=user)

                for name, loss in LOSSES.items():
                    with subtests.test(name):
                        file = gateway.place / (NAME + loss.ending)
                        assert (await chat()).status_code == 200
                        loss.happens(file)
                        parts = await until_ledger(http, lambda reason: reason is not None)
                        assert loss.told in parts["ledger"]
                        assert str(file) in parts["ledger"]
                        refused = await chat()
                        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "ledger_unavailable")
                        change = await http.post("/admin/users", json={"user_id": name[:3]}, headers=admin)
                        assert change.status_code == 503, change.text
                        metrics = await http.get("/metrics", headers=admin)
                        assert "tollkeeper_ledger_failing 1.0" in metrics.text
                        loss.undone(file)
                        await until_ledger(http, lambda reason: reason is None)
                        assert (await chat()).status_code == 200, "by itself"
                found = (await http.get("/admin/usage", headers=admin)).json()["data"]
            assert len(found) == 2 * len(LOSSES)
            gateway.terminate()
            assert gateway.exit_code() == 0, gateway.log.read_text()
    kept = verify(tmp_path / NAME)
    assert (kept.records, kept.faults) == (2 * len(LOSSES), ())


async def until_ledger(http: httpx.AsyncClient, true: Callable[[str | None], bool]) -> dict[str, str]:
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = await http.get("/ready")
        parts: dict[str, str] = answer.json()["parts"]
        if true(parts["ledger"]):
            assert (answer.status_code == 503) == (parts["ledger"] is not None)
            return parts
        assert time.monotonic() < deadline


def test_a_deleted_log_is_moved_into_the_database_by_the_stop(tmp_path: Path) -> None:
    with served(tmp_path, NOWHERE) as gateway:
        gateway.new_user("ann")
        (tmp_path / f"{NAME}-wal").unlink()
        gateway.terminate()
        assert gateway.exit_code() == 0, gateway.log.read_text()
    with served(tmp_path, NOWHERE) as gateway:
        assert [user["user_id"] for user in gateway.admin("GET", "/admin/users")["data"]] == ["ann"]


def lost(folder: Path, *left: str) -> None:
    """A gateway has been here; of what it made only these files are left."""
    with begin(folder) as process:
        first_lines(process)
        end(process)
    for file in folder.iterdir():
        if file.name.removeprefix(NAME) not in left:
            file.unlink()


@pytest.mark.parametrize("left", [(".secrets",), (".lock",), (".secrets", ".lock")])
def test_a_database_that_was_lost_is_not_begun_anew_unasked(tmp_path: Path, left: tuple[str, ...]) -> None:
    lost(tmp_path, *left)
    code, complaint = refusal(tmp_path)
    assert (code, "--new" in complaint) == (2, True), complaint
    assert all(f"{NAME}{ending}" in complaint for ending in left)
    assert {file.name for file in tmp_path.iterdir()} == {NAME + ending for ending in left}, "nothing was made"
    with begin(tmp_path, "--new") as process:
        first_lines(process)
        end(process)
    with begin(tmp_path) as process:
        first_lines(process)
        end(process)


def test_an_emptied_database_is_a_lost_one(tmp_path: Path) -> None:
    lost(tmp_path, "", ".secrets", ".lock")
    (tmp_path / NAME).write_bytes(b"")
    code, complaint = refusal(tmp_path)
    assert (code, "--new" in complaint) == (2, True), complaint
    assert f"{NAME}.secrets" in complaint


def test_a_log_without_its_database_is_never_thrown_away(tmp_path: Path) -> None:
    lost(tmp_path)
    log = tmp_path / f"{NAME}-wal"
    log.write_bytes(b"what was written last")
    for words in ((), ("--new",)):
        code, complaint = refusal(tmp_path, *words)
        assert (code, str(log.name) in complaint) == (2, True)
    assert log.read_bytes() == b"what was written last"


CALLS = ("openat", "flock", "rename,renameat,renameat2", "fsync,fdatasync", "unlink,unlinkat", "pwrite64")


@pytest.mark.parametrize("calls", CALLS)
def test_a_first_start_that_is_killed_is_not_the_last(tmp_path: Path, calls: str) -> None:
    """At each such call that has to do with a file it makes; of the very many, at some."""
    must_trace()
    for step in count():
        number = 2**step if calls == "pwrite64" else step + 1
        folder = tmp_path / str(number)
        folder.mkdir()
        endings = ("", "-wal", "-shm", "-journal", ".lock", ".secrets", ".secrets.partial")
        paths = [folder / (NAME + ending) for ending in endings]
        serve = [COMMAND, "serve", "--database", paths[0]]
        with subprocess.Popen(
            killing(calls, number, paths, serve), cwd=folder, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env={"PATH": os.defpath, **NOBODY}, start_new_session=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            came_up = any("listens on" in line for line in process.stdout)
            if came_up:
                os.killpg(process.pid, signal.SIGKILL)
        with served(folder, NOWHERE) as gateway:
            gateway.terminate()
            assert gateway.exit_code() == 0, gateway.log.read_text()
        if came_up:
            assert number > 1
            return
