"""Turns in rounds: everybody is asked the same in each, in an order that alternates."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

from bench.contenders.contender import Target
from bench.load import Job, Result
from bench.processes import OTHER_CORE, BenchError, load
from bench.results import DIRECT, Row

Figure = Callable[[Result], float]
IDLE = 0.1
"""Part of a core that all together may use and still count as idle."""
LOOK_SECONDS, LEAVE_SECONDS = 0.25, 30.0
"""Between two looks at what they use; how long the next one waits for that at most."""


class Effort(NamedTuple):
    """How long: `rounds` of `seconds`, after one of `warm` seconds that is not counted (caches fill, compilers see
    what is hot, a model is loaded). So many `starts` of each, and so many rounds of `streams` at once, whose events are
    `slow_ms` apart; `requests` for the growth of memory; a history of so many `users` and `records`."""

    rounds: int
    seconds: float
    warm: float
    starts: int
    streams: int
    slow_ms: float
    requests: int
    users: int
    records: int


class Turn(NamedTuple):
    """What came of one job, and the seconds of CPU that the asked one spent on it."""

    result: Result
    cpu: float


class Turns:
    """Of all who were asked, one for each round."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self.targets = targets
        self.of: dict[str, list[Turn]] = {target.name: [] for target in targets}

    def rows(self, what: str, unit: str, figure: Figure, *, compared: bool = False) -> Iterator[Row]:
        for name, turns in self.of.items():
            yield Row(name, what, unit, [figure(turn.result) for turn in turns], compared)

    def added(self, what: str, figure: Figure) -> Iterator[Row]:
        """By each beside the upstream alone, in the same round; milliseconds of seconds."""
        direct = self.of[DIRECT]
        for name, turns in self.of.items():
            pairs = zip(turns, direct, strict=True)
            late = [(figure(turn.result) - figure(plain.result)) * 1000 for turn, plain in pairs]
            if name != DIRECT:
                yield Row(name, what, "ms", late)

    def cpu_per(self, what: str, figure: Figure) -> Iterator[Row]:
        """Microseconds of CPU for each of what `figure` counts."""
        for name, turns in self.of.items():
            if name != DIRECT:
                spent = [turn.cpu * 1e6 / figure(turn.result) for turn in turns]
                yield Row(name, f"CPU per {what}", "µs", spent, compared=True)

    def kept(self) -> Iterator[Row]:
        """Whether each request was answered, and each answer has its one record: 0 and 0 when so."""
        yield from self.rows("requests failed", "", lambda result: result.failed)
        for target in self.targets:
            less = target.less_records()
            if less is not None:
                yield Row(target.name, "answers less records", f"{target.answered:,}", [less])


def wait_until_idle(targets: Sequence[Target]) -> None:
    """Wait until nobody works on what was asked before: some go on for seconds, on the core of whoever is next."""
    deadline = time.monotonic() + LEAVE_SECONDS
    used, at = sum(target.cpu() for target in targets), time.monotonic()
    while at < deadline:
        time.sleep(LOOK_SECONDS)
        before, since = used, at
        used, at = sum(target.cpu() for target in targets), time.monotonic()
        if used - before <= IDLE * (at - since):
            return


def ask(target: Target, job: Job, *, cores: Collection[int] = OTHER_CORE) -> Turn:
    before = target.cpu()
    try:
        result = load(job, cores=cores)
    except BenchError as error:
        raise BenchError(f"{target.name}: {error}") from None
    target.answered += result.answered
    return Turn(result, target.cpu() - before)


def take_turns(
    targets: Sequence[Target],
    effort: Effort,
    job: Callable[[Target, float], Job],
    *,
    cores: Collection[int] = OTHER_CORE,
) -> Turns:
    """`job` makes what one is asked in so many seconds."""
    turns = Turns(targets)
    for target in targets if effort.warm else ():
        wait_until_idle(targets)
        ask(target, job(target, effort.warm), cores=cores)
    for number in range(effort.rounds):
        for target in targets[:: -1 if number % 2 else 1]:
            wait_until_idle(targets)
            turns.of[target.name].append(ask(target, job(target, effort.seconds), cores=cores))
    return turns
