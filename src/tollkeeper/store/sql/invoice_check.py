"""Verification of invoices: each is computed anew from the ledger, and all of them together add up to its sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate, groupby
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from tollkeeper.rules.invoice_lines import MonthUse
from tollkeeper.rules.invoices import AdjustmentItem, Invoice, LateLine, PayerId
from tollkeeper.rules.invoicing import (
    canonical_form,
    compose,
    credit_moves,
    credit_note,
    net_pico,
    parse_rate,
    uncharged,
)
from tollkeeper.rules.money import format_usd, parse_usd
from tollkeeper.rules.times import format_month, parse_month
from tollkeeper.store.ports.invoices import joined, range_sums
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.invoice_rows import invoice_of, totals_of
from tollkeeper.store.sql.open_records import HELD, OF_MONTHS, OF_RANGES, UseReader, uncovered_costs
from tollkeeper.store.sql.schema import (
    checkpoints,
    credit_entries,
    identities,
    invoice_numbers,
    invoice_ranges,
    invoices,
)
from tollkeeper.store.sql.sum_tables import PICO_PER_MICRO, monthly_users

Costs = Counter[tuple[PayerId, int]]
"""Pico-dollars by payer and month."""

_MONEY = func.sum(invoice_ranges.c.cost_micro), func.sum(invoice_ranges.c.cost_rest)
_PRUNED_OPEN = (
    select(*OF_RANGES, invoice_ranges.c.month, *_MONEY)
    .where(invoice_ranges.c.invoice_id == "", HELD)
    .group_by(*OF_RANGES, invoice_ranges.c.month)
)
"""What was pruned before an invoice covered it."""


def faults(connection: Connection, identities: Identities, invoice_id: str | None = None) -> Iterator[str]:
    """See `ports.InvoiceStore`."""
    query = select(invoices).order_by(invoices.c.year, invoices.c.serial)
    if invoice_id is not None:
        query = query.where(invoices.c.id == invoice_id)
    check = _Check(connection, identities)
    for row in connection.execute(query).mappings():  # never all at once: there may be many
        yield from check.invoice(row)
    if invoice_id is None:
        yield from _numbers(connection)
        yield from _credit(connection)
        yield from check.sums()


class _Check:
    def __init__(self, connection: Connection, identities: Identities) -> None:
        self._connection = connection
        self._identities = identities
        self._reader = UseReader(connection, identities.user_id_of)
        self._pruned = connection.execute(select(func.coalesce(func.max(checkpoints.c.seq), 0))).scalar_one()
        self._invoiced: Costs = Counter()

    def invoice(self, row: Mapping[Any, Any]) -> Iterator[str]:
        """Faults of one invoice."""
        name = f"invoice {row['number']}"
        try:
            invoice = invoice_of(row)
        except (msgspec.MsgspecError, ValueError):
            yield f"{name} cannot be read"
            return
        if canonical_form(invoice).decode() != row["document"]:
            yield f"{name} is not in its canonical form"
        if sha256(row["document"].encode()).hexdigest() != row["sha256"]:
            yield f"{name} does not have the hash that it was issued with"
        if not _stands_where_it_says(row, invoice):
            yield f"{name} is kept under another number, payer, month or total than its own"
        if invoice.status != "void":
            self._count(row, invoice)
        moved = self._moved(invoice)
        if moved != _moves(invoice):
            yield f"{name} did something else to the credit of its payer than it says"
        applied = -moved.get("applied", 0)
        if invoice.corrects is None:
            yield from self._reproduced(name, row, invoice, applied)
        elif not self._corrects(invoice, applied):
            yield f"{name} does not take back exactly what invoice {invoice.corrects} charges"

    def sums(self) -> Iterator[str]:
        """Invoices that are not void, with what they do not cover, must be the sums by month."""
        columns = monthly_users.c
        parts = func.sum(columns.cost_micro), func.sum(columns.cost_rest)
        expected = self._costs(select(*OF_MONTHS, columns.month, *parts).group_by(*OF_MONTHS, columns.month))
        found = Counter(self._invoiced)
        found.update(self._costs(_PRUNED_OPEN))
        for month in sorted({month for _, month in expected}):
            found.update({(payer, month): cost for payer, cost in uncovered_costs(self._connection, month)})
        for payer, month in sorted({*expected, *found}):
            difference = found[payer, month] - expected[payer, month]
            if difference:
                yield (
                    f"the invoices and the draft of {payer} for {format_month(month)} are not the sum of its records:"
                    f" they differ by {format_usd(difference)} dollars"
                )

    def _costs(self, query: Any) -> Costs:
        rows = self._connection.execute(query)
        return Counter({(PayerId(kind, id_), month): micro * PICO_PER_MICRO + rest
                        for kind, id_, month, micro, rest in rows})  # fmt: skip

    def _count(self, row: Mapping[Any, Any], invoice: Invoice) -> None:
        payer = PayerId(row["payer_kind"], row["payer_id"])
        for line in invoice.lines:
            self._invoiced[payer, row["month"]] += parse_usd(line.cost_exact_usd)
        named: tuple[LateLine | AdjustmentItem, ...] = (*invoice.late, *invoice.adjustments)
        for item in named:
            self._invoiced[payer, parse_month(item.month)] += parse_usd(item.cost_exact_usd)

    def _corrects(self, note: Invoice, applied: int) -> bool:
        """Whether a credit note takes back the invoice that it names."""
        query = select(invoices).where(invoices.c.number == note.corrects)
        row = self._connection.execute(query).mappings().one_or_none()
        if row is None:
            return False
        again = credit_note(uncharged(note), invoice_of(row), applied)
        return canonical_form(again) == canonical_form(note)

    def _reproduced(self, name: str, row: Mapping[Any, Any], invoice: Invoice, applied: int) -> Iterator[str]:
        """Faults of an invoice against the records that it covers, and the credit that was applied to it."""
        payer = PayerId(row["payer_kind"], row["payer_id"])
        of_invoice = invoice_ranges.c.invoice_id == invoice.id
        order = invoice_ranges.c.month.desc(), invoice_ranges.c.after_seq
        ranges = self._connection.execute(select(invoice_ranges).where(of_invoice).order_by(*order)).all()
        if any(each.holds != row["holds"] or PayerId(each.payer_kind, each.payer_id) != payer for each in ranges):
            yield f"{name} and the records that it covers do not fit together"
        found = [self._reader.within(payer, each.month, (each.after_seq, each.upto_seq)) for each in ranges]
        counted = zip(ranges, found, strict=True)
        if any(each.after_seq < self._pruned and use.records < each.records for each, use in counted):
            # Their records are known by their sums only.
            if sum(totals_of(each).cost_pico for each in ranges) != net_pico(invoice):
                yield f"{name} is not the sum of its records, which have been pruned"
            return
        uses = []
        for month, some in groupby(zip(ranges, found, strict=True), key=lambda pair: int(pair[0].month)):
            pairs = list(some)
            if any((use.records, range_sums(use)) != (each.records, totals_of(each)) for each, use in pairs):
                yield f"{name} covers other records of {format_month(month)} than when it was issued"
            uses.append(_as_named(joined(month, [use for _, use in pairs]), invoice))
        rates = {tax.name: parse_rate(tax.rate) for tax in invoice.tax}
        again = compose(uncharged(invoice), uses, rates, applied)
        if canonical_form(again) != canonical_form(invoice):
            yield f"{name} is not what its records make of it"

    def _moved(self, invoice: Invoice) -> dict[str, int]:
        """What an invoice did to the credit of its payer, by kind of entry."""
        columns = credit_entries.c
        sums = func.sum(columns.amount_micro), func.sum(columns.amount_rest)
        query = select(columns.kind, *sums).where(columns.invoice_id == invoice.id).group_by(columns.kind)
        return {kind: micro * PICO_PER_MICRO + rest for kind, micro, rest in self._connection.execute(query)}


def _moves(invoice: Invoice) -> dict[str, int]:
    """What an invoice must have done to the credit of its payer."""
    moves: dict[str, int] = dict(credit_moves(invoice).items())
    if moves and invoice.status == "void":
        moves["returned"] = -sum(moves.values())
    return moves


def _as_named(use: MonthUse, invoice: Invoice) -> MonthUse:
    """The use with the names and reasons of adjustments as the invoice has them, where the ledger has forgotten them:
    an invoice outlives the erasure of a user."""
    items = {item.id: item for item in invoice.adjustments}
    return MonthUse(
        use.month,
        use.consumption,
        tuple(
            each
            if each.reason or each.id not in items
            else replace(each, reason=items[each.id].reason, user_id=items[each.id].user_id)
            for each in use.adjustments
        ),
    )


def _stands_where_it_says(row: Mapping[Any, Any], invoice: Invoice) -> bool:
    return (
        row["id"] == invoice.id
        and row["number"] == invoice.number
        and (invoice.number or "").endswith(f"-{row['year']}-{row['serial']:06d}")
        and row["payer_kind"] == invoice.payer.ref.kind
        and row["month"] == parse_month(invoice.month)
        and row["total_usd"] == invoice.total_usd
        and row["holds"] in ((False,) if invoice.status == "void" or invoice.corrects else (False, True))
    )


def _numbers(connection: Connection) -> Iterator[str]:
    """Numbers must go on from 1 in each year, without gaps."""
    columns = invoices.c
    last = {row.year: row.last for row in connection.execute(select(invoice_numbers))}
    query = select(columns.year, func.count(), func.min(columns.serial), func.max(columns.serial))
    for year, count, least, most in connection.execute(query.group_by(columns.year)):
        if (least, most, last.pop(year, None)) != (1, count, count):
            yield f"the numbers of the invoices of {year} are not 1 to {count}"
    for year in last:
        yield f"the invoices of {year} are missing"


def _credit(connection: Connection) -> Iterator[str]:
    """Credit may never have been negative, and is some user's: it stands under an opaque id, as all that is kept of
    users."""
    table = credit_entries.c
    query = select(table.payer_kind, table.payer_id, table.amount_micro, table.amount_rest)
    rows: Sequence[Any] = connection.execute(query.order_by(table.payer_kind, table.payer_id, table.id)).all()
    for (kind, id_), entries in groupby(rows, key=lambda row: (row.payer_kind, row.payer_id)):
        amounts = (row.amount_micro * PICO_PER_MICRO + row.amount_rest for row in entries)
        if any(balance < 0 for balance in accumulate(amounts)):
            yield f"the credit of {PayerId(kind, id_)} was negative"
    users = select(table.payer_id).where(table.payer_kind == "user", table.payer_id.not_in(select(identities.c.id)))
    for (id_,) in connection.execute(users.distinct().order_by(table.payer_id)):
        yield f"the credit of {PayerId('user', id_)} is nobody's: no opaque id is {id_}"
