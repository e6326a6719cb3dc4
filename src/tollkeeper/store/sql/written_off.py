"""Records that are pruned before an invoice covers them: what remains of them are their sums, by payer and month, as
ranges without an invoice. Nothing will invoice them any more, and verification still finds every pico-dollar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Connection, and_, insert, update

from tollkeeper.rules.invoices import PayerId
from tollkeeper.rules.times import month_bounds
from tollkeeper.store.ports.invoices import CoveredRange
from tollkeeper.store.ports.records import ADJUSTMENT
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.sql.invoice_rows import figures_of, range_rows
from tollkeeper.store.sql.open_records import OF_RANGES, covered_ranges
from tollkeeper.store.sql.schema import invoice_ranges

_NOTHING = Totals()


def write_off(connection: Connection, pruned: Sequence[Any]) -> None:
    """Keep the sums of those of these rows of records, in the order of the chain, that no invoice covers."""
    places = [(_payer_of(row), month_bounds(row.created_at)[0]) for row in pruned]
    covered = covered_ranges(connection, {month for _, month in places}, {payer for payer, _ in places})
    found: dict[tuple[PayerId, int], CoveredRange] = {}
    for row, place in zip(pruned, places, strict=True):
        if not any(after < row.seq <= upto for after, upto in covered.get(place, ())):
            before = found.get(place, CoveredRange(place[1], 0, 0, 0, _NOTHING))
            figures = zip(astuple(before.totals), _figures(row), strict=True)
            totals = Totals(*[one + other for one, other in figures])
            found[place] = CoveredRange(place[1], 0, pruned[-1].seq, before.records + 1, totals)
    for (payer, month), more in found.items():
        columns = invoice_ranges.c
        added = {name: columns[name] + figure for name, figure in figures_of(more.totals).items()}
        there = and_(OF_RANGES.are(payer), columns.month == month, columns.invoice_id == "")
        changed = update(invoice_ranges).where(there)
        changed = changed.values(upto_seq=more.upto, records=columns.records + more.records, **added)
        if not connection.execute(changed).rowcount:
            connection.execute(insert(invoice_ranges), range_rows(payer, "", [more]))


def _payer_of(row: Any) -> PayerId:
    return PayerId("user", row.user_id) if row.team_id is None else PayerId("team", row.team_id)


def _figures(row: Any) -> tuple[int, ...]:
    requests = 0 if row.endpoint == ADJUSTMENT else 1
    return (
        requests,
        row.prompt_tokens,
        row.cached_tokens,
        row.cache_write_tokens,
        row.completion_tokens,
        row.reasoning_tokens,
        row.cost_pico,
    )
