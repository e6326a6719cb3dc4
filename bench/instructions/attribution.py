"""Instructions by step, from dumps at the marks of functions (steps.py).

    labels:   =event    +read_body   *admit    -admit   -read_body   =event
    counted:      │ rest    │ read_body │ admit  │ read_body │  rest     │

What was counted between two dumps belongs to the function that began last and has not ended. A mark takes instructions
too, some before its dump and some after it, which would be charged to the caller and to the function; functions that do
nothing tell how many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median, quantiles
from typing import NamedTuple

from bench.instructions.callgrind import Dump
from bench.instructions.steps import (
    BEGIN,
    BEGIN_COROUTINE,
    CALIBRATION,
    EMPTY,
    EMPTY_COROUTINE,
    END,
    ORDER,
    REST,
    STEPS,
    UNIT,
)
from bench.processes import BenchError

_EMPTY = {BEGIN: EMPTY, BEGIN_COROUTINE: EMPTY_COROUTINE}


class Overhead(NamedTuple):
    """Instructions of one mark that are counted within its function, and within the caller."""

    function: float
    caller: float


def lower_quartile(counts: Sequence[float]) -> float:
    """A count of its kind without the odd timer that falls into some of them."""
    return quantiles(counts, n=4, method="inclusive")[0] if len(counts) > 1 else counts[0]


def by_unit(dumps: Sequence[Dump]) -> dict[str, list[int]]:
    """Counts of each unit that has no marks in it."""
    counts: dict[str, list[int]] = defaultdict(list)
    for dump in dumps:
        if dump.label.startswith(UNIT):
            counts[dump.label.removeprefix(UNIT)].append(dump.instructions)
    return counts


def by_step(dumps: Sequence[Dump], unit: str, ending: float) -> dict[str, float]:
    """Instructions of each step in a unit with marks; `ending` is what it takes to end a unit."""
    counts: dict[str, list[float]] = {step: [] for step in ORDER}
    for name, functions in _units(dumps, _overheads(dumps)):
        if name == unit:
            steps = {**dict.fromkeys(ORDER, 0.0), REST: -ending}
            for function, count in functions.items():
                steps[STEPS.get(function, REST)] += count
            for step, count in steps.items():
                counts[step].append(count)
    return {step: lower_quartile(found) for step, found in counts.items()}


def check_all_called(dumps: Sequence[Dump]) -> None:
    """Raises BenchError where a function in `STEPS` was never called."""
    called = {dump.label[1:] for dump in dumps}
    missing = [function for function in STEPS if function not in called]
    if missing:
        raise BenchError(
            f"no request called {', '.join(missing)}. Put what does that work now into STEPS in"
            " bench/instructions/steps.py, or take it out."
        )


def _overheads(dumps: Sequence[Dump]) -> Mapping[str, Overhead]:
    charged = list(_charged(dumps))
    return {
        begin: Overhead(
            median(dump.instructions for function, dump in charged if function == empty),
            median(
                dump.instructions
                for function, dump in charged
                if function == CALIBRATION and dump.label == f"{begin}{empty}"
            ),
        )
        for begin, empty in _EMPTY.items()
    }


def _units(dumps: Sequence[Dump], overheads: Mapping[str, Overhead]) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Each unit, and the instructions of each function in it."""
    counts: defaultdict[str, float] = defaultdict(float)
    for function, dump in _charged(dumps):
        sign, name = dump.label[:1], dump.label[1:]
        counts[function] += dump.instructions
        if sign in overheads:
            counts[function] -= overheads[sign].caller
            counts[name] -= overheads[sign].function
        elif sign == UNIT:
            yield name, counts
            counts = defaultdict(float)


def _charged(dumps: Sequence[Dump]) -> Iterator[tuple[str, Dump]]:
    """Each dump, with the function that its instructions are charged to."""
    running = [REST]
    for dump in dumps:
        yield running[-1], dump
        sign, name = dump.label[:1], dump.label[1:]
        if sign in _EMPTY:
            running.append(name)
        elif sign == END and running.pop() != name:
            raise BenchError(f"the marks of {name} overlap with others")
