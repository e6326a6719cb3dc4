"""Invoices and the ranges of records that they cover.

The transaction that issues an invoice takes its number from a row that it locks, after it has seen that nothing has
changed which the invoice was made of: so two who finalize at once make one invoice, and a killed one leaves none, nor a
gap in the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, or_, select, update

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.rules.invoicing import canonical_form, credit_moves
from tollkeeper.rules.times import format_month, month_bounds, parse_month, parse_time
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.invoices import (
    ChainEnd,
    Coverage,
    CoveredRange,
    CreditEntry,
    EventsOf,
    InvoiceFilter,
    OpenRecords,
    PayerMonth,
    RecordsPruned,
    no_events,
)
from tollkeeper.store.ports.records import Record
from tollkeeper.store.sql.audit import append
from tollkeeper.store.sql.credits import add_entry, balance_of, entries_of, give_back
from tollkeeper.store.sql.dialect import TRUE
from tollkeeper.store.sql.events import append_events
from tollkeeper.store.sql.identities import Identities, put_identity
from tollkeeper.store.sql.invoice_check import faults
from tollkeeper.store.sql.invoice_rows import invoice_of, range_rows, state_of, totals_of
from tollkeeper.store.sql.open_records import (
    OF_INVOICES,
    OF_MONTHS,
    OF_RANGES,
    UseReader,
    open_months,
    open_records,
    payers_ranges,
)
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import head, intents, invoice_numbers, invoice_ranges, invoices
from tollkeeper.store.sql.sum_tables import PICO_PER_MICRO, monthly_users

_NEWEST_FIRST = invoices.c.year.desc(), invoices.c.serial.desc()
# What each invoice of a month runs, made once: to put a statement together takes longer than to execute it.
_HELD = select(invoices.c.id).where(
    bindparam("of_kind") == OF_INVOICES.kind,
    bindparam("of_id") == OF_INVOICES.id,
    bindparam("of_month") == invoices.c.month,
    invoices.c.holds == TRUE,
)
_NEXT_SERIAL = (
    update(invoice_numbers)
    .where(bindparam("of_year") == invoice_numbers.c.year)
    .values(last=invoice_numbers.c.last + 1)
    .returning(invoice_numbers.c.last)
)
_FIRST_SERIAL, _ADD, _COVER = insert(invoice_numbers), insert(invoices), insert(invoice_ranges)


def _intents_between(connection: Connection, first: int, end: int) -> int:
    made = intents.c.request_id >= request_id_floor(first), intents.c.request_id < request_id_floor(end)
    return connection.execute(select(func.count()).where(*made)).scalar_one()


class SqlInvoices:
    """See `ports.InvoiceStore`. In columns, users who pay stand by their opaque ids, as in records; the documents name
    them as they were. `running` counts what runs that was admitted from one moment on and before another."""

    def __init__(
        self,
        writer: Runner,
        reader: Runner,
        identities: Identities,
        running: Callable[[Connection, int, int], int] = _intents_between,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._identities = identities
        self._running = running

    async def chain_end(self, month: int) -> ChainEnd:
        def read(connection: Connection) -> ChainEnd:
            seq, digest = connection.execute(select(head.c.seq, head.c.hash)).one()
            return ChainEnd(seq, bytes(digest).hex(), self._running(connection, *month_bounds(month)))

        return await self._reader.run(read)

    async def open_months(self) -> list[int]:
        return await self._reader.run(open_months)

    async def payers(self, month: int) -> list[PayerMonth]:
        found = await self._reader.run(lambda connection: _payers(connection, month))
        return sorted((replace(each, payer=self._named(each.payer)) for each in found), key=lambda each: each.payer)

    async def open_records(
        self, month: int, upto: int, payer: PayerId | None = None, *, remade: bool = True
    ) -> tuple[list[OpenRecords], int]:
        def read(connection: Connection) -> tuple[list[OpenRecords], int]:
            who = None if payer is None else self._opaque(payer)
            return open_records(connection, self._identities.user_id_of, month, upto, who, remade)

        found, done = await self._reader.run(read)
        named = (replace(each, payer=self._named(each.payer)) for each in found)
        return sorted(named, key=lambda each: each.payer), done

    async def issue(
        self,
        what: OpenRecords,
        month: int,
        year: int,
        build: Callable[[int, int], Invoice],
        audit: Callable[[Invoice], AuditEntry],
        events: EventsOf = no_events,
    ) -> Invoice | None:
        def write(connection: Connection) -> Invoice | None:
            payer = self._opaque(what.payer)
            if _is_invoiced(connection, payer, month) or _has_changed(connection, payer, what):
                return None
            serial = _next_serial(connection, year)
            invoice = build(serial, balance_of(connection, payer))
            entry = audit(invoice)
            _add(connection, payer, invoice, year, serial, holds=True)
            connection.execute(_COVER, range_rows(payer, invoice.id, what.ranges))
            _move_credit(connection, payer, invoice, entry.actor)
            append(connection, entry)
            append_events(connection, events(invoice))
            return invoice

        return await self._writer.run(write)

    async def find(self, id_or_number: str, payer: PayerId | None = None) -> Invoice | None:
        def read(connection: Connection) -> Invoice | None:
            named = or_(invoices.c.id == id_or_number, invoices.c.number == id_or_number)
            query = select(invoices).where(named, *self._matching(InvoiceFilter(payer)))
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else invoice_of(row)

        return await self._reader.run(read)

    async def coverage(self, invoice_id: str) -> Coverage:
        def read(connection: Connection) -> Coverage:
            row = _row(connection, invoice_id)
            return Coverage(_payer_of(row), self._ranges_of(connection, row))

        found = await self._reader.run(read)
        return replace(found, payer=self._named(found.payer))

    async def records(self, of: Coverage, *, limit: int, after: str | None) -> list[Record]:
        def read(connection: Connection) -> list[Record]:
            reader = UseReader(connection, self._identities.user_id_of)
            return reader.records(self._opaque(of.payer), of.ranges, limit, after)

        return await self._reader.run(read)

    async def select(self, which: InvoiceFilter, *, limit: int, after: str | None) -> list[Invoice]:
        def read(connection: Connection) -> list[Invoice]:
            page = query = select(invoices).where(*self._matching(which)).order_by(*_NEWEST_FIRST).limit(limit)
            if after is not None:
                last = connection.execute(
                    select(invoices.c.year, invoices.c.serial).where(invoices.c.id == after)
                ).one_or_none()
                if last is None:
                    return []
                same_year = and_(invoices.c.year == last.year, invoices.c.serial < last.serial)
                page = query.where(or_(invoices.c.year < last.year, same_year))
            return [invoice_of(row) for row in connection.execute(page).mappings()]

        return await self._reader.run(read)

    async def change(
        self,
        invoice_id: str,
        at: int,
        change: Callable[[Invoice], Invoice],
        audit: AuditEntry,
        events: EventsOf = no_events,
    ) -> Invoice:
        def write(connection: Connection) -> Invoice:
            row = _row(connection, invoice_id)
            changed = change(invoice_of(row))
            if changed.status == "void":
                self._release(connection, row)
                give_back(connection, _payer_of(row), changed, at, audit.actor)
            connection.execute(update(invoices).where(invoices.c.id == invoice_id).values(state_of(changed)))
            append(connection, audit)
            append_events(connection, events(changed))
            return changed

        return await self._writer.run(write)

    async def correct(
        self,
        invoice_id: str,
        year: int,
        build: Callable[[Invoice, int, int], Invoice],
        audit: Callable[[Invoice], AuditEntry],
        events: EventsOf = no_events,
    ) -> Invoice:
        def write(connection: Connection) -> Invoice:
            row = _row(connection, invoice_id)
            if not row["holds"]:
                raise LookupError(invoice_id)
            self._release(connection, row)
            serial = _next_serial(connection, year)
            payer = _payer_of(row)
            note = build(invoice_of(row), serial, balance_of(connection, payer))
            entry = audit(note)
            _add(connection, payer, note, year, serial, holds=False)
            _move_credit(connection, payer, note, entry.actor)
            append(connection, entry)
            append_events(connection, events(note))
            return note

        return await self._writer.run(write)

    async def add_credit(self, entry: CreditEntry, audit: AuditEntry) -> CreditEntry:
        def write(connection: Connection) -> CreditEntry:
            payer = entry.payer
            if payer.kind == "user":
                payer = PayerId("user", put_identity(connection, self._identities, payer.id))
            added = add_entry(connection, replace(entry, payer=payer))
            append(connection, audit)
            return replace(added, payer=entry.payer)

        return await self._writer.run(write)

    async def credits(self, payer: PayerId) -> list[CreditEntry]:
        found = await self._reader.run(lambda connection: entries_of(connection, self._opaque(payer)))
        return [replace(each, payer=payer) for each in found]

    async def faults(self, invoice_id: str | None = None) -> list[str]:
        return await self._reader.run(lambda connection: list(faults(connection, self._identities, invoice_id)))

    def _opaque(self, payer: PayerId) -> PayerId:
        return PayerId("user", self._identities.id_of(payer.id)) if payer.kind == "user" else payer

    def _named(self, payer: PayerId) -> PayerId:
        return PayerId("user", self._identities.user_id_of(payer.id)) if payer.kind == "user" else payer

    def _matching(self, which: InvoiceFilter) -> Iterator[ColumnElement[bool]]:
        if which.payer is not None:
            yield OF_INVOICES.are(self._opaque(which.payer))
        if which.month is not None:
            yield invoices.c.month == parse_month(which.month)
        if which.status is not None:
            yield invoices.c.status == which.status

    def _release(self, connection: Connection, row: Mapping[Any, Any]) -> None:
        """Give up the ranges of an invoice. Raises RecordsPruned."""
        self._ranges_of(connection, row)
        of_invoice = invoice_ranges.c.invoice_id == row["id"]
        connection.execute(update(invoice_ranges).where(of_invoice).values(holds=False))
        connection.execute(update(invoices).where(invoices.c.id == row["id"]).values(holds=False))

    def _ranges_of(self, connection: Connection, row: Mapping[Any, Any]) -> tuple[CoveredRange, ...]:
        """The ranges of an invoice. Raises RecordsPruned where records in them are no longer there."""
        columns = invoice_ranges.c
        reader = UseReader(connection, self._identities.user_id_of)
        query = select(invoice_ranges).where(columns.invoice_id == row["id"]).order_by(columns.month, columns.after_seq)
        found = []
        for each in connection.execute(query).all():
            if reader.within(_payer_of(row), each.month, (each.after_seq, each.upto_seq)).records != each.records:
                raise RecordsPruned(format_month(each.month))
            found.append(CoveredRange(each.month, each.after_seq, each.upto_seq, each.records, totals_of(each)))
        return tuple(found)


def _row(connection: Connection, invoice_id: str) -> Mapping[Any, Any]:
    return connection.execute(select(invoices).where(invoices.c.id == invoice_id)).mappings().one()


def _payer_of(row: Mapping[Any, Any]) -> PayerId:
    """Whose the invoice of a row is."""
    return PayerId(row["payer_kind"], row["payer_id"])


def _payers(connection: Connection, month: int) -> list[PayerMonth]:
    used = _sums(connection, OF_MONTHS, monthly_users, monthly_users.c.month == month)
    covered = _sums(
        connection, OF_RANGES, invoice_ranges, invoice_ranges.c.month == month, invoice_ranges.c.holds == TRUE
    )
    columns = invoices.c
    query = select(*OF_INVOICES, columns.id, columns.number, columns.status, columns.total_usd)
    held = connection.execute(query.where(columns.month == month, columns.holds == TRUE))
    issued = {PayerId(kind, id_): row for kind, id_, *row in held}
    found = []
    for payer in sorted({*used, *issued}):
        (requests, cost), (done, done_cost) = used.get(payer, (0, 0)), covered.get(payer, (0, 0))
        found.append(PayerMonth(payer, requests, cost, requests - done, cost - done_cost, *issued.get(payer, ())))
    return found


def _sums(
    connection: Connection, of: tuple[ColumnElement[str], ColumnElement[str]], table: Any, *where: ColumnElement[bool]
) -> dict[PayerId, tuple[int, int]]:
    """Requests and cost by payer."""
    sums = (func.sum(table.c[name]) for name in ("requests", "cost_micro", "cost_rest"))
    rows = connection.execute(select(*of, *sums).where(*where).group_by(*of))
    return {PayerId(kind, id_): (requests, micro * PICO_PER_MICRO + rest) for kind, id_, requests, micro, rest in rows}


def _is_invoiced(connection: Connection, payer: PayerId, month: int) -> bool:
    return connection.execute(_HELD, {"of_kind": payer.kind, "of_id": payer.id, "of_month": month}).first() is not None


def _has_changed(connection: Connection, payer: PayerId, what: OpenRecords) -> bool:
    """Whether other ranges of the payer are covered by now than when its open records were read."""
    now = payers_ranges(connection, payer)
    return any(now.get(part.use.month, ()) != part.covered for part in what.months)


def _next_serial(connection: Connection, year: int) -> int:
    serial = connection.execute(_NEXT_SERIAL, {"of_year": year}).scalar_one_or_none()
    if serial is None:
        serial = 1
        connection.execute(_FIRST_SERIAL, {"year": year, "last": serial})
    return int(serial)


def _add(connection: Connection, payer: PayerId, invoice: Invoice, year: int, serial: int, *, holds: bool) -> None:
    row = {
        "id": invoice.id,
        "year": year,
        "serial": serial,
        "number": invoice.number,
        "payer_kind": payer.kind,
        "payer_id": payer.id,
        "month": parse_month(invoice.month),
        "holds": holds,
        "total_usd": invoice.total_usd,
        "document": canonical_form(invoice).decode(),
        **state_of(invoice),
    }
    connection.execute(_ADD, row)


def _move_credit(connection: Connection, payer: PayerId, invoice: Invoice, by: str) -> None:
    assert invoice.issued_at is not None
    at = parse_time(invoice.issued_at)
    for kind, amount in credit_moves(invoice).items():
        entry = CreditEntry(payer, at, kind, amount, f"invoice {invoice.number}", by, invoice_id=invoice.id)
        add_entry(connection, entry)
