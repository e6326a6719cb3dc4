"""The committed counts, and today's beside them.

They hold for one build of Python on one architecture: others take other instructions for the same.
"""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from bench.instructions.count import EVENTS, Counts
from bench.processes import BenchError

COMMITTED = Path(__file__).parents[1] / "instructions.toml"
TOLERANCE_PERCENT = 3
RENEW = "python -m bench.instructions --write"
_SUMS = {"request": "request", "streamed": f"streamed, {EVENTS} events", "event": "event"}
"""The counts that are judged, and their names for people."""
_STEPS = {"request": "request_steps", "event": "event_steps"}
_HEADING = f"""\
# User-level instructions of the event loop's thread, counted by callgrind: docs/performance.md.
# `{RENEW}` writes this file. The counts of steps are approximate; none is judged.
"""


class Platform(Struct, frozen=True):
    """What instructions depend on."""

    python: str
    machine: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.machine}"


class Table(Struct, frozen=True):
    """Counts, and where they were taken."""

    platform: Platform
    counts: Counts


class Line(NamedTuple):
    """One count, as it was committed and as it is. Counts of steps are not `judged`."""

    name: str
    committed: int
    now: int
    judged: bool

    @property
    def stale(self) -> bool:
        """Whether it has shrunk so much that it might grow again unnoticed."""
        return self.judged and 100 * self.now < (100 - TOLERANCE_PERCENT) * self.committed

    @property
    def too_many(self) -> bool:
        """Whether it has grown beyond the tolerance."""
        return self.judged and 100 * self.now > (100 + TOLERANCE_PERCENT) * self.committed


def this_platform() -> Platform:
    return Platform(f"{platform.python_version()}, {platform.python_compiler()}", platform.machine())


def read_table(path: Path = COMMITTED) -> Table:
    """Read the file. Raises BenchError."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Table)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be read ({error}); renew it: `{RENEW}`") from None


def as_toml(table: Table) -> str:
    """The text of the file."""
    counts = msgspec.to_builtins(table.counts)
    sections = {
        "platform": msgspec.to_builtins(table.platform),
        "counts": {name: counts[name] for name in _SUMS},
        **{f"counts.{steps}": counts[steps] for steps in _STEPS.values()},
    }
    return "\n".join([_HEADING, *(_section(name, values) for name, values in sections.items())])


def _section(name: str, values: Mapping[str, object]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: object) -> str:
    return f"{value:_}" if isinstance(value, int) else f'"{value}"'


def compare(committed: Counts, now: Counts) -> list[Line]:
    """A line for each count, those of steps below the sum that they are part of."""
    return list(_lines(committed, now))


def _lines(committed: Counts, now: Counts) -> Iterator[Line]:
    for field, name in _SUMS.items():
        yield Line(name, getattr(committed, field), getattr(now, field), judged=True)
        if field in _STEPS:
            before, after = getattr(committed, _STEPS[field]), getattr(now, _STEPS[field])
            for step in dict.fromkeys((*after, *before)):
                yield Line(step, before.get(step, 0), after.get(step, 0), judged=False)


def as_text(lines: Sequence[Line]) -> str:
    """The lines as a table, without those of steps that take nothing."""
    heading = f"{'instructions':24}{'committed':>12}{'now':>12}{'change':>10}"
    return "\n".join([heading, *(_text(line) for line in lines if line.committed or line.now)])


def _text(line: Line) -> str:
    name = line.name if line.judged else f"  {line.name}"
    change = _percent(line) if line.committed else "new"
    remark = "  too many" if line.too_many else "  renew the table" if line.stale else ""
    return f"{name:24}{line.committed:12,}{line.now:12,}{change:>10}{remark}"


def _percent(line: Line) -> str:
    return f"{100 * (line.now / line.committed - 1):+.1f} %"


def fault(lines: Sequence[Line]) -> str | None:
    """Error message, or None where no judged count has grown beyond the tolerance."""
    grown = [f"{line.name} {_percent(line)}" for line in lines if line.too_many]
    if not grown:
        return None
    return (
        f"over {TOLERANCE_PERCENT} % more instructions than in bench/instructions.toml: {', '.join(grown)}."
        f" Take them out, or renew the table (`{RENEW}`) in a commit that says what they are worth."
    )


def mismatch(committed: Platform, here: Platform) -> str | None:
    """Why counts cannot be judged here, or None where they can."""
    if committed == here:
        return None
    return f"bench/instructions.toml holds for {committed}, and this is {here}: its counts are not judged."
