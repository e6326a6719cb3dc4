"""How sums are found: of one user, by index, whatever is asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.dialects import sqlite

from tests.store.values import NOON
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sql.sum_queries import SUMMED, Selection, SumQueries, known_span
from tollkeeper.store.sql.sum_tables import HISTOGRAMS
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.readers import Readers


def plans(connection: Connection, selection: Selection) -> list[str]:
    """How SQLite finds what the queries of a selection read."""
    found = []
    for query in SumQueries(selection, known_span(connection), (*SUMMED, *HISTOGRAMS)).parts():
        compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
        found += [row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {compiled}".replace(":", r"\:")))]
    return found


@pytest.mark.parametrize("tag", [("team", "blue"), ("team", "")])
@pytest.mark.parametrize("group", ["tag:run", "model"])
async def test_what_is_of_one_user_is_found_by_index(tmp_path: Path, tag: tuple[str, str], group: str) -> None:
    await (await open_store(tmp_path / "a.db", now=lambda: NOON)).close()
    readers = Readers(tmp_path / "a.db")
    selection = Selection(Filter(user_id="u_1", tag=tag), (group,))
    found = await readers.run(lambda connection: plans(connection, selection))
    await readers.close()
    assert not [step for step in found if step.startswith("SCAN records")]
    assert group == "model" or any(
        "SEARCH record_index USING PRIMARY KEY (field=? AND value=?" in step for step in found
    )
