"""The commands `tollkeeper ledger …`: verification and export of records."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tollkeeper.cli.export import Format, write
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.files import new_file
from tollkeeper.cli.terminal import counted, printable, progress
from tollkeeper.config import load_settings
from tollkeeper.store.engines import maintenance


def verify(database: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    with progress("Reading records") as report:
        found = maintenance(path).verify(report)
    if not found.ok:
        for fault in found.faults:
            print(printable(fault))
        raise Failure(f"the ledger in {path} failed verification: {counted(found.fault_count, 'fault')}")
    pruned = f" {counted(found.pruned, 'older record')} pruned." if found.pruned else ""
    print(f"The ledger is intact: {counted(found.records, 'record')}.{pruned}")
    print(f"Last record of its chain: {found.seq}, hash {found.hash}")


def export(database: Path | None, form: Format, output: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    with _standard_output() if output is None else _text_file(output) as out:
        count = write(maintenance(path).export(), form, out)
    if output is not None:
        print(f"{counted(count, 'record')} written to {output}")


@contextmanager
def _standard_output() -> Iterator[TextIO]:
    # In UTF-8 whatever the locale is, and without translation of line ends.
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield out
        out.flush()
    finally:
        out.detach()


@contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    with new_file(path) as file:
        out = io.TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            yield out
            out.flush()
        finally:
            out.detach()
