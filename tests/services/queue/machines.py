"""Upstreams without HTTP, a line before them, and a loop whose clock leaps to its next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.queue.line import Bounds, Line
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.load import Load


class Machine:
    """`due`: when it can serve again; 0: it can serve."""

    def __init__(self, name: str, slots: int = 1, model_slots: int = 0) -> None:
        self.config = UpstreamConfig(name, OLLAMA, "http://127.0.0.1:9", slots=slots, model_slots=model_slots)
        self.load = Load()
        self.due: float | None = 0.0
        self.most = 0

    def __repr__(self) -> str:
        return self.config.id


class Option(NamedTuple):
    model: str
    upstream: Machine


class LeapingLoop(asyncio.SelectorEventLoop):
    """Time passes only where everything waits for a timer."""

    def __init__(self) -> None:
        self.at = 0.0
        super().__init__(_Leap(self))

    def time(self) -> float:
        return self.at


class _Leap(selectors.SelectSelector):
    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everything waits, and no timer is set")
        self._loop.at += timeout
        return super().select(0)


def leap(main: Coroutine[Any, Any, None]) -> None:
    """Run to the end by a clock of its own."""
    loop = LeapingLoop()
    try:
        loop.run_until_complete(main)
    finally:
        loop.close()


def can_serve(option: Option, now: float) -> bool:
    due = option.upstream.due
    return due is not None and due <= now


def due_at(option: Option, now: float) -> float | None:
    return option.upstream.due


def line_of(bounds: Bounds | None = None, clock: Callable[[], float] | None = None, **given: Any) -> Line[Option]:
    def now() -> float:
        return asyncio.get_running_loop().time()

    return Line(bounds or Bounds(), clock=clock or now, can_serve=can_serve, due_at=due_at, **given)


def only(*options: Option) -> list[list[Option]]:
    """All of one class."""
    return [list(options)]


async def turns(number: int = 5) -> None:
    """Let everything run that waits for nothing but its turn."""
    for _ in range(number):
        await asyncio.sleep(0)


async def serve(line: Line[Option], user: str, choices: Any, served: list[str], seconds: float = 1.0) -> None:
    """Wait for a slot and hold it."""
    with line.enter(user, 1, choices) as ticket:
        choice = await ticket.slot()
        served.append(f"{user} at {choice.upstream}")
        await asyncio.sleep(seconds)


def is_empty(line: Line[Option], *machines: Machine) -> bool:
    """Whether nobody waits, and no slot is held."""
    return (
        not len(line)
        and not line.users()
        and not any(each.load.running or each.load.running_by_model for each in machines)
        and all(not of.waiting and not of.running for of in line.statistics().values())
    )
