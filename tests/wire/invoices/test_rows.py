from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from tests.wire.invoices.sample import invoice, line
from tollkeeper.wire.invoices.rows import COLUMNS, header, invoice_rows


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def rows(**fields: Any) -> list[dict[str, str]]:
    return read(header() + invoice_rows(invoice(**fields)))


def test_a_row_for_everything_on_an_invoice() -> None:
    found = rows()
    assert [row["item"] for row in found] == ["line", "line", "late", "adjustment", "credit", "tax"]
    assert [row["month"] for row in found] == ["2026-10", "2026-10", "2026-09", "2026-10", "2026-10", "2026-10"]
    assert {row["number"] for row in found} == {"TK-2026-000123"}
    assert list(found[0]) == list(COLUMNS)
    assert (found[0]["class"], found[0]["tokens"], found[0]["cost_usd"]) == ("input", "1234567", "0.061728")


def test_rows_but_taxes_add_up_to_the_exact_total() -> None:
    found = [row for row in rows() if row["item"] != "tax"]
    assert sum(Decimal(row["cost_exact_usd"]) for row in found) == Decimal("0.2117285845")


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_is_a_formula(begin: str) -> None:
    evil = f'{begin}HYPERLINK("http://127.0.0.1/?"&A1,"x"),2'
    payer = {"user_id": "alice", "name": evil, "address": None, "tax_id": None}
    [row] = rows(
        payer=payer, lines=[line(model=evil, upstream=evil)], late=[], adjustments=[], credit_exact_usd="0", tax=[]
    )
    assert row["payer_name"] == row["model"] == row["upstream"] == f"'{evil}"


def test_negative_amounts_stay_numbers() -> None:
    [refund] = [row for row in rows() if row["item"] == "adjustment"]
    assert (refund["cost_usd"], refund["cost_exact_usd"], refund["description"]) == ("-0.100000", "-0.1", "'=refund")


def test_lines_end_as_the_standard_says() -> None:
    assert header().endswith(b"\r\n")
    assert invoice_rows(invoice(lines=[], late=[], adjustments=[], credit_exact_usd="0", tax=[])) == b""
