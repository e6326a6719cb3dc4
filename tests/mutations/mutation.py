"""A mechanism that can be taken out."""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """`text` stands once in `file` (below `src/tollkeeper/`), and gives way to `instead`. `tests` are pytest's names of
    tests, each below `tests/`; at least one of them must fail."""

    promise: str
    name: str
    file: str
    text: str
    instead: str
    tests: tuple[str, ...]
