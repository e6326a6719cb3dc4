"""A database of many users and records, which a bench writes beforehand: its options, and its records.

--users 10000 --records 1000000 --keep FOLDER     where the file is there already, it is taken as it is
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from tollkeeper.store.ports.records import Record
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sqlite.commit import Committer
from tollkeeper.store.sqlite.connections import connect_writer
from tollkeeper.store.sqlite.roll_up import roll_up

GROUP = 5_000
"""Rows of a transaction."""


class Asked(NamedTuple):
    """What the options say; `path` is that of the database file."""

    path: Path
    users: int
    records: int


@contextmanager
def asked_database(program: str, description: str, file: str) -> Iterator[Asked]:
    """Read the options, and say what is measured. A folder that is not to be kept is gone at the end of the block."""
    parser = argparse.ArgumentParser(program, description=description)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="a folder for the database; remove the file to write it anew")
    asked = parser.parse_args()
    print(
        f"{asked.users:,} users, {asked.records:,} records; load {os.getloadavg()[0]:.1f};"
        f" Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory(prefix="tollkeeper-bench-") as name:
        yield Asked((asked.keep or Path(name)) / file, asked.users, asked.records)


def write_records(path: Path, count: int, record: Callable[[int], Record]) -> None:
    """Write so many records, each made of its number, into a database that no gateway has open."""
    with closing(connect_writer(path, "process")) as connection:
        committer = Committer(Identities(connection.execute("SELECT id, user_id FROM identities")))
        for start in range(0, count, GROUP):
            some = [record(number) for number in range(start, min(start + GROUP, count))]
            connection.execute("BEGIN IMMEDIATE")
            committer.write(connection, (), some, ())
            connection.execute("COMMIT")
            roll_up(connection)
