"""What `tollkeeper ledger …` does: prove what was written, and hand it to other programs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tollkeeper.cli.export import Format, write
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import counted, printable, progress
from tollkeeper.config import load_settings
from tollkeeper.store.sqlite.export import export as records_of
from tollkeeper.store.sqlite.verify import verify as look_at


def verify(database: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    with progress("Reading records") as told:
        found = look_at(path, told)
    if not found.ok:
        for fault in found.faults:
            print(printable(fault))
        raise Failure(f"the ledger in {path} does not hold: {counted(found.fault_count, 'fault')}")
    pruned = f" The first {found.pruned} were pruned." if found.pruned else ""
    print(f"The ledger holds: {counted(found.records, 'record')}.{pruned}")
    print(f"Its chain ends with record {found.seq}, hash {found.hash}")


def export(database: Path | None, form: Format, output: Path | None) -> None:
    path = load_settings(database_path=database).database_path
    with _standard_output() if output is None else _new_file(output) as out:
        count = write(records_of(path), form, out)
    if output is not None:
        print(f"{counted(count, 'record')} written to {output}")


@contextmanager
def _standard_output() -> Iterator[TextIO]:
    # In UTF-8 whatever the locale says, and with the line ends that are written.
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        yield out
        out.flush()
    finally:
        out.detach()


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """Readable by its owner only; whole, or not there at all."""
    if path.exists():
        raise Failure(f"{path} exists already")
    partial = path.with_name(path.name + ".partial")
    try:
        partial.unlink(missing_ok=True)
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(file, "w", encoding="utf-8", newline="") as out:  # noqa: PTH123 (a descriptor, not a path)
            yield out
        partial.replace(path)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)
