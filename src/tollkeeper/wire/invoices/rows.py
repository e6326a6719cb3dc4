"""An invoice's lines as CSV (RFC 4180): one row for each line, late item, adjustment, credit and tax.

The rows of one invoice add up to its exact total and its taxes; the rows of several invoices may stand in one file,
since each names its invoice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tollkeeper.wire.csv_cells import encode_rows, format_cell
from tollkeeper.wire.invoices.amounts import is_zero, line_amount, negated, percent

COLUMNS = (
    "invoice_id", "number", "status", "invoice_month", "user_id", "team_id", "payer_name", "item", "month", "model",
    "upstream", "price_id", "class", "tokens", "unit_price_usd_per_mtok", "units", "unit_price_usd", "cost_usd",
    "cost_exact_usd", "description",
)  # fmt: skip
"""`item`: line, late, adjustment, credit or tax. `month`: that of the item. `cost_usd` is to six places."""


def header() -> bytes:
    return encode_rows([COLUMNS])


def invoice_rows(invoice: Mapping[str, Any]) -> bytes:
    """The rows of one invoice, without the header."""
    return encode_rows([format_cell(column, row.get(column)) for column in COLUMNS] for row in _rows(invoice))


def _rows(invoice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    payer = invoice["payer"]
    of = {
        "invoice_id": invoice["id"],
        "number": invoice["number"],
        "status": invoice["status"],
        "invoice_month": invoice["month"],
        "user_id": payer.get("user_id"),
        "team_id": payer.get("team_id"),
        "payer_name": payer.get("name"),
    }
    for line in invoice["lines"]:
        yield {**of, "item": "line", "month": invoice["month"], **_line(line)}
    for line in invoice.get("late") or []:
        yield {**of, "item": "late", **_line(line)}
    for each in invoice.get("adjustments") or []:
        yield {**of, "item": "adjustment", "month": each["month"], "description": each["reason"], **_cost(each)}
    credit = invoice.get("credit_exact_usd") or "0"
    if not is_zero(credit):
        yield {**of, "item": "credit", "month": invoice["month"], **_cost({"cost_exact_usd": negated(credit)})}
    for tax in invoice.get("tax") or []:
        what, cost = f"{tax['name']}, {percent(tax['rate'])}", _cost({"cost_exact_usd": tax["amount_usd"]})
        yield {**of, "item": "tax", "month": invoice["month"], "description": what, **cost}


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {**line, **_cost(line)}


def _cost(item: Mapping[str, Any]) -> dict[str, str]:
    exact = item["cost_exact_usd"]
    return {"cost_usd": line_amount(exact), "cost_exact_usd": exact}
