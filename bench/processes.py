"""Child processes: on which cores they run, what CPU they used, and their end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.load import Job, Result

ALL_CORES = frozenset(os.sched_getaffinity(0))
GATEWAY_CORE = frozenset({min(ALL_CORES)})
OTHER_CORE = frozenset({max(ALL_CORES)})
"""Where the mock and the generator run; the same one on a machine that has no other."""
TICK = os.sysconf("SC_CLK_TCK")
TOP = Path(__file__).parents[1]
STOP_SECONDS = 40.0


class BenchError(Exception):
    """The bench cannot go on; the message says what a child said last."""


class Child:
    """A running process that has said on its first line that it is ready; `said` is that line."""

    def __init__(self, process: subprocess.Popen[str], said: str) -> None:
        self._process = process
        self.said = said

    def __repr__(self) -> str:
        return f"Child({self._process.pid})"

    def cpu(self) -> float:
        """Seconds of CPU, user and system, that all its threads used so far."""
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident(self) -> float:
        """Megabytes (10⁶ bytes) of memory it holds."""
        pages = int(self._read("statm").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def most_resident(self) -> float:
        """The most megabytes it ever held."""
        [kilobytes] = re.findall(r"^VmHWM:\s+([0-9]+) kB$", self._read("status"), re.MULTILINE)
        return int(kilobytes) * 1024 / 1e6

    def _read(self, name: str) -> str:
        return Path(f"/proc/{self._process.pid}/{name}").read_text()


@contextmanager
def child(
    arguments: Sequence[str], *, cores: Collection[int], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Start it in `folder`, on `cores`, and end it by SIGTERM. Raises BenchError when it does not start."""
    log = folder / f"{Path(arguments[0]).name}.log"
    with log.open("ab") as errors, _on(cores):
        process = subprocess.Popen(
            arguments, cwd=folder, env=_environment(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=errors, text=True,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        said = process.stdout.readline().strip()
        if not said:
            raise BenchError(f"{arguments[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        yield Child(process, said)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


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
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, ALL_CORES)


def _environment(given: Mapping[str, str] | None) -> dict[str, str]:
    # What would make Python slower, or other, than it is for whoever installs it.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPATH": str(TOP), **(given or {})}
