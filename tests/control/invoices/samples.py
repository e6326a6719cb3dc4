"""Invoices that nobody has issued."""

from __future__ import annotations

from typing import Any

from tollkeeper.rules.invoices import Invoice, Line, Payer, Seller


def a_line(**fields: Any) -> Line:
    usual: dict[str, Any] = {
        "model": "tiny:latest",
        "upstream": "default",
        "price_id": 1,
        "class_": "input",
        "tokens": 1000,
        "unit_price_usd_per_mtok": "0.05",
        "cost_exact_usd": "0.00005",
    }
    return Line(**(usual | fields))


def an_invoice(**fields: Any) -> Invoice:
    usual: dict[str, Any] = {
        "id": "inv_1",
        "number": "TK-2026-000001",
        "payer": Payer(user_id="alice"),
        "seller": Seller(),
        "month": "2026-10",
        "status": "finalized",
        "issued_at": "2026-11-03T00:00:00.000Z",
        "due_at": "2026-11-17T00:00:00.000Z",
        "as_of": "2026-11-03T00:00:00.000Z",
    }
    return Invoice(**(usual | fields))
