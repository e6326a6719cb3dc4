"""What a run measured, as it is kept: one JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from msgspec import Struct

TOLLKEEPER = "tollkeeper"
DIRECT = "upstream alone"


class Row(Struct, frozen=True):
    """One figure of one contender: once for each round, in order."""

    contender: str
    what: str
    unit: str
    rounds: list[float]
    compared: bool = False
    """Whether the ratio of two contenders says something. What is added by a gateway may be 0: it does not."""
    scenario: str = ""

    @property
    def median(self) -> float:
        return median(self.rounds)


class Peer(Struct, frozen=True):
    """A contender, and what it does."""

    name: str
    version: str
    keys: bool
    meters: bool
    stores: bool
    lacks: str


class Run(Struct, frozen=True):
    """A run of the bench. `at`: UTC; `load`: that of the machine at the beginning and the end."""

    at: str
    machine: str
    cores: int
    python: str
    effort: str
    load: list[float]
    peers: list[Peer]
    rows: list[Row]


def ratios(rows: Sequence[Row]) -> dict[tuple[str, str, str], list[float]]:
    """Tollkeeper's figure divided by each other's of the same scenario and round, by (scenario, what, contender)."""
    ours = {(row.scenario, row.what): row for row in rows if row.contender == TOLLKEEPER and row.compared}
    found: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        beside = ours.get((row.scenario, row.what))
        if beside is not None and row.contender != TOLLKEEPER:
            pairs = zip(beside.rounds, row.rounds, strict=True)
            found[row.scenario, row.what, row.contender] = [our / other for our, other in pairs if other]
    return found
