"""Limits that many nodes share, simulated: what each design asks of the store, refuses for nothing, and lets through.

    python -m bench.shared_counters [--requests-per-second N …] [--seed 1] [--write]

Users do not touch each other's counters, so a slice of the users, each at the rate and on as many nodes as in the
whole, shows per request what the whole would: the slice has one user for every so many neighbours by popularity (Zipf),
and the one with the most requests by itself. While that one has room, nodes do not touch each other's slices either, so
a part of the nodes with that part of the requests shows what all of them ask. What a design lets through is judged by
an audit that sees what truly happened, and nothing of the design; a refusal is for nothing where one exact counter with
the same past would have admitted.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Sequence

from bench.capacity import DOCUMENT, MACHINES, WORKLOAD, ZIPF, first_users_part, gateway_nodes, written
from bench.shared_nodes import BOUND, DRAWN, RUNS_MS, Crowd, Design, Outcome, Simulation, Trouble
from bench.shared_store import Limit

SCALES = (1_000_000, 10_000_000)
USERS = 3_000
"""Of the many, that are simulated."""
FIRST_REQUESTS = 100_000
"""Of the first user, that are simulated."""
FIRST_NODES, FIRST_SECONDS = 100, 20.0
"""As long as the first user has room."""
SECONDS = 120.0
MEAN_USED = DRAWN * (1 - math.exp(-BOUND / DRAWN))
SEED = 1

DESIGNS = (
    Design("each request asks the store"),
    Design("slices of 10, a pool a node", "fixed", 10),
    Design("adaptive slices, a pool a node", "adaptive"),
    Design("adaptive slices, a pool a process", "adaptive", pools=MACHINES.node_cores),
)
TROUBLE = Trouble(killed=0.1, cut_off=0.1, lag=200.0, skew=3_000.0)
REMEDIES = (
    Design("as it is to be"),
    Design("a hold whose lease ends is freed", lapsed="freed"),
    Design("after a failover nodes tell nothing again", tells_again=False),
    Design("windows go by the nodes' clocks", clock="node"),
)


def many(requests_per_second: int, seed: int, count: int = USERS, seconds: float = SECONDS) -> Crowd:
    """So many users, each in the place of as many neighbours by popularity, the first left out; some of them with less
    than they ask for."""
    users = requests_per_second * WORKLOAD.users_per_request
    first_rate = requests_per_second * first_users_part(users)
    step, left = (users - 1) / count, 1 - ZIPF
    # Each has the mean of those it stands for.
    rates = [
        first_rate * ((1 + (place + 1) * step) ** left - (1 + place * step) ** left) / left / step
        for place in range(count)
    ]
    chance = random.Random(seed)
    limits = [
        Limit(
            "requests_per_minute",
            max(2, round(rate * 60 * chance.uniform(0.7, 3))),
            max(2 * BOUND, round(rate * seconds * MEAN_USED * chance.uniform(0.5, 2))),
        )
        for rate in rates
    ]
    return Crowd(limits, rates, gateway_nodes(requests_per_second), seconds)


def first(requests_per_second: int, requests: int = FIRST_REQUESTS) -> Crowd:
    """The user with the most requests: held to a third more a second than there are, and to tokens that are used up or
    held after two thirds of the time."""
    rate = requests_per_second * first_users_part(requests_per_second * WORKLOAD.users_per_request)
    seconds = min(SECONDS, requests / rate)
    ended, running = max(0.0, seconds * 2 / 3 - RUNS_MS / 1000), min(seconds * 2 / 3, RUNS_MS / 1000)
    limit = Limit("requests_per_second", round(rate * 4 / 3) + 2, round(rate * (ended * MEAN_USED + running * BOUND)))
    return Crowd([limit], [rate], gateway_nodes(requests_per_second), seconds)


def steady(requests_per_second: int) -> tuple[Crowd, float]:
    """The same user with room for all, on a part of the nodes, and how many such parts there are."""
    whole = first(requests_per_second)
    parts = max(1.0, whole.nodes / FIRST_NODES)
    rate = whole.rates[0] / parts
    limit = Limit("requests_per_minute", round(rate * 120), round(rate * FIRST_SECONDS * BOUND * 2))
    return Crowd([limit], [rate], round(whole.nodes / parts), FIRST_SECONDS), parts


def compare(rate: int, seed: int) -> str:
    """What each design asks and refuses, with nothing failing."""
    heads = (
        f"{rate:,} requests/s, {gateway_nodes(rate):,} nodes", "scripts a request", "refused for nothing",
        "first user: scripts/s", "used up: refused for nothing", "let in",
    )  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " ---: |" * 5]
    everyone, used_up, (roomy, parts) = many(rate, seed), first(rate), steady(rate)
    exact = None
    for design in DESIGNS:
        found = [Simulation(design, crowd, Trouble(), seed).run() for crowd in (everyone, used_up, roomy)]
        if any(outcome.over or outcome.left_held for outcome in found):
            raise RuntimeError(f"{design} breaks a promise: {found}")
        usual, most, asks = found
        exact = exact or most
        cells = (
            design.name, f"{usual.scripts / usual.requests:.2f}", part(usual.false, usual),
            f"{asks.steadily * parts:,.0f}", part(most.false, most),
            f"{most.admitted / exact.admitted * 100:.1f} %",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def troubles(rate: int, seed: int) -> str:
    """What each remedy is for: each request asks, everything fails, and one remedy is left out."""
    lines = [
        f"| {rate:,} requests/s | users over | by at most | refused for nothing | 503 | holds of the dead | stood |",
        "| --- |" + " ---: |" * 6,
    ]
    for design in REMEDIES:
        found = Simulation(design, many(rate, seed), TROUBLE, seed).run()
        cells = (
            design.name, str(found.over_users), over(found), part(found.false, found), part(found.unavailable, found),
            str(found.stranded), f"{found.stranded_ms / 1000:.0f} s",
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def part(count: int, found: Outcome) -> str:
    return f"{count / found.requests * 100:.2f} %" if count else "0"


def over(found: Outcome) -> str:
    return f"{found.over * 100:.1f} %" if found.over else "0"


def tables(rates: Sequence[int], seed: int) -> str:
    return "\n\n".join([*(compare(rate, seed) for rate in rates), troubles(rates[0], seed)])


def main() -> None:
    parser = argparse.ArgumentParser("bench.shared_counters", description="Limits that many nodes share, simulated.")
    parser.add_argument("--requests-per-second", type=int, nargs="+", default=SCALES, metavar="N")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/capacity.md")
    asked = parser.parse_args()
    found = tables(asked.requests_per_second, asked.seed)
    print(found)
    if asked.write:
        DOCUMENT.write_text(written(DOCUMENT.read_text(), "simulation", found))


if __name__ == "__main__":
    main()
