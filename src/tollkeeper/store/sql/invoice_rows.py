"""Conversion between invoices and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import astuple

from tollkeeper.rules.invoices import UNHASHED, Invoice, PayerId
from tollkeeper.store.ports.invoices import JOURNAL, CoveredRange
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.sql.sum_tables import FIGURES, PICO_PER_MICRO


def invoice_of(row: Mapping[Any, Any]) -> Invoice:
    """The invoice from its row. Raises ValueError where that does not hold one."""
    document = msgspec.json.decode(row["document"])
    return msgspec.convert({**document, **{name: row[name] for name in UNHASHED}}, Invoice)


def state_of(invoice: Invoice) -> dict[str, Any]:
    """What of an invoice is not in its document, as columns."""
    return {name: getattr(invoice, name) for name in UNHASHED}


def figures_of(totals: Totals) -> dict[str, int]:
    """Sums as columns."""
    *counts, cost = astuple(totals)
    return dict(zip(FIGURES, (*counts, *divmod(cost, PICO_PER_MICRO)), strict=True))


def range_rows(payer: PayerId, invoice_id: str, ranges: Iterable[CoveredRange]) -> list[dict[str, str | int | bool]]:
    """The rows of ranges that an invoice covers."""
    return [
        {
            "payer_kind": payer.kind,
            "payer_id": payer.id,
            "month": each.month,
            "invoice_id": invoice_id,
            "journal": JOURNAL,
            "after_seq": each.after,
            "upto_seq": each.upto,
            "holds": True,
            "records": each.records,
            **figures_of(each.totals),
        }
        for each in ranges
    ]


def totals_of(row: Any) -> Totals:
    """The sums in a row with columns of figures."""
    *counts, micro, rest = [int(getattr(row, name)) for name in FIGURES]
    return Totals(*[*counts, micro * PICO_PER_MICRO + rest])
