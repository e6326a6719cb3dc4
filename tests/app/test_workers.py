"""The supervisor of workers, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[[int], subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def run(count: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.app.supervised", str(count), str(tmp_path)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()  # its workers end with it
        process.communicate()


def until(true: Callable[[], bool]) -> None:
    """Wait for something that must come about; the bound only ends a test that fails."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def pid_of(folder: Path, number: int) -> int:
    return int((folder / str(number)).read_text())


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_all_are_ready_in_processes_of_their_own_and_a_signal_ends_them(start: Start, tmp_path: Path) -> None:
    supervisor = start(3)
    assert ready(supervisor) == "ready\n"
    assert len({supervisor.pid, *(pid_of(tmp_path, number) for number in (1, 2, 3))}) == 4
    supervisor.terminate()
    assert supervisor.wait() == 0
    assert [(tmp_path / f"{number}.ended").read_text() for number in (1, 2, 3)] == [str(int(signal.SIGTERM))] * 3


def test_a_terminals_interrupt_reaches_each_worker_once(start: Start, tmp_path: Path) -> None:
    supervisor = start(2)
    ready(supervisor)
    for number in (1, 2):
        assert os.getpgid(pid_of(tmp_path, number)) != os.getpgid(supervisor.pid)
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait() == 0
    assert [(tmp_path / f"{number}.ended").read_text() for number in (1, 2)] == [str(int(signal.SIGINT))] * 2


def test_a_worker_that_is_killed_is_started_again_and_the_others_stay(start: Start, tmp_path: Path) -> None:
    supervisor = start(2)
    ready(supervisor)
    first, second = pid_of(tmp_path, 1), pid_of(tmp_path, 2)
    os.kill(second, signal.SIGKILL)
    until(lambda: pid_of(tmp_path, 2) != second)
    assert pid_of(tmp_path, 1) == first
    assert is_running(first)
    supervisor.terminate()
    assert supervisor.communicate()[1].count("worker 2 ended by signal 9") == 1
    assert supervisor.returncode == 0


def test_a_first_worker_that_cannot_start_ends_the_start(start: Start, tmp_path: Path) -> None:
    (tmp_path / "1.fail").write_text("no such database")
    supervisor = start(2)
    _, errors = supervisor.communicate(timeout=60)
    assert (supervisor.returncode, errors.splitlines()) == (1, ["no such database"])
    assert not (tmp_path / "2").exists()


def test_another_worker_that_cannot_start_ends_the_first_too(start: Start, tmp_path: Path) -> None:
    (tmp_path / "2.fail").write_text("no such database")
    supervisor = start(2)
    out, _ = supervisor.communicate(timeout=60)
    assert (supervisor.returncode, out) == (1, "")
    assert (tmp_path / "1.ended").exists()


def test_workers_learn_that_their_supervisor_is_gone(start: Start, tmp_path: Path) -> None:
    supervisor = start(2)
    ready(supervisor)
    supervisor.kill()
    supervisor.wait()
    until(lambda: all((tmp_path / f"{number}.ended").exists() for number in (1, 2)))
