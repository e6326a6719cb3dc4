"""docs/operating.md has the table of failover, row by row."""

from __future__ import annotations

from tests.docs.tables import rows, section
from tollkeeper.rules.failover import ROWS


def test_the_table_is_that_of_the_code() -> None:
    listed = rows(section("docs/operating.md", "When an upstream fails"), first="what happened")
    assert listed == [[outcome.value, row.free.value, row.paid.value] for outcome, row in ROWS.items()]
