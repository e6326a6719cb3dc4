"""docs/models.md has every code of a failed pull, and says of each how often it is tried again."""

from __future__ import annotations

from tests.docs.tables import code, rows, section
from tollkeeper.control.admin.jobs import JobErrorBody
from tollkeeper.rules import pull_failures
from tollkeeper.rules.pull_failures import GONE

SAID = {code(cell)[0]: tried for cell, _, tried in rows(section("docs/models.md", "Pulling"), first="code")}


def test_every_code_is_there_with_its_retries() -> None:
    known = {row.code: row.retries for row in (*pull_failures._ROWS, pull_failures._OTHER)}
    known |= {GONE.code: GONE.retries, "upstream_removed": 0, "internal_error": 0}
    words = {0: "no", 1: "once", 2: "2 or 3 times", 5: "5 times", 30: "30 times, over half an hour"}
    assert {name: words[retries] for name, retries in known.items()} == SAID


def test_the_document_of_the_api_has_every_code() -> None:
    told = JobErrorBody.__doc__ or ""
    assert [name for name in SAID if f"`{name}`" not in told] == []
