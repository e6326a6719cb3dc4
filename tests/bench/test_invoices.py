"""The bench of a month's close, in short."""

from __future__ import annotations

from pathlib import Path

from bench.invoices import run


async def test_it_closes_a_month_of_every_user_and_team(tmp_path: Path) -> None:
    found = await run(tmp_path / "invoices.db", users=30, records=3000)
    assert [each.name for each in found if each.most is not None] == [
        "sums of the month by payer",
        "32 invoices",
        "sums of the month, finalized",
        "what stands in the way of its close",
    ]
