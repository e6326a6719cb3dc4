"""Runs scenarios and prints one table.

python -m bench.run [--quick] [--json FILE] [SCENARIO…]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tests.ollama.rig import RigError

from bench.contenders.contender import Contender
from bench.contenders.litellm import LiteLLM
from bench.contenders.litellm_rs import LiteLLMRs
from bench.contenders.mlflow import MLflow
from bench.contenders.nginx import Nginx
from bench.contenders.one_api import OneApi
from bench.contenders.portkey import Portkey
from bench.contenders.sglang_router import SglangRouter
from bench.contenders.smg import Smg
from bench.contenders.tollkeeper import Tollkeeper
from bench.contenders.vllm_router import VllmRouter
from bench.processes import ALL_CORES, BenchError
from bench.results import Peer, Row, Run
from bench.rounds import Effort
from bench.scenarios import ON_OLLAMA, SCENARIOS, SMOKE
from bench.stage import staged
from bench.table import HEADINGS, line, lines

FULL = Effort(
    rounds=3, seconds=4, warm=4, starts=3, streams=10_000, slow_ms=1000, requests=1_000_000, users=10_000,
    records=1_000_000,
)  # fmt: skip
QUICK = Effort(
    rounds=1, seconds=0.6, warm=0.3, starts=1, streams=100, slow_ms=50, requests=10_000, users=100, records=10_000
)


FULL_ONLY: tuple[type[Contender], ...] = (VllmRouter, Smg, MLflow, OneApi, LiteLLMRs)
"""Those that only a full run has, so that `--quick` stays short: they compile for minutes, start slowly, or are much
like another."""


def contenders(*, quick: bool) -> list[Contender]:
    """Installed, in the order in which they take turns. Raises BenchError."""
    everybody: list[Contender] = [
        Nginx(), SglangRouter(), VllmRouter(), Smg(), Portkey(), LiteLLMRs(), OneApi(), MLflow(), LiteLLM(),
        Tollkeeper(),
    ]  # fmt: skip
    if quick:
        everybody = [one for one in everybody if not isinstance(one, FULL_ONLY)]
    for one in everybody:
        one.install()
    return everybody


def measure(names: Sequence[str], effort: Effort, everybody: Sequence[Contender]) -> tuple[list[Row], list[str]]:
    """Prints each scenario's lines when it is done; one that cannot go on costs its own figures only. The rows, and the
    scenarios that failed. Raises BenchError where the mock does not start."""
    measured: list[Row] = []
    failed: list[str] = []
    print(line(HEADINGS))
    with staged(everybody) as stage:
        for name in names:
            try:
                rows = [msgspec.structs.replace(row, scenario=name) for row in SCENARIOS[name](stage, effort)]
            except (BenchError, RigError) as error:
                print(f"bench: {name}: {error}", file=sys.stderr, flush=True)
                failed.append(name)
                continue
            print("\n".join(lines(rows)), flush=True)
            measured += rows
    return measured, failed


def main() -> int:
    parser = argparse.ArgumentParser("scripts/bench", description="Tollkeeper beside its peers.")
    parser.add_argument("--quick", action="store_true", help="few and short rounds: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all rounds, for python -m bench.report")
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; all by default")
    parser.add_argument(
        "--needs-ollama", action="store_true", help="run nothing; exit with 0 if a scenario needs Ollama, else with 1"
    )
    asked = parser.parse_args()
    unknown = set(asked.scenario) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    names = asked.scenario or (SMOKE if asked.quick else [*SCENARIOS])
    if asked.needs_ollama:
        return 0 if ON_OLLAMA.intersection(names) else 1
    effort = QUICK if asked.quick else FULL
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops it leaves nothing running
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    began, load = datetime.now(UTC), os.getloadavg()[0]
    try:
        everybody = contenders(quick=asked.quick)
        peers = [Peer(one.name, one.version(), one.keys, one.meters, one.stores, one.lacks) for one in everybody]
        told = f"{effort.rounds} round{'s' * (effort.rounds > 1)} of {effort.seconds:g} s"
        print(
            f"{began:%Y-%m-%d %H:%M} UTC; {len(ALL_CORES)} cores, load {load:.1f};"
            f" Python {platform.python_version()}; {told}, medians"
        )
        print("; ".join(f"{peer.name} {peer.version}" for peer in peers))
        rows, failed = measure(names, effort, everybody)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    loads = [load, os.getloadavg()[0]]
    print(f"load at the end: {loads[1]:.1f}; it took {(datetime.now(UTC) - began).total_seconds():.0f} s")
    if asked.json:
        run = Run(
            f"{began:%Y-%m-%d %H:%M}", _machine(), len(ALL_CORES), platform.python_version(), told, loads, peers, rows
        )  # fmt: skip
        asked.json.write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    return 1 if failed else 0


def _machine() -> str:
    """The processor's name."""
    told = (row.partition(":") for row in Path("/proc/cpuinfo").read_text().splitlines())
    return next((value.strip() for name, _, value in told if name.strip() == "model name"), platform.machine())


if __name__ == "__main__":
    sys.exit(main())
