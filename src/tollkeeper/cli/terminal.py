"""What commands show: how far long work is, and lines that cannot do anything to a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """To be told how much is done, and of how much. The bar is on standard error, so that results may go elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def counted(count: int, thing: str) -> str:
    """As in "1 record" and "2 records"."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def printable(line: str) -> str:
    """The line as a terminal may be given it: who changed the database may have put anything into it."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)
