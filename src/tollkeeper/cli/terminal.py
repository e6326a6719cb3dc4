"""Output of commands: progress bars, tables, counts, and lines without control characters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

WIDEST = 100_000
"""Columns where standard output is no terminal: whoever reads that expects a row to be a line, and whole."""
SHORTEST = 16
"""Columns that are left of a cell that is cut off."""


class Column(NamedTuple):
    """A column of a table. `right`: its numbers end at the same place. Where a table is too wide for the terminal,
    cells that are `shortened` are cut off, down to SHORTEST; then those that are `folded` go on in further lines."""

    name: str
    right: bool = False
    shortened: bool = False
    folded: bool = False


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on standard error. Call the yielded function with the amounts done and in total."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def transfers() -> Iterator[Callable[[str, str, int, int], None]]:
    """Show progress bars of transfers on standard error. Call the yielded function with the name of one, what it does,
    and the bytes done and in total (0: not known yet)."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:

        def show(name: str, what: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task("", total=None)
            described = printable(f"{name}: {what}")
            bar.update(tasks[name], description=described, completed=done, total=total or None)

        yield show


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Print a table that fits the terminal."""
    on_terminal = sys.stdout.isatty()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        cut = on_terminal and column.shortened
        table.expand |= cut
        table.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=not column.folded,
            overflow="fold" if column.folded else "ellipsis",
            ratio=1 if cut else None,  # it gets what the others leave, but at least its `width`
            width=SHORTEST if cut else None,
        )
    _print(table, rows, on_terminal=on_terminal)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print names and what stands for each, in two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    _print(table, facts, on_terminal=sys.stdout.isatty())


def _print(table: Table, rows: Iterable[Sequence[str]], *, on_terminal: bool) -> None:
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if on_terminal else WIDEST).print(table)


def counted(count: int, thing: str) -> str:
    """Count and noun, as in "1 record" and "2 records"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def printable(line: str) -> str:
    """Escape unprintable characters: a tampered database could otherwise send control sequences to the terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
