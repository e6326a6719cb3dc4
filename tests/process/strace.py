"""Processes that are killed at their n-th system call of a kind, or of which is noted where they connect to, by
strace(1)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.process.served import PATIENCE


def must_trace() -> None:
    """Skip where nothing can be traced; `scripts/test` installs strace where it may."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (scripts/test installs it)")
    done = _traced()
    if "ptrace" in done.stderr:
        pytest.skip(f"ci-ok: THIS MACHINE LETS NOBODY TRACE A PROCESS, so none was killed at a call ({done.stderr})")


def can_trace() -> bool:
    return shutil.which("strace") is not None and "ptrace" not in _traced().stderr


def _traced() -> subprocess.CompletedProcess[str]:
    command = ["strace", "-qq", "-o", os.devnull, "true"]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def noting_connections(file: Path) -> list[str]:
    """What a command is started by, so that the file says where it and those it starts connect to."""
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect", "-e", "signal=none", "-o", str(file)]


def reached(file: Path) -> set[str]:
    """The addresses in it, without those of sockets in the file system."""
    return set(re.findall(r'inet_(?:addr\(|pton\(AF_INET6, )"([^"]+)"', file.read_text()))


def killing(calls: str, number: int, paths: Sequence[Path], command: Sequence[object]) -> list[str]:
    """The command, to be killed as it enters its `number`-th of each of these calls (names with commas) that has to do
    with one of these paths."""
    only = [part for path in paths for part in ("-P", str(path))]
    inject = f"inject={calls}:signal=KILL:when={number}"
    return ["strace", "-f", "-qq", "-o", os.devnull, *only, "-e", inject, *map(str, command)]


def killed(calls: str, number: int, paths: Sequence[Path], command: Sequence[object]) -> bool:
    """Whether it was; else it has done its work."""
    done = subprocess.run(
        killing(calls, number, paths, command), check=False, capture_output=True, text=True, timeout=PATIENCE,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},  # writing that renames files, too
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), (done.returncode, done.stdout, done.stderr)
    return done.returncode != 0
