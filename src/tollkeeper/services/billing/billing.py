"""Billing: drafts, finalizing, paying, voiding, credit notes and credit."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from tollkeeper.rules.errors import Conflict, LedgerUnavailable, NotFound, Unprocessable
from tollkeeper.rules.events import EventType
from tollkeeper.rules.invoices import Action, ChainPosition, Invoice, PayerId, PayerKind, Status, after
from tollkeeper.rules.invoicing import compose, credit_note, hash_of, number_of
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import DAY_MS, format_month, format_time, month_bounds, parse_month, year_of
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.billing.parties import Parties, Terms, payer_now
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.invoices import (
    JOURNAL,
    ChainEnd,
    Coverage,
    CreditEntry,
    CreditSpent,
    Finalized,
    InvoiceFilter,
    IssuedInvoice,
    MonthCheck,
    OpenRecords,
    PayerMonth,
    RecordsPruned,
)
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.store import Store

GATEWAY = Actor("@billing")
"""Who finalizes months by itself."""
MOST_CREDIT = 10**12 * 10**12
"""The most credit that one entry may add, in pico-dollars: a million million dollars."""
RECORDS_AT_ONCE = 1000
"""Records of an invoice that are read at a time."""
LAST_MONTH = parse_month("9999-11")
"""The last month whose end can be told."""
LONGEST_TEXT = 1000
"""Characters of a reason or a reference."""
_DRAFT = "draft-"
_DRAFT_ID = re.compile(rf"{_DRAFT}(\d{{4}}-\d\d)-(user|team)-(.+)", re.ASCII | re.DOTALL)
_EVENTS: Mapping[Status, EventType] = {
    "finalized": "invoice.finalized",
    "paid": "invoice.paid",
    "void": "invoice.void",
}
"""What tells of an invoice, by the state that it is in then."""


class Billing:
    """All calls raise a GatewayError that says what to do: NotFound, Conflict (in the wrong state), Unprocessable (a
    bad value, with `param`); StoreError where the database fails. Months are "2026-10"; `now` is milliseconds since the
    epoch, `patience` the seconds to wait for a ledger that cannot be written. `outbox` makes the
    events that are saved with a change."""

    def __init__(
        self,
        store: Store,
        terms: Terms,
        parties: Parties,
        now: Callable[[], int],
        *,
        outbox: Outbox,
        patience: float = 5.0,
    ) -> None:
        self._patience = patience
        self._store = store.invoices
        self._ledger = store.ledger
        self._terms = terms
        self._parties = parties
        self._now = now
        self._outbox = outbox
        self._drafts: dict[tuple[PayerId, str], asyncio.Task[Invoice]] = {}
        self._finalizing = asyncio.Lock()
        self.reopening = asyncio.Lock()
        """Held while an invoice gives up its records, and while old records are deleted: what is open is kept."""

    def __repr__(self) -> str:
        return f"Billing({self._terms!r})"

    @property
    def terms(self) -> Terms:
        return self._terms

    async def draft(self, payer: PayerId, month: str | None = None) -> Invoice:
        """The invoice of a payer as it would be if the month ended now; None: this month. It has no lines where the
        payer has used nothing, or has an invoice of the month already."""
        month = format_month(self._now()) if month is None else month
        _first_moment(month)
        _check_payer(payer)
        place = payer, month
        # All who look at once share one: a draft reads every record of its month.
        task = self._drafts.get(place)
        if task is None:
            task = self._drafts[place] = asyncio.create_task(self._draft(payer, month))
            task.add_done_callback(lambda _: self._drafts.pop(place, None))
        return await asyncio.shield(task)

    async def drafts(self, month: str) -> Sequence[PayerMonth]:
        """Every payer of a month, by kind and id: what is invoiced, and what is not yet. Sums only: fast for any number
        of records."""
        return await self._store.payers(_first_moment(month))

    async def get(self, id_or_number: str, payer: PayerId | None = None) -> Invoice:
        """One invoice by its id or number, or a draft by its id; with `payer`, only theirs are found."""
        found = None
        if (of_draft := _read_draft_id(id_or_number)) is not None:
            found = await self._known_draft(*of_draft) if payer in (None, of_draft[0]) else None
        else:
            found = await self.find(id_or_number, payer)
        if found is None:
            raise NotFound(f"There is no invoice '{id_or_number}'.")
        return found

    async def find(self, id_or_number: str, payer: PayerId | None = None) -> Invoice | None:
        """One issued invoice, as `get` finds it."""
        return await self._store.find(id_or_number, payer) if _is_text(id_or_number) else None

    async def coverage(self, invoice: Invoice) -> Coverage:
        """Which records an invoice charges for, those that a draft would, or those that a credit note takes back.
        Raises Conflict where some of them have been pruned."""
        if invoice.status == "draft":
            start = parse_month(invoice.month)
            chain = await self._end_of_chain(start)
            found, _ = await self._store.open_records(start, chain.seq, invoice.payer.ref)
            return Coverage(invoice.payer.ref, found[0].ranges if found else ())
        charged = invoice if invoice.corrects is None else await self.get(invoice.corrects)
        try:
            return await self._store.coverage(charged.id)
        except RecordsPruned as pruned:
            raise Conflict(
                f"Records of {pruned} that invoice {charged.number} covers have been pruned: only its lines are left.",
                code="records_pruned",
            ) from None

    async def records(self, of: Coverage) -> AsyncIterator[Sequence[Record]]:
        """The records in a coverage, oldest first, some at a time."""
        after: str | None = None
        while found := await self._store.records(of, limit=RECORDS_AT_ONCE, after=after):
            yield found
            if len(found) < RECORDS_AT_ONCE:
                return
            after = found[-1].request_id

    async def list(self, which: InvoiceFilter, *, limit: int = 100, after: str | None = None) -> Sequence[Invoice]:
        """Invoices, newest first, at most `limit`; `after` is the id of the last one already seen. No drafts."""
        if which.month is not None:
            _first_moment(which.month)
        return await self._store.select(which, limit=limit, after=after)

    async def finalize(
        self, month: str, payer: PayerId | None = None, *, by: Actor, automatic: bool = False
    ) -> Finalized:
        """Issue the invoices of a month that has ended, for one payer or for all that have none; those that are there
        stay as they are. `automatic`: leave out payers of whom an invoice of this month was voided or taken back, for
        somebody has to decide about those. Raises Conflict while requests admitted in the month are running, and
        LedgerUnavailable where the database fails after some were issued."""
        start = _first_moment(month)
        if payer is not None:
            _check_payer(payer)
        _, end = month_bounds(start)
        if self._now() < end:
            raise Conflict(
                f"{month} has not ended: it can be finalized from {format_time(end)} on.", code="month_not_ended"
            )
        async with self._finalizing:  # who asks again meanwhile waits, and finds it done
            return await self._finalize(month, start, payer, by, automatic=automatic)

    async def _finalize(
        self, month: str, start: int, payer: PayerId | None, by: Actor, *, automatic: bool
    ) -> Finalized:
        chain = await self._end_of_chain(start)
        if chain.running:
            raise Conflict(
                f"{chain.running} requests that were admitted in {month} are still running: finalize it once they have"
                " ended.",
                code="requests_running",
            )
        found, already = await self._store.open_records(start, chain.seq, payer, remade=not automatic)
        issued: list[IssuedInvoice] = []
        for what in found:
            try:
                invoice = await self._issue(what, start, chain, by)
                if invoice is None:  # another finalizes, too, or an invoice was voided just now: look again
                    again, _ = await self._store.open_records(start, chain.seq, what.payer, remade=not automatic)
                    invoice = await self._issue(again[0], start, chain, by) if again else None
            except StoreError as error:
                if not issued:
                    raise
                raise LedgerUnavailable(
                    f"The database failed after {len(issued)} of the {len(found)} invoices of {month} were issued."
                    " Finalize the month again for the rest."
                ) from error
            if invoice is None:
                already += 1
            else:
                issued.append(IssuedInvoice(invoice.id, invoice.number or "", what.payer, invoice.total_usd))
        return Finalized(month, tuple(issued), already)

    async def finalize_due(self) -> Sequence[Finalized]:
        """Finalize the months that ended `after_days` days ago or earlier, oldest first. A month that cannot be
        finalized yet raises Conflict, after those before it."""
        if not self._terms.after_days:
            return []
        months = await self._store.open_months()
        due = self._now() - self._terms.after_days * DAY_MS
        found = []
        start = min(months, default=due)
        while (end := month_bounds(start)[1]) <= due:
            found.append(await self.finalize(format_month(start), by=GATEWAY, automatic=True))
            start = end
        return [each for each in found if each.issued]

    async def pay(self, id_or_number: str, reference: str | None, *, by: Actor, paid_at: int | None = None) -> Invoice:
        """Note that an invoice was paid; `paid_at` in milliseconds, None: now."""
        _check_text(reference or "-", "reference")
        now = self._now()
        if paid_at is not None and paid_at > now:
            raise Unprocessable(f"It is only {format_time(now)}: an invoice was paid before that.", param="paid_at")
        at = format_time(now if paid_at is None else paid_at)
        return await self._change(id_or_number, "pay", by, {"reference": reference, "paid_at": at})

    async def void(self, id_or_number: str, reason: str, *, by: Actor) -> Invoice:
        """Void an unpaid invoice: exactly its records are open again, and its credit is returned."""
        _check_text(reason, "reason")
        async with self.reopening:
            return await self._change(id_or_number, "void", by, {"reason": reason})

    async def credit_note(self, id_or_number: str, reason: str, *, by: Actor) -> Invoice:
        """Take back a paid invoice by an invoice of its own number with negative lines, whose total becomes credit. The
        records of the paid one are open again. Returns the credit note."""
        _check_text(reason, "reason")
        paid = await self._issued(id_or_number)
        now = self._now()
        year = year_of(now)
        if paid.status != "paid" or paid.corrects is not None:
            raise Conflict(
                f"Invoice {paid.number} is {'a credit note' if paid.corrects else paid.status}: only a paid invoice is"
                " corrected by a credit note. Void one that was not paid.",
                code="invoice_state",
            )

        def build(found: Invoice, serial: int, balance: int) -> Invoice:
            frame = self._frame(found.payer.ref, found.month, now, number_of(self._terms.prefix, year, serial))
            return _sealed(credit_note(replace(frame, payer=found.payer, reason=reason), found, balance))

        def audit(note: Invoice) -> AuditEntry:
            detail = {"corrects": paid.number, "reason": reason, "total_usd": note.total_usd}
            return by.entry(now, "invoice.credit_note", note.number or "", detail)

        try:
            async with self.reopening:
                note = await self._store.correct(paid.id, year, build, audit, self._events_of)
        except LookupError:
            raise Conflict(f"Invoice {paid.number} was taken back before.", code="invoice_state") from None
        except RecordsPruned as pruned:
            raise _pruned(paid, pruned) from None
        self._outbox.saved()
        return note

    async def add_credit(self, payer: PayerId, amount_pico: int, reason: str, *, by: Actor) -> CreditEntry:
        """Add prepaid or granted credit; an amount below 0 takes credit back, never below a balance of 0."""
        _check_text(reason, "reason")
        if not amount_pico or abs(amount_pico) > MOST_CREDIT:
            raise Unprocessable("Credit must be an amount other than 0, of at most 10^12 dollars.", param="amount_usd")
        if self._parties(payer) is None:
            raise NotFound(f"There is no {payer.kind} '{payer.id}'.", param=f"{payer.kind}_id")
        now = self._now()
        entry = CreditEntry(payer, now, "granted", amount_pico, reason, by.name)
        detail = {"payer": payer.kind, "amount_usd": format_usd(amount_pico), "reason": reason}
        audit = by.entry(now, "credit.add", payer.id, detail)
        try:
            return await self._store.add_credit(entry, audit)
        except CreditSpent:
            raise Conflict(
                f"The credit of {payer} is less than that: it would be negative.", code="insufficient_credit"
            ) from None

    async def credits(self, payer: PayerId) -> Sequence[CreditEntry]:
        """The account of a payer's credit, newest first; the first entry has the balance."""
        _check_payer(payer)
        return await self._store.credits(payer)

    async def verify(self, number: str | None = None) -> Sequence[str]:
        """Compute one invoice, or all of them, anew from the ledger and compare byte by byte. Returns the faults, one
        line each."""
        return await self._store.faults(None if number is None else (await self._issued(number)).id)

    async def open_months(self) -> Sequence[str]:
        """Months with records that no invoice covers, oldest first; this month is one of them once it has a record."""
        return [format_month(month) for month in await self._store.open_months()]

    async def check(self, month: str, *, deep: bool = False) -> MonthCheck:
        """What stands between a month and its close. `deep`: verify all invoices, too, which takes long; without it
        there are no `differences`."""
        start = _first_moment(month)
        _, end = month_bounds(start)
        chain = await self._end_of_chain(start)
        payers = await self._store.payers(start)
        open_ = [each for each in payers if each.open_requests or each.open_pico]
        return MonthCheck(
            month=month,
            ended=self._now() >= end,
            running=chain.running,
            journals_behind=(),
            open=len(open_),
            open_pico=sum(each.open_pico for each in open_),
            invoiced=sum(each.invoice_id is not None for each in payers),
            differences=tuple(await self._store.faults()) if deep else (),
        )

    async def _known_draft(self, payer: PayerId, month: str) -> Invoice | None:
        """A draft; None where its payer is not known and has used nothing."""
        draft = await self.draft(payer, month)
        is_known = self._parties(payer) is not None
        return draft if is_known or draft.lines or draft.late or draft.adjustments else None

    async def _draft(self, payer: PayerId, month: str) -> Invoice:
        start = parse_month(month)
        chain = await self._end_of_chain(start)
        found, _ = await self._store.open_records(start, chain.seq, payer)
        entries = await self._store.credits(payer)
        frame = replace(
            self._frame(payer, month, self._now(), None),
            id=_draft_id(payer, month),
            chains=_positions(chain),
        )
        uses = found[0].uses if found else ()
        return compose(frame, uses, self._terms.tax, entries[0].balance_pico if entries else 0)

    async def _issue(self, what: OpenRecords, start: int, chain: ChainEnd, by: Actor) -> Invoice | None:
        now = self._now()
        year = year_of(now)

        def build(serial: int, balance: int) -> Invoice:
            number = number_of(self._terms.prefix, year, serial)
            frame = replace(self._frame(what.payer, format_month(start), now, number), chains=_positions(chain))
            return _sealed(compose(frame, what.uses, self._terms.tax, balance))

        def audit(invoice: Invoice) -> AuditEntry:
            detail = {"payer": str(what.payer), "month": invoice.month, "total_usd": invoice.total_usd}
            return by.entry(now, "invoice.finalize", invoice.number or "", detail)

        issued = await self._store.issue(what, start, year, build, audit, self._events_of)
        if issued is not None:
            self._outbox.saved()
        return issued

    def _events_of(self, invoice: Invoice) -> Sequence[Event]:
        payer = invoice.payer.ref
        event = self._outbox.event(
            _EVENTS[invoice.status],
            msgspec.to_builtins(invoice),
            user_id=payer.id if payer.kind == "user" else None,
            team_id=payer.id if payer.kind == "team" else None,
        )
        return [event]

    def _frame(self, payer: PayerId, month: str, now: int, number: str | None) -> Invoice:
        """An invoice without its charges; a draft where it has no number."""
        due = now + self._terms.due_days * DAY_MS
        return Invoice(
            id="inv_" + secrets.token_hex(12),
            number=number,
            payer=payer_now(payer, self._parties),
            seller=self._terms.seller,
            month=month,
            status="draft" if number is None else "finalized",
            issued_at=None if number is None else format_time(now),
            due_at=None if number is None else format_time(due),
            as_of=format_time(now),
        )

    async def _end_of_chain(self, month: int) -> ChainEnd:
        """The end of the chain once all that is settled by now is in it."""
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.shield(self._ledger.mark())
        except TimeoutError:
            reason = self._ledger.failing or "it takes too long"
            raise LedgerUnavailable(f"The ledger cannot be written ({reason}): try again once it can.") from None
        return await self._store.chain_end(month)

    async def _issued(self, id_or_number: str) -> Invoice:
        found = await self.get(id_or_number)
        if found.status == "draft":
            raise Conflict(f"'{id_or_number}' is a draft: finalize its month first.", code="invoice_state")
        return found

    async def _change(self, id_or_number: str, action: Action, by: Actor, changed: dict[str, str | None]) -> Invoice:
        invoice = await self._issued(id_or_number)
        now = self._now()
        try:
            left = await self._store.change(
                invoice.id,
                now,
                partial(_changed, action=action, fields=changed),
                by.entry(now, f"invoice.{action}", invoice.number or "", changed),
                self._events_of,
            )
        except CreditSpent:
            raise Conflict(
                f"Invoice {invoice.number} gave credit that has been applied to a later invoice since: void that one"
                " first.",
                code="credit_spent",
            ) from None
        except RecordsPruned as pruned:
            raise _pruned(invoice, pruned) from None
        self._outbox.saved()
        return left


def _changed(invoice: Invoice, *, action: Action, fields: dict[str, str | None]) -> Invoice:
    """The invoice after an action. Raises Conflict where its state does not allow it."""
    status = after(invoice.status, action)
    if status is None or (invoice.corrects is not None and action == "void"):
        hint = " Correct it with a credit note." if action == "void" and invoice.status == "paid" else ""
        what = "a credit note" if invoice.corrects is not None else invoice.status
        raise Conflict(
            f"Invoice {invoice.number} is {what}: it cannot be {'paid' if action == 'pay' else 'voided'}.{hint}",
            code="invoice_state",
        )
    return replace(invoice, status=status, **fields)


def _sealed(invoice: Invoice) -> Invoice:
    return replace(invoice, sha256=hash_of(invoice))


def _positions(chain: ChainEnd) -> tuple[ChainPosition, ...]:
    return (ChainPosition(JOURNAL, chain.seq, chain.hash),)


def _first_moment(month: str) -> int:
    try:
        start = parse_month(month)
    except ValueError as error:
        raise Unprocessable(f"'{month}' {error}.", param="month") from None
    if start > LAST_MONTH:
        raise Unprocessable(f"'{month}' is too far away.", param="month")
    return start


def _check_text(text: str, param: str) -> None:
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise Unprocessable(f"Give a {param} of 1 to {LONGEST_TEXT} characters.", param=param)
    if not _is_text(text):
        raise Unprocessable(f"The {param} has half a surrogate pair, which is no text.", param=param)


def _check_payer(payer: PayerId) -> None:
    if not _is_text(payer.id):
        raise NotFound(f"There is no {payer.kind} of that id.", param=f"{payer.kind}_id")


def _is_text(text: str) -> bool:
    """Whether a database can hold it: no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _pruned(invoice: Invoice, pruned: RecordsPruned) -> Conflict:
    return Conflict(
        f"Records of {pruned} that invoice {invoice.number} covers have been pruned, so they cannot be invoiced anew:"
        " settle the difference with an adjustment.",
        code="records_pruned",
    )


def _draft_id(payer: PayerId, month: str) -> str:
    return f"{_DRAFT}{month}-{payer.kind}-{payer.id}"


def _read_draft_id(text: str) -> tuple[PayerId, str] | None:
    """The payer and the month of a draft; None: it is the id of none."""
    found = _DRAFT_ID.fullmatch(text)
    if found is None or not _is_text(text):
        return None
    month, kind, id_ = found.groups()
    kinds: dict[str, PayerKind] = {"user": "user", "team": "team"}
    try:
        _first_moment(month)
    except Unprocessable:
        return None
    return PayerId(kinds[kind], id_), month
