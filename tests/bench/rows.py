"""Rows and runs as a bench would have measured them."""

from __future__ import annotations

from bench.results import Peer, Row, Run

PEERS = [
    Peer("nginx", "1.22", True, False, False, "reads nothing"),
    Peer("tollkeeper", "0.1", True, True, True, ""),
]


def row(contender: str, what: str, *rounds: float, scenario: str = "closed", compared: bool = True) -> Row:
    return Row(contender, what, "/s", list(rounds), compared, scenario)


def run(*rows: Row) -> Run:
    return Run("2026-01-02 03:04", "a <machine>", 2, "3.11", "2 rounds of 1 s", [0.1, 0.2], PEERS, list(rows))
