"""Invoices and credit, computed from all records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from msgspec.structs import replace

from tollkeeper.rules.invoice_lines import Adjusted, Consumption, MonthUse, added
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.rules.invoicing import (
    Range,
    canonical_form,
    compose,
    credit_moves,
    credit_note,
    hash_of,
    net_pico,
    parse_rate,
    uncharged,
    uncovered,
)
from tollkeeper.rules.pricing import is_served
from tollkeeper.rules.times import format_month, month_bounds, parse_month, parse_time
from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.events import append_events
from tollkeeper.store.memory.tables import KeptInvoice, Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.invoices import (
    ChainEnd,
    Coverage,
    CoveredRange,
    CreditEntry,
    CreditSpent,
    EventsOf,
    InvoiceFilter,
    OpenMonth,
    OpenRecords,
    PayerMonth,
    RecordsPruned,
    joined,
    no_events,
    range_sums,
    reason_in,
)
from tollkeeper.store.ports.records import ADJUSTMENT, Record, requests_of


class MemoryInvoices:
    """See `ports.InvoiceStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def chain_end(self, month: int) -> ChainEnd:
        running = sum(month_bounds(each.created_at)[0] == month for each in self._tables.intents.values())
        return ChainEnd(len(self._tables.pruned) + len(self._tables.records), "", running)

    async def open_months(self) -> list[int]:
        months = sorted({month_bounds(record.created_at)[0] for _, record in self._numbered()})
        return [month for month in months if any(map(_is_open, await self.payers(month)))]

    async def payers(self, month: int) -> list[PayerMonth]:
        used: dict[PayerId, list[int]] = {}
        for seq, record in self._numbered():
            if month_bounds(record.created_at)[0] != month:
                continue
            payer = _payer_of(record)
            sums = used.setdefault(payer, [0, 0, 0, 0])
            figures = requests_of(record), record.cost_pico
            is_open = seq > len(self._tables.pruned) and not _holds(self._covered(payer, month), seq)
            for place, figure in enumerate((*figures, *(figures if is_open else (0, 0)))):
                sums[place] += figure
        held = {each.payer: each.invoice for each in self._held(month)}
        found = []
        for payer in sorted({*used, *held}):
            sums = used.get(payer, [0, 0, 0, 0])
            invoice = held.get(payer)
            here = PayerMonth(payer, sums[0], sums[1], sums[2], sums[3])
            if invoice is not None:
                state = (invoice.id, invoice.number, invoice.status, invoice.total_usd)
                here = PayerMonth(payer, sums[0], sums[1], sums[2], sums[3], *state)
            found.append(here)
        return found

    async def open_records(
        self, month: int, upto: int, payer: PayerId | None = None, *, remade: bool = True
    ) -> tuple[list[OpenRecords], int]:
        who = {_payer_of(record) for _, record in self._numbered()} if payer is None else {payer}
        done = {each.payer for each in self._held(month)} & who
        ever = {each.payer for each in self._tables.invoices if parse_month(each.invoice.month) == month}
        left_out = done if remade else done | ever
        found = []
        for each in sorted(who - left_out):
            held = {parse_month(kept.invoice.month) for kept in self._tables.invoices
                    if kept.holds and kept.payer == each}  # fmt: skip
            months = [month, *sorted((earlier for earlier in held if earlier < month), reverse=True)]
            parts = [part for of in months if (part := self._gaps(each, of, upto)) is not None]
            if parts:
                found.append(OpenRecords(each, tuple(parts)))
        return found, len(done)

    async def issue(
        self,
        what: OpenRecords,
        month: int,
        year: int,
        build: Callable[[int, int], Invoice],
        audit: Callable[[Invoice], AuditEntry],
        events: EventsOf = no_events,
    ) -> Invoice | None:
        self._tables.must_be_writable()
        if any(each.payer == what.payer for each in self._held(month)):
            return None
        if any(self._covered(what.payer, part.use.month) != part.covered for part in what.months):
            return None
        serial = self._next_serial(year)
        invoice = build(serial, self._balance(what.payer))
        entry = audit(invoice)
        self._tables.invoices.append(KeptInvoice(invoice, what.payer, year, serial, what.ranges, holds=True))
        self._move_credit(what.payer, invoice, entry.actor)
        append(self._tables, entry)
        append_events(self._tables, events(invoice))
        return invoice

    async def find(self, id_or_number: str, payer: PayerId | None = None) -> Invoice | None:
        return next((each.invoice for each in self._tables.invoices if payer in (None, each.payer)
                     and id_or_number in (each.invoice.id, each.invoice.number)), None)  # fmt: skip

    async def coverage(self, invoice_id: str) -> Coverage:
        _, kept = self._kept(invoice_id)
        self._must_be_there(kept)
        return Coverage(kept.payer, kept.ranges)

    async def records(self, of: Coverage, *, limit: int, after: str | None) -> list[Record]:
        found = [
            record
            for seq, record in self._numbered()
            if any(_is_of(record, of.payer, each.month) and each.after < seq <= each.upto for each in of.ranges)
            and (after is None or record.request_id > after)
        ]
        return sorted(found, key=lambda record: record.request_id)[:limit]

    async def select(self, which: InvoiceFilter, *, limit: int, after: str | None) -> list[Invoice]:
        newest = sorted(self._tables.invoices, key=lambda each: (each.year, each.serial), reverse=True)
        if after is not None:
            place = next((place for place, each in enumerate(newest) if each.invoice.id == after), len(newest))
            newest = newest[place + 1 :]
        return [each.invoice for each in newest if _matches(which, each)][:limit]

    async def change(
        self,
        invoice_id: str,
        at: int,
        change: Callable[[Invoice], Invoice],
        audit: AuditEntry,
        events: EventsOf = no_events,
    ) -> Invoice:
        self._tables.must_be_writable()
        place, kept = self._kept(invoice_id)
        changed = change(kept.invoice)
        holds = kept.holds
        if changed.status == "void":
            self._must_be_there(kept)
            moved = sum(each.amount_pico for each in self._tables.credits if each.invoice_id == invoice_id)
            if moved:
                reason = f"invoice {changed.number} is void"
                entry = CreditEntry(kept.payer, at, "returned", -moved, reason, audit.actor, invoice_id)
                self._add_credit(entry)
            holds = False
        self._tables.invoices[place] = replace(kept, invoice=changed, holds=holds)
        append(self._tables, audit)
        append_events(self._tables, events(changed))
        return changed

    async def correct(
        self,
        invoice_id: str,
        year: int,
        build: Callable[[Invoice, int, int], Invoice],
        audit: Callable[[Invoice], AuditEntry],
        events: EventsOf = no_events,
    ) -> Invoice:
        self._tables.must_be_writable()
        place, kept = self._kept(invoice_id)
        if not kept.holds:
            raise LookupError(invoice_id)
        self._must_be_there(kept)
        serial = self._next_serial(year)
        note = build(kept.invoice, serial, self._balance(kept.payer))
        entry = audit(note)
        self._tables.invoices[place] = replace(kept, holds=False)
        self._tables.invoices.append(KeptInvoice(note, kept.payer, year, serial, (), holds=False))
        self._move_credit(kept.payer, note, entry.actor)
        append(self._tables, entry)
        append_events(self._tables, events(note))
        return note

    async def add_credit(self, entry: CreditEntry, audit: AuditEntry) -> CreditEntry:
        self._tables.must_be_writable()
        new = self._add_credit(entry)
        append(self._tables, audit)
        return new

    async def credits(self, payer: PayerId) -> list[CreditEntry]:
        return [each for each in self._tables.credits if each.payer == payer][::-1]

    async def faults(self, invoice_id: str | None = None) -> list[str]:
        chosen = [each for each in self._tables.invoices if invoice_id in (None, each.invoice.id)]
        return [f"invoice {each.invoice.number} is not what its records make of it" for each in chosen
                if not self._is_reproduced(each)]  # fmt: skip

    def _numbered(self) -> Iterator[tuple[int, Record]]:
        return enumerate(self._tables.chain(), 1)

    def _held(self, month: int) -> list[KeptInvoice]:
        return [each for each in self._tables.invoices if each.holds and parse_month(each.invoice.month) == month]

    def _kept(self, invoice_id: str) -> tuple[int, KeptInvoice]:
        return next(item for item in enumerate(self._tables.invoices) if item[1].invoice.id == invoice_id)

    def _covered(self, payer: PayerId, month: int) -> tuple[Range, ...]:
        pruned = len(self._tables.pruned)
        gone = [(0, pruned)] if any(_is_of(record, payer, month) for record in self._tables.pruned) else []
        held = [
            (each.after, each.upto)
            for kept in self._tables.invoices
            if kept.holds and kept.payer == payer
            for each in kept.ranges
            if each.month == month
        ]
        return tuple(sorted([*gone, *held]))

    def _gaps(self, payer: PayerId, month: int, upto: int) -> OpenMonth | None:
        covered = self._covered(payer, month)
        found = [(gap, self._within(payer, month, gap)) for gap in uncovered(covered, upto)]
        filled = [(gap, use) for gap, use in found if use.records]
        if not filled:
            return None
        ranges = tuple(CoveredRange(month, *gap, use.records, range_sums(use)) for gap, use in filled)
        return OpenMonth(joined(month, [use for _, use in filled]), ranges, covered)

    def _within(self, payer: PayerId, month: int, span: Range) -> MonthUse:
        chosen = islice(self._tables.chain(), max(span[0], len(self._tables.pruned)), span[1])
        mine = [record for record in chosen if _is_of(record, payer, month)]
        requests = [record for record in mine if record.endpoint != ADJUSTMENT]
        corrections = [record for record in mine if record.endpoint == ADJUSTMENT]
        return MonthUse(month, added(map(self._consumption, requests)), tuple(map(_adjusted, corrections)))

    def _consumption(self, record: Record) -> Consumption:
        usage = record.usage
        price = next((each for each in self._tables.prices if each.id == record.price_id), None)
        return Consumption(
            model=record.model,
            upstream=record.upstream,
            price_id=record.price_id,
            price=price,
            records=1,
            **{name: getattr(usage, name) for name in usage.__struct_fields__ if name != "estimated"},
            served=int(is_served(usage, completed=record.status == "completed")),
            cost_pico=record.cost_pico,
        )

    def _must_be_there(self, kept: KeptInvoice) -> None:
        for each in kept.ranges:
            if self._within(kept.payer, each.month, (each.after, each.upto)).records != each.records:
                raise RecordsPruned(format_month(each.month))

    def _next_serial(self, year: int) -> int:
        return 1 + sum(each.year == year for each in self._tables.invoices)

    def _balance(self, payer: PayerId) -> int:
        return sum(each.amount_pico for each in self._tables.credits if each.payer == payer)

    def _add_credit(self, entry: CreditEntry) -> CreditEntry:
        balance = self._balance(entry.payer) + entry.amount_pico
        if balance < 0:
            raise CreditSpent
        entry = replace(entry, id=len(self._tables.credits) + 1, balance_pico=balance)
        self._tables.credits.append(entry)
        return entry

    def _move_credit(self, payer: PayerId, invoice: Invoice, by: str) -> None:
        at = parse_time(invoice.issued_at or "")
        for kind, amount in credit_moves(invoice).items():
            reason = f"invoice {invoice.number}"
            self._add_credit(CreditEntry(payer, at, kind, amount, reason, by, invoice.id))

    def _is_reproduced(self, kept: KeptInvoice) -> bool:
        invoice = kept.invoice
        if hash_of(invoice) != invoice.sha256:
            return False
        if invoice.corrects is not None:
            paid = next(each.invoice for each in self._tables.invoices if each.invoice.number == invoice.corrects)
            again = credit_note(uncharged(invoice), paid, self._applied(invoice))
            return canonical_form(again) == canonical_form(invoice)
        try:
            self._must_be_there(kept)
        except RecordsPruned:
            return sum(each.totals.cost_pico for each in kept.ranges) == net_pico(invoice)
        payer, months = kept.payer, dict.fromkeys(each.month for each in kept.ranges)
        uses = [
            joined(month, [self._within(payer, month, (each.after, each.upto)) for each in kept.ranges
                           if each.month == month])
            for month in months
        ]  # fmt: skip
        rates = {tax.name: parse_rate(tax.rate) for tax in invoice.tax}
        again = compose(uncharged(invoice), uses, rates, self._applied(invoice))
        return canonical_form(again) == canonical_form(invoice)

    def _applied(self, invoice: Invoice) -> int:
        return sum(-each.amount_pico for each in self._tables.credits
                   if each.invoice_id == invoice.id and each.kind == "applied")  # fmt: skip


def _is_open(each: PayerMonth) -> bool:
    return bool(each.open_requests or each.open_pico)


def _payer_of(record: Record) -> PayerId:
    return PayerId("user", record.user_id) if record.team_id is None else PayerId("team", record.team_id)


def _is_of(record: Record, payer: PayerId, month: int) -> bool:
    return _payer_of(record) == payer and month_bounds(record.created_at)[0] == month


def _holds(ranges: Iterable[Range], seq: int) -> bool:
    return any(after < seq <= upto for after, upto in ranges)


def _adjusted(record: Record) -> Adjusted:
    return Adjusted(record.request_id, record.created_at, record.user_id, reason_in(record.metadata), record.cost_pico)


def _matches(which: InvoiceFilter, kept: KeptInvoice) -> bool:
    return (
        which.payer in (None, kept.payer)
        and which.month in (None, kept.invoice.month)
        and which.status in (None, kept.invoice.status)
    )
