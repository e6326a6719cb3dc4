"""`tollkeeper serve` with a remote control, to be run under callgrind.

    python -m bench.instructions.gateway LIBRARY SOCKET serve --port …

It connects to SOCKET and obeys the lines that come from there, in turn with all else that its event loop does: a line
`dump LABEL` is read when what came before it is done.

Valgrind makes a process some fifty times slower, so what happens now and then would happen every few requests, more
often on a slower machine. So the wall clock all but stands still (the date of a response, the buckets of a limit), and
tasks that sleep do not wake up (samples of the loop's lag, the live figures, the list of models). Timers run.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from bench.instructions.callgrind import Counters
from bench.instructions.steps import Marks
from tollkeeper.cli.main import run

_CLOCK_STEP_NS = 100
_sleep = asyncio.sleep
_run = uvloop.run


class RemoteControl:
    """Obeys commands from a socket, and acknowledges each with an empty line."""

    def __init__(self, library: Path, path: str) -> None:
        self._counters = Counters(library)
        marks = Marks(self._counters)
        self._commands: dict[bytes, Callable[[], None]] = {
            b"begin": self._counters.begin,
            b"mark": marks.install,
            b"calibrate": marks.calibrate,
        }
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)

    def listen(self) -> None:
        """Obey from now on, on the running loop."""
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._obey)

    def _obey(self) -> None:
        line = self._socket.recv(1024)
        if not line:  # nobody is there any more
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            return
        command, _, label = line.rstrip(b"\n").partition(b" ")
        if command == b"dump":
            self._counters.dump(label)
        else:
            self._commands[command]()
        self._socket.sendall(b"\n")


async def _sleep_on(delay: float, result: object = None) -> object:
    if delay <= 0:
        return await _sleep(0, result)
    return await asyncio.get_running_loop().create_future()


def main() -> None:
    control = RemoteControl(Path(sys.argv[1]), sys.argv[2])
    del sys.argv[1:3]

    def run_with_control(main: Coroutine[Any, Any, Any], **options: Any) -> object:
        async def controlled() -> object:
            control.listen()
            return await main

        return _run(controlled(), **options)

    vars(uvloop)["run"] = run_with_control
    vars(asyncio)["sleep"] = _sleep_on
    # Of C as what it replaces, so that a look at the clock takes no more.
    vars(time)["time_ns"] = itertools.count(time.time_ns(), _CLOCK_STEP_NS).__next__
    run()


if __name__ == "__main__":
    main()
