"""Callgrind's counters: written into files by the process that is counted, and read from there.

A client request to valgrind is a sequence of machine instructions that does nothing elsewhere (valgrind.h), so it takes
compiled code: the small library below. Format of the files: https://valgrind.org/docs/manual/cl-format.html
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.processes import BenchError

_FILES = "counters"
_SOURCE = """
#include <valgrind/callgrind.h>
void begin(void) { CALLGRIND_START_INSTRUMENTATION; }
void dump(const char *label) { CALLGRIND_DUMP_STATS_AT(label); }
"""
_FIELD = re.compile(r"^(part|desc: Trigger|events|totals): (.*)$", re.MULTILINE)
_REQUESTED = "Client Request: "


class Dump(NamedTuple):
    """User-level instructions of one thread since its last dump; `part` is the dump's number, `label` its name."""

    part: int
    label: str
    instructions: int


class Counters:
    """Counters of the calling thread. Outside of callgrind the calls do nothing."""

    def __init__(self, library: Path) -> None:
        loaded = ctypes.PyDLL(str(library))  # keeps the interpreter's lock, so that no other thread comes in between
        self._begin, self._dump = loaded.begin, loaded.dump

    def begin(self) -> None:
        """Start counting."""
        self._begin()

    def dump(self, label: bytes) -> None:
        """Write the count since the last dump into a file, and start again at 0."""
        self._dump(label)


def build_library(folder: Path) -> Path:
    """Compile the library. Raises BenchError."""
    missing = [program for program in ("valgrind", "gcc") if shutil.which(program) is None]
    if missing:
        raise BenchError(f"please install: {' '.join(missing)} (as root on Debian, scripts/test does it itself)")
    library = folder / "client_requests.so"
    command = ["gcc", "-O2", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-"]
    compiled = subprocess.run(command, input=_SOURCE, capture_output=True, text=True, check=False)
    if compiled.returncode:
        raise BenchError(f"gcc cannot compile against valgrind's headers:\n{compiled.stderr[-2000:]}")
    return library


def under_callgrind(program: Sequence[str], folder: Path) -> list[str]:
    """The command that runs `program` under callgrind, not counting yet, with its dumps going into `folder`."""
    return [
        "valgrind", "--tool=callgrind", "--separate-threads=yes", "--instr-atstart=no", "--dump-line=no",
        f"--callgrind-out-file={folder / _FILES}", *program,
    ]  # fmt: skip


def read_dumps(folder: Path) -> list[Dump]:
    """All dumps that were requested, in their order. Raises BenchError."""
    return requested(path.read_text(errors="replace") for path in folder.glob(f"{_FILES}*"))


def requested(files: Iterable[str]) -> list[Dump]:
    """The dumps among `files`, in their order, without those that callgrind writes on its own at the end."""
    return sorted(dump for dump in map(read_dump, files) if dump is not None)


def read_dump(text: str) -> Dump | None:
    """One file; None where nobody requested the dump. Raises BenchError."""
    if not text:
        return None  # callgrind reserves the name without a number
    fields = dict(_FIELD.findall(text))
    if fields.get("events") != "Ir" or not fields.get("totals", "").isdecimal():
        raise BenchError(f"a file of callgrind's does not count instructions (Ir) alone:\n{text[:500]}")
    trigger = fields.get("desc: Trigger", "")
    if not trigger.startswith(_REQUESTED):
        return None
    return Dump(int(fields["part"]), trigger.removeprefix(_REQUESTED), int(fields["totals"]))
