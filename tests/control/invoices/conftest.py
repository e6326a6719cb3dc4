"""alice and bob used something in October, and it is November."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.control.desk import Desk
from tests.services.in_memory import ROOT, START, record
from tollkeeper.rules.times import parse_time
from tollkeeper.rules.usage import Usage
from tollkeeper.services.models.prices import NewPrice

OCTOBER = parse_time("2026-10-09T12:00:00Z")

Use = Callable[..., Awaitable[None]]


@pytest.fixture
async def use(desk: Desk) -> Use:
    """`await use("alice", cost_pico=…)`: a record of October, of 1,000,000 input and 1,000 output tokens."""
    [price] = await desk.services.prices.put([NewPrice("tiny:latest", 50_000, 100_000)], ROOT)
    count = 0

    async def uses(user_id: str, **fields: Any) -> None:
        nonlocal count
        count += 1
        usual: dict[str, Any] = {
            "request_id": f"req_{count:06d}",
            "created_at": OCTOBER + count,
            "settled_at": OCTOBER + count + 20,
            "user_id": user_id,
            "usage": Usage(prompt_tokens=1_000_000, completion_tokens=1_000),
            "cost_pico": 1_000_000 * 50_000 + 1_000 * 100_000,
            "price_id": price.id,
        }
        await desk.house.store.ledger.settle(record(**(usual | fields)))

    return uses


@pytest.fixture
async def used(use: Use) -> None:
    await use("alice")
    await use("alice")
    await use("bob")
    await use("alice", created_at=START - 1000, settled_at=START)


@pytest.fixture
async def finalized(used: None, admin: Any) -> dict[str, Any]:
    """October's invoices, by user."""
    answer = await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})
    assert answer.status_code == 200, answer.text
    return {invoice["payer"]["user_id"]: invoice for invoice in answer.json()["data"]}
