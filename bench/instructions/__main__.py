"""Count the instructions of a request and of an event, and compare them with bench/instructions.toml."""

from __future__ import annotations

import argparse
import sys

from bench.instructions.count import count
from bench.instructions.table import (
    COMMITTED,
    Table,
    as_text,
    as_toml,
    compare,
    fault,
    mismatch,
    read_table,
    this_platform,
)
from bench.processes import BenchError


def compare_with_committed(*, must_compare: bool) -> str | None:
    """Count and print. The error message, or None. Raises BenchError."""
    committed = read_table()
    lines = compare(committed.counts, count())
    print(as_text(lines), flush=True)
    elsewhere = mismatch(committed.platform, this_platform())
    if elsewhere is None or must_compare:
        return elsewhere or fault(lines)
    print(elsewhere, "To see what a change does, count before and after it.")
    return None


def renew() -> None:
    """Count, and write the table. Raises BenchError."""
    table = Table(this_platform(), count())
    COMMITTED.write_text(as_toml(table))
    print(as_toml(table), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser("bench.instructions", description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the table instead")
    parser.add_argument("--must-compare", action="store_true", help="fail where the table is not for this platform")
    options = parser.parse_args()
    error = None
    try:
        if options.write:
            renew()
        else:
            error = compare_with_committed(must_compare=options.must_compare)
    except BenchError as failure:
        error = str(failure)
    if error is not None:
        sys.exit(f"bench.instructions: {error}")


if __name__ == "__main__":
    main()
