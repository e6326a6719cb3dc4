"""The table of kinds of upstream in docs/architecture.md says what their traits do."""

from __future__ import annotations

from tests.docs.tables import code, rows, text
from tollkeeper.rules.kinds import KINDS


def test_the_table_says_what_the_traits_do() -> None:
    said = {code(kind)[0]: cells for kind, *cells in rows(text("docs/architecture.md"), first="kind")}
    yes = {True: "yes", False: "no"}
    assert said == {
        kind.name: [
            yes[kind.paid],
            yes[kind.needs_price],
            f"`{kind.lists_by}`",
            f"`{kind.describes_by}`" if kind.describes_by else "–",
        ]
        for kind in KINDS.values()
    }
