"""Verification of invoices finds whatever was changed behind their back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.services.billing.house import ANN, BOB, DAY, NOVEMBER, OCTOBER, PRICE, ROOT, house
from tests.store.values import NOON
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.verify import verify

USD = 10**12


async def filled(path: Path) -> None:
    """Three invoices of October, one of them void, one paid and taken back; credit; and a draft."""
    store = await open_store(path, now=lambda: NOON)
    here = house(store)
    await here.price(PRICE)
    for user in ("ann", "bob", "cid"):
        await here.used(OCTOBER, 10**8, user_id=user)
    await here.adjusted(OCTOBER + 1, -USD)
    await here.billing.add_credit(ANN, 5 * USD, "prepaid", by=ROOT)
    await here.billing.add_credit(BOB, USD, "prepaid", by=ROOT)
    _, bob, cid = (await here.billing.finalize("2026-10", by=ROOT)).issued
    await here.billing.void(bob.id, "wrong", by=ROOT)
    await here.billing.pay(cid.id, "bank", by=ROOT)
    await here.billing.credit_note(cid.id, "wrong", by=ROOT)
    await here.used(NOVEMBER)
    await store.close()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    await filled(tmp_path / "ledger.db")
    return tmp_path / "ledger.db"


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(statement)


def test_what_was_not_touched_has_no_faults(path: Path) -> None:
    assert verify(path).faults == ()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE invoices SET document = replace(document, 'Ann Lee', 'Eve') WHERE serial = 1", "the hash that it was"),
        ("UPDATE invoices SET document = 'x' WHERE serial = 1", "invoice TK-2026-000001 cannot be read"),
        ("UPDATE invoices SET document = document || ' ' WHERE serial = 1", "not in its canonical form"),
        ("UPDATE invoices SET total_usd = '9.99' WHERE serial = 1", "under another number, payer, month or total"),
        ("UPDATE invoices SET number = 'TK-2026-000009' WHERE serial = 1", "under another number"),
        ("UPDATE invoices SET month = month + 1 WHERE serial = 1", "under another number, payer, month"),
        ("UPDATE invoices SET status = 'void', holds = 0 WHERE serial = 1", "do not fit together"),
        ("UPDATE invoices SET status = 'finalized' WHERE status = 'void'", "are not the sum of its records"),
        ("UPDATE invoice_ranges SET upto_seq = 0 WHERE payer_kind = 'user' AND holds", "covers other records"),
        ("UPDATE invoice_ranges SET cost_micro = cost_micro + 1 WHERE holds", "covers other records of 2026-10"),
        ("DELETE FROM invoice_ranges WHERE holds", "is not what its records make of it"),
        ("DELETE FROM invoices WHERE serial = 2", "the numbers of the invoices of 2026 are not 1 to 3"),
        ("DELETE FROM invoices WHERE serial = 4", "the numbers of the invoices of 2026 are not 1 to 3"),
        ("DELETE FROM invoices", "the invoices of 2026 are missing"),
        ("DELETE FROM invoices WHERE serial = 3", "does not take back exactly what invoice TK-2026-000003 charges"),
        (
            "UPDATE credits SET amount_micro = amount_micro + 1 WHERE kind = 'applied'",
            "not what its records make of it",
        ),
        ("UPDATE credits SET amount_micro = 1 WHERE kind = 'granted'", "was negative"),
        ("UPDATE credits SET amount_micro = amount_micro + 1 WHERE kind = 'carried'", "something else to the credit"),
        ("DELETE FROM credits WHERE kind = 'returned'", "something else to the credit of its payer"),
        ("UPDATE credits SET payer_id = 'ann' WHERE kind = 'granted'", "is nobody's: no opaque id is ann"),
        ("UPDATE prices SET input = input + 1", "is not what its records make of it"),
        ("UPDATE monthly_users SET cost_micro = cost_micro + 1", "are not the sum of its records: they differ by"),
    ],
)
def test_each_change_is_found(path: Path, statement: str, told: str) -> None:
    change(path, statement)
    found = verify(path).faults
    assert any(told in fault for fault in found), found


async def test_an_erased_user_leaves_its_invoices_as_they_were_issued(path: Path) -> None:
    """The law has them kept; the ledger knows neither the name nor the reason of a refund any more."""
    change(path, "UPDATE identities SET user_id = NULL; DELETE FROM record_metadata;")
    found = verify(path)
    assert [fault for fault in found.faults if "invoice" in fault] == []


async def test_pruned_records_are_known_by_their_sums(path: Path) -> None:
    store = await open_store(path, now=lambda: NOON)
    await house(store).billing.finalize("2026-10", by=ROOT)
    assert await store.ledger.prune(OCTOBER + DAY) == 4
    await store.close()
    assert verify(path).faults == ()
    change(path, "UPDATE invoice_ranges SET cost_micro = cost_micro + 1 WHERE holds AND invoice_id != ''")
    assert any("is not the sum of its records, which have been pruned" in fault for fault in verify(path).faults)
