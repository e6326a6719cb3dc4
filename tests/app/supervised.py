"""A supervisor with workers for tests: `python -m tests.app.supervised COUNT FOLDER`.

Each worker writes its process id to `FOLDER/NUMBER`, and waits for the end of the supervisor or a signal, at which it
writes to `FOLDER/NUMBER.ended`. `FOLDER/NUMBER.fail` makes it fail instead, with that as its message.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

from tollkeeper.app.workers import Worker, Workers


def main() -> int:
    count, folder = int(sys.argv[1]), Path(sys.argv[2])

    def run(worker: Worker) -> None:
        fail = folder / f"{worker.number}.fail"
        if fail.exists():
            sys.exit(fail.read_text())
        received: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _: received.append(number))
        woken, wakes = os.pipe()
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes)
        (folder / f"{worker.number}.new").write_text(str(os.getpid()))
        (folder / f"{worker.number}.new").rename(folder / f"{worker.number}")
        worker.ready()
        select.select([woken, worker.supervisor], [], [])
        (folder / f"{worker.number}.ended").write_text(" ".join(map(str, received)))

    return Workers(count, run, lambda: print("ready", flush=True)).supervise()


if __name__ == "__main__":
    sys.exit(main())
