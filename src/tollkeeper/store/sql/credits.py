"""Credit: an append-only account of each payer."""

from __future__ import annotations

from itertools import accumulate

from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, func, insert, select

from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.store.ports.invoices import CreditEntry, CreditSpent
from tollkeeper.store.sql.schema import credit_entries as table
from tollkeeper.store.sql.sum_tables import PICO_PER_MICRO

_SUMS = func.coalesce(func.sum(table.c.amount_micro), 0), func.coalesce(func.sum(table.c.amount_rest), 0)

_BALANCE = select(*_SUMS).where(bindparam("of_kind") == table.c.payer_kind, bindparam("of_id") == table.c.payer_id)


def balance_of(connection: Connection, payer: PayerId) -> int:
    """A payer's credit in pico-dollars."""
    micro, rest = connection.execute(_BALANCE, {"of_kind": payer.kind, "of_id": payer.id}).one()
    return int(micro * PICO_PER_MICRO + rest)


def add_entry(connection: Connection, entry: CreditEntry) -> CreditEntry:
    """Append an entry. Raises CreditSpent where the balance would be negative."""
    balance = balance_of(connection, entry.payer) + entry.amount_pico
    if balance < 0:
        raise CreditSpent
    micro, rest = divmod(entry.amount_pico, PICO_PER_MICRO)
    added = connection.execute(
        insert(table).returning(table.c.id),
        {
            "payer_kind": entry.payer.kind,
            "payer_id": entry.payer.id,
            "at": entry.at,
            "kind": entry.kind,
            "amount_micro": micro,
            "amount_rest": rest,
            "reason": entry.reason,
            "author": entry.by,
            "invoice_id": entry.invoice_id,
        },
    ).scalar_one()
    return replace(entry, id=added, balance_pico=balance)


def entries_of(connection: Connection, payer: PayerId) -> list[CreditEntry]:
    """All entries of a payer, newest first."""
    query = select(table).where(table.c.payer_kind == payer.kind, table.c.payer_id == payer.id).order_by(table.c.id)
    rows = connection.execute(query).all()
    amounts = [row.amount_micro * PICO_PER_MICRO + row.amount_rest for row in rows]
    found = [
        CreditEntry(payer, row.at, row.kind, amount, row.reason, row.author, row.invoice_id, balance, row.id)
        for row, amount, balance in zip(rows, amounts, accumulate(amounts), strict=True)
    ]
    return found[::-1]


def give_back(connection: Connection, payer: PayerId, invoice: Invoice, at: int, by: str) -> None:
    """Undo what an invoice did to credit. Raises CreditSpent where it gave credit that has been applied since."""
    micro, rest = connection.execute(select(*_SUMS).where(table.c.invoice_id == invoice.id)).one()
    amount = -(micro * PICO_PER_MICRO + rest)
    if amount:
        reason = f"invoice {invoice.number} is void"
        add_entry(connection, CreditEntry(payer, at, "returned", amount, reason, by, invoice_id=invoice.id))
