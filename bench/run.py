"""Runs scenarios and prints one table.

python -m bench.run [--quick] [SCENARIO…]
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime

from tests.ollama.rig import RigError

from bench.processes import ALL_CORES, BenchError
from bench.scenarios import SCENARIOS, Effort
from bench.table import HEADINGS, line

FULL = Effort(rounds=7, seconds=5)
QUICK = Effort(rounds=3, seconds=1.5)


def main() -> int:
    parser = argparse.ArgumentParser("scripts/bench", description="Tollkeeper beside what it stands in front of.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: more noise")
    parser.add_argument("scenario", nargs="*", metavar="SCENARIO", help=f"of {', '.join(SCENARIOS)}; all by default")
    asked = parser.parse_args()
    unknown = set(asked.scenario) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    effort = QUICK if asked.quick else FULL
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {len(ALL_CORES)} cores, load {os.getloadavg()[0]:.1f};"
        f" Python {platform.python_version()}; {effort.rounds} rounds of {effort.seconds:g} s, medians"
    )
    print(line(HEADINGS))
    try:
        for name in asked.scenario or SCENARIOS:
            for row in SCENARIOS[name](effort):
                print(line(row.cells(name)), flush=True)
    except (BenchError, RigError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(f"load at the end: {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
