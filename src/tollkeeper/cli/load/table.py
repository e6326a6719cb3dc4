"""The report as a table on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from tollkeeper.cli.load.report import Report, figures
from tollkeeper.cli.terminal import printable


def show(report: Report, console: Console) -> None:
    """Print the report."""
    for line in (report.url, report.title):
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)
    console.print()
    console.print(_pairs(report.facts()))
    columns = report.columns()
    if columns:
        table = Table("", *(column.name for column in columns), box=None, header_style="bold", pad_edge=False)
        for index in range(1, len(columns) + 1):
            table.columns[index].justify = "right"
        for name, cells in figures(columns):
            table.add_row(name, *cells)
        console.print()
        console.print(table)
    console.print()
    console.print(_pairs(report.outcomes()))


def _pairs(pairs: Iterable[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in pairs:
        table.add_row(name, value)
    return table
