"""An invoice as the API gives it, with something of everything."""

from __future__ import annotations

from typing import Any


def line(**fields: Any) -> dict[str, Any]:
    return {
        "model": "llama3.2:1b",
        "upstream": "default",
        "price_id": 7,
        "class": "input",
        "tokens": 1_234_567,
        "unit_price_usd_per_mtok": "0.05",
        "cost_exact_usd": "0.06172835",
    } | fields


def invoice(**fields: Any) -> dict[str, Any]:
    return {
        "id": "inv_1",
        "number": "TK-2026-000123",
        "payer": {"user_id": "alice", "name": "Alice & Sons", "address": "1 Bridge St\nOxford", "tax_id": "GB123"},
        "seller": {"name": "The <Lab>", "address": "2 Toll Rd\nBath", "tax_id": "GB456"},
        "month": "2026-10",
        "status": "finalized",
        "issued_at": "2026-11-03T00:00:00.000Z",
        "due_at": "2026-12-03T00:00:00.000Z",
        "currency": "usd",
        "lines": [line(), line(**{"class": "output"}, tokens=1000, cost_exact_usd="0.0000002345")],
        "late": [line(month="2026-09", cost_exact_usd="0.5")],
        "adjustments": [
            {
                "id": "req_9",
                "month": "2026-10",
                "created_at": "2026-10-09T01:02:03.000Z",
                "user_id": "alice",
                "reason": "=refund",
                "cost_exact_usd": "-0.1",
            },
        ],
        "credit_exact_usd": "0.25",
        "tax": [{"name": "VAT", "rate": "0.2", "amount_usd": "0.04"}],
        "total_exact_usd": "0.2517285845",
        "total_usd": "0.25",
        "sha256": "ab" * 32,
        "corrects": None,
        "chains": [{"journal": "main", "seq": 42, "hash": "cd" * 32}],
        "as_of": "2026-11-03T00:00:00.000Z",
        "paid_at": None,
        "reference": None,
        "reason": None,
    } | fields
