"""`tollkeeper serve` as it is installed, in a folder of its own, on a free port, without an upstream."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.process.served import PATIENCE

COMMAND = Path(sys.executable).with_name("tollkeeper")
NOBODY = {"OLLAMA_BASE_URL": "http://127.0.0.1:9", "PORT": "0"}


def begin(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [COMMAND, "serve", *words], cwd=folder, env={"PATH": os.defpath, **NOBODY, **environment}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def first_lines(process: subprocess.Popen[str]) -> tuple[list[str], str]:
    """What it prints up to where it says that it listens; and its URL."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Tollkeeper listens on "):
            return lines, line.split()[-1]
    raise AssertionError(process.communicate())


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGTERM)
    printed = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed
    return printed


def refusal(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """The exit code and the one line that it leaves."""
    with begin(folder, *words, **environment) as process:
        out, complaint = process.communicate(timeout=PATIENCE)
    assert out == ""
    assert complaint.count("\n") == 1, complaint
    return process.returncode, complaint
