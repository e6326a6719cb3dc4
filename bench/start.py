"""How long the gateway takes to start, and what it holds when nobody asks it anything.

    python -m bench.start [--database FILE] [--rounds 7]

From the start of the process until `GET /health` is answered by 200, on an empty database unless told of another
(`python -m bench.pages --keep FOLDER` leaves one with 10,000 users and 1,000,000 records; both can be chosen there).
CPU is user and system time of all threads until then. Memory is resident two seconds later, and the most that was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.processes import ALL_CORES, free_port, serving

IDLE = 2.0
"""Seconds after which what came at the start is over."""


class Start(NamedTuple):
    """Seconds, and megabytes (10⁶ bytes)."""

    wall: float
    cpu: float
    resident: float
    most: float


def start(folder: Path, database: Path) -> Start:
    """Start it once."""
    port = free_port()
    installed = str(Path(sys.executable).with_name("tollkeeper"))
    command = [installed, "serve", "--port", str(port), "--database", str(database)]
    environment = {"ADMIN_API_KEY": "sk-bench-start", "OLLAMA_BASE_URL": "http://127.0.0.1:9"}
    with serving(
        command, port=port, ready="/health", cores=ALL_CORES, folder=folder, environment=environment
    ) as program:
        cpu = program.cpu()
        time.sleep(IDLE)
        return Start(program.start, cpu, program.resident(), program.most_resident())


def main() -> None:
    parser = argparse.ArgumentParser("bench.start", description="How long the gateway takes to start.")
    parser.add_argument("--database", type=Path, help="an existing one; an empty one if not told")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        database = asked.database.absolute() if asked.database else Path(name) / "start.db"
        start(Path(name), database)  # the first makes the tables, and fills the machine's caches
        rounds = [start(Path(name), database) for _ in range(asked.rounds)]
    print(f"load {os.getloadavg()[0]:.1f}; {'':20}{'least':>9}{'median':>9}{'most':>9}")
    for what, *figures in zip(("start, s", "CPU, s", "resident, MB", "most resident, MB"), *rounds, strict=True):
        print(f"{what:30}{min(figures):9.3g}{median(figures):9.3g}{max(figures):9.3g}")


if __name__ == "__main__":
    main()
