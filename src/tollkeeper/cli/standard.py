"""Standard input, output and error, any of which may be closed, full, or without a reader."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


def open_missing() -> None:
    """Open the null device for those of the three that were closed when the process started: otherwise the next files
    opened would get their numbers, and printed text would be written into them. Printing to them fails."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # gets the lowest free number: this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 (open until the process ends)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def say(line: str) -> bool:
    """Print a line on standard output or, if that fails, on standard error, which then replaces it. Returns whether one
    of them accepted the line."""
    for _ in range(2):
        try:
            print(line, flush=True)
        except OSError:
            _silence(sys.stdout)
            sys.stdout = sys.stderr
        else:
            return True
    return False


def flush() -> None:
    """Flush standard output. Raises OSError if it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        _silence(sys.stdout)
        raise


def _silence(stream: TextIO) -> None:
    """Discard the unwritten text of a stream, which would fail again when Python exits."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
    with suppress(OSError):
        stream.flush()
