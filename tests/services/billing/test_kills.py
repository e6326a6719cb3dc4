"""A process that finalizes is killed at every step: one invoice, one number."""

from __future__ import annotations

import asyncio
import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from tests.services.billing.house import NOVEMBER, PRICE, ROOT, house
from tests.store.sqlite.children import start
from tests.store.values import NOON
from tollkeeper.store.ports.invoices import InvoiceFilter
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.verify import verify

KILLED, DONE = 9, 0
USERS = ("ann", "bob")


async def fill(path: Path) -> None:
    store = await open_store(path, now=lambda: NOON)
    here = house(store)
    await here.price(PRICE)
    for user in USERS:
        await here.used(NOVEMBER, user_id=user)
        await here.adjusted(NOVEMBER + 1, -(10**12), user_id=user)
    await store.close()


def finalize(path: Path, step: int) -> None:
    """End the process before a statement that writes, or after the last."""
    asyncio.run(_finalize(path, step))
    os._exit(DONE)


async def _finalize(path: Path, step: int) -> None:
    store = await open_store(path, now=lambda: NOON)
    left = [step]

    def before(*_: Any) -> None:
        left[0] -= 1
        if not left[0]:
            os._exit(KILLED)

    for moment in ("before_cursor_execute", "commit"):
        event.listen(store._writer._engine, moment, before)
    await house(store).billing.finalize("2026-11", by=ROOT)


@pytest.mark.long
async def test_killed_at_every_step_of_finalizing_there_is_one_invoice_and_one_number(tmp_path: Path) -> None:
    kills = 0
    for step in count(1):
        path = tmp_path / f"{step}.db"
        await fill(path)
        process = start(finalize, path, step)
        await asyncio.to_thread(process.join)
        if process.exitcode == DONE:
            break
        assert process.exitcode == KILLED
        kills += 1
        store = await open_store(path, now=lambda: NOON)
        here = house(store)
        await here.billing.finalize("2026-11", by=ROOT)
        invoices = await here.billing.list(InvoiceFilter())
        assert [each.number for each in invoices] == ["TK-2026-000002", "TK-2026-000001"]
        assert sorted(each.payer.ref.id for each in invoices) == sorted(USERS)
        for invoice in invoices:
            assert [entry.kind for entry in await here.billing.credits(invoice.payer.ref)] == ["carried"]
        await store.close()
        assert verify(path).faults == ()
    assert kills >= 2 * 8
