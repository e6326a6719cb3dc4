"""Programs that serve: on which cores they run, what CPU and memory all of their processes use, and their end; and the
load generator."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.load import Job, Result

ALL_CORES = frozenset(os.sched_getaffinity(0))
GATEWAY_CORE = frozenset({min(ALL_CORES)})
OTHER_CORE = frozenset({max(ALL_CORES)})
"""Where the mock and the generator run; the same one on a machine that has no other."""
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
TOP = Path(__file__).parents[1]
START_SECONDS = 90.0
STOP_SECONDS = 40.0
LOOK_SECONDS = 0.002
"""Between two looks at whether a program is ready: what a start's time may be wrong by."""


class BenchError(Exception):
    """The bench cannot go on; the message says what a program said last."""


class Stat(NamedTuple):
    """What the kernel tells of a process: seconds of CPU with those of its children that ended, bytes of memory."""

    session: int
    cpu: float
    resident: int


class Program:
    """What runs in a session of its own: a process, and all that it started. It answers at `port`; `start` is the
    seconds that passed until it did."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, start: float) -> None:
        self._process = process
        self.port = port
        self.start = start

    def __repr__(self) -> str:
        return f"Program({self._process.pid}, port {self.port})"

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu(self) -> float:
        """Seconds of CPU, user and system, that all its processes used so far."""
        return sum(stat.cpu for stat in self._processes())

    def resident(self) -> float:
        """Megabytes (10⁶ bytes) of memory that its processes hold; what two share counts twice."""
        return sum(stat.resident for stat in self._processes()) / 1e6

    def most_resident(self) -> float:
        """The most megabytes that its first process ever held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [kilobytes] = re.findall(r"^VmHWM:\s+([0-9]+) kB$", status, re.MULTILINE)
        return int(kilobytes) * 1024 / 1e6

    def _processes(self) -> list[Stat]:
        return [stat for stat in _all_stats() if stat.session == self._process.pid]


def _all_stats() -> Iterator[Stat]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it ended in between
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                ticks = sum(map(int, fields[11:15]))
                yield Stat(int(fields[3]), ticks / TICK, int(fields[21]) * PAGE)


class Peak:
    """The most memory that a program held while this was entered, in megabytes; looked at ten times a second."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.resident = 0.0

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.resident = max(self.resident, self._program.resident())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


@contextmanager
def serving(
    arguments: Sequence[str],
    *,
    port: int,
    ready: str,
    cores: Collection[int],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Start it in `folder`, on `cores`; it is ready when GET of the path `ready` on `port` is answered 200. It ends by
    SIGTERM. Raises BenchError when it does not start."""
    log = folder / f"{Path(arguments[0]).name}.log"
    with log.open("ab") as output, _on(cores):
        began = time.perf_counter()
        process = subprocess.Popen(
            arguments, cwd=folder, env=_environment(environment), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        with _on(OTHER_CORE):
            while not _answers(port, ready):
                if process.poll() is not None or time.perf_counter() > began + START_SECONDS:
                    raise BenchError(f"{arguments[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(LOOK_SECONDS)
        yield Program(process, port, time.perf_counter() - began)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def load(job: Job, *, cores: Collection[int]) -> Result:
    """Run the generator on `cores` to its end. Raises BenchError."""
    with _on(cores):
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.load"], cwd=TOP, env=_environment(None), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    told, errors = process.communicate(msgspec.json.encode(job))
    if process.returncode:
        raise BenchError(f"the load generator failed:\n{errors.decode(errors='replace')[-2000:]}")
    result = msgspec.json.decode(told, type=Result)
    if not result.answered:
        raise BenchError(f"of {result.failed} requests to port {job.port} none was answered as it should be")
    return result


@contextmanager
def _on(cores: Collection[int]) -> Iterator[None]:
    """What is started in here runs on `cores` from its first instruction: a child takes over where its parent may."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    # What would make Python slower, or other, than it is for whoever installs it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(TOP), **(given or {})}
