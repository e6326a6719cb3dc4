"""What the fair line costs by itself, without a socket.

    python -m bench.line [--waiting 10000] [--users 1000]     also the scenario `queue` of scripts/bench

The line is full: so many requests of so many users wait for one upstream, and each that ends is followed by a new one
of a user chosen at random. A dispatch is the settlement of the one that ends, giving its slot back, choosing who is
next, and waking it up.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import random
import time
from collections.abc import Sequence
from typing import NamedTuple

import uvloop

from tollkeeper.rules.fairness import FairOrder
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.queue.line import Bounds, Line
from tollkeeper.services.queue.ticket import Ticket
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.load import Load

WAITING = 10_000
USERS = 1_000
DISPATCHES = 20_000
ROUNDS = 5
SLOTS = 8


class Machine(NamedTuple):
    config: UpstreamConfig
    load: Load


class Option(NamedTuple):
    model: str
    upstream: Machine


def decision(waiting: int, users: int) -> float:
    """Microseconds of CPU for each decision of the rules alone: next, leave, charge, settle, join."""
    rng = random.Random(1)
    order: FairOrder[int] = FairOrder()
    names = [f"user-{number}" for number in range(users)]
    for number in range(waiting):
        order.join(names[number % users], "mock:latest", number)
    before = time.process_time()
    for number in range(DISPATCHES):
        place = order.next(0.0, lambda _: True, lambda _: True, lambda _: 5.0)
        if place is None:
            raise AssertionError("nobody waits")
        order.leave(place)
        order.charge(place.account, 1_000.0)
        order.settle(place.account, 1_000.0, 500 + rng.random() * 1_000)
        order.join(rng.choice(names), "mock:latest", number)
    return (time.process_time() - before) * 1e6 / DISPATCHES


async def dispatch(waiting: int, users: int) -> tuple[float, float]:
    """Microseconds of CPU for each dispatch, and for each place taken in line."""
    rng = random.Random(1)
    bounds = Bounds(size=waiting + 1, size_per_user=waiting + 1, timeout=3600.0)
    line: Line[Option] = Line(bounds, clock=time.monotonic, can_serve=lambda _, __: True, due_at=lambda _, __: None)
    machine = Machine(UpstreamConfig("mock", OLLAMA, "http://127.0.0.1:9", slots=SLOTS), Load())
    choices = ((Option("mock:latest", machine),),)
    names = [f"user-{number}" for number in range(users)]
    running: list[Ticket[Option]] = []
    tickets = [line.enter(names[number % users], 1, choices) for number in range(waiting + SLOTS)]

    def join(ticket: Ticket[Option]) -> None:
        line.join(ticket).add_done_callback(lambda _: running.append(ticket))

    for ticket in tickets:
        if line.take_at_once(ticket):
            running.append(ticket)
        else:
            join(ticket)
    gc.collect()
    gc.freeze()  # as the gateway does once it is up
    dispatching = joining = 0.0
    ended = 0
    while ended < DISPATCHES:
        batch, running[:] = list(running), []
        usage = [rng.randrange(100, 2_000) for _ in batch]
        began = time.thread_time()
        for ticket, service in zip(batch, usage, strict=True):
            ticket.settled(service)
            line.leave(ticket)
        dispatching += time.thread_time() - began
        await asyncio.sleep(0)
        successors = [line.enter(rng.choice(names), 1, choices) for _ in batch]
        began = time.thread_time()
        for ticket in successors:
            join(ticket)
        joining += time.thread_time() - began
        ended += len(batch)
        if len(line) != waiting:
            raise AssertionError("the line is not full")
    for ticket in (*tickets, *running):
        line.leave(ticket)
    gc.unfreeze()
    return dispatching * 1e6 / ended, joining * 1e6 / ended


def figures(waiting: int, users: int, rounds: int) -> dict[str, Sequence[float]]:
    """Microseconds of CPU in each round, by what they are for."""
    decisions = [decision(waiting, users) for _ in range(rounds)]
    dispatches, joins = zip(*(uvloop.run(dispatch(waiting, users)) for _ in range(rounds)), strict=True)
    return {"CPU per decision": decisions, "CPU per dispatch": dispatches, "CPU per place taken": joins}


def main() -> None:
    parser = argparse.ArgumentParser("bench.line", description="What the fair line costs by itself.")
    parser.add_argument("--waiting", type=int, default=WAITING, help="requests in line; 10,000 by default")
    parser.add_argument("--users", type=int, default=USERS, help="users who wait; 1,000 by default")
    asked = parser.parse_args()
    print(
        f"load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}; {ROUNDS} rounds of {DISPATCHES:,}, medians"
    )
    for name, measured in figures(asked.waiting, asked.users, ROUNDS).items():
        rounds = sorted(measured)
        print(f"{name:22}{rounds[ROUNDS // 2]:6.1f} µs  ({rounds[0]:.1f} … {rounds[-1]:.1f})", flush=True)
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
