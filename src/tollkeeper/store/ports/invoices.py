"""Invoices, the records that they cover, and credit.

An invoice covers the records of its payer, by month of admission and by their positions in the chain of a journal: a
record is covered where a range of its payer's month has its position. A month that has no range yet is open from the
beginning of the chain. Voiding gives up the ranges of an invoice, and with them exactly its records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from tollkeeper.rules.invoice_lines import MonthUse, added
from tollkeeper.rules.invoices import Invoice, PayerId, Status
from tollkeeper.rules.invoicing import Range
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.events import Event
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Totals

JOURNAL = "local"
"""The name of the only journal there is."""
CreditKind = Literal["granted", "applied", "carried", "returned"]


class CreditSpent(Exception):
    """Credit cannot be taken back, since it has been applied to an invoice."""


class RecordsPruned(Exception):
    """Records of an invoice were pruned: they can neither be opened again nor be listed."""


class ChainEnd(Struct, frozen=True):
    """The last record of the journal, and how many requests of a month are still running."""

    seq: int
    hash: str
    running: int


class CoveredRange(Struct, frozen=True):
    """The records of a payer's month, made in the month that begins at `month`, after the position `after` of the chain
    and up to `upto`: how many there are, and their sums."""

    month: int
    after: int
    upto: int
    records: int
    totals: Totals


class OpenMonth(Struct, frozen=True):
    """What of a payer's month no invoice covers: the records in `ranges`. `covered` are the ranges that others
    cover."""

    use: MonthUse
    ranges: tuple[CoveredRange, ...]
    covered: tuple[Range, ...]


class OpenRecords(Struct, frozen=True):
    """What an invoice of a payer would cover: records of its month, then late ones of earlier months."""

    payer: PayerId
    months: tuple[OpenMonth, ...]

    @property
    def uses(self) -> tuple[MonthUse, ...]:
        return tuple(each.use for each in self.months)

    @property
    def ranges(self) -> tuple[CoveredRange, ...]:
        return tuple(each for month in self.months for each in month.ranges)


class Coverage(Struct, frozen=True):
    """Whose records an invoice covers, or covered before it was void or taken back, and which."""

    payer: PayerId
    ranges: tuple[CoveredRange, ...]


class PayerMonth(Struct, frozen=True):
    """What one payer used in a month, from the sums by month, and how much of it is open: covered by no invoice.
    `invoice_id`, `number`, `status` and `total_usd` are those of its invoice that is neither void nor taken back, if
    there is one."""

    payer: PayerId
    requests: int
    cost_pico: int
    open_requests: int
    open_pico: int
    invoice_id: str | None = None
    number: str | None = None
    status: Status | None = None
    total_usd: str | None = None


class InvoiceFilter(Struct, frozen=True):
    """A selection of invoices; None: any. `month` is "2026-10"."""

    payer: PayerId | None = None
    month: str | None = None
    status: Status | None = None


class IssuedInvoice(Struct, frozen=True):
    """An invoice that was just issued."""

    id: str
    number: str
    payer: PayerId
    total_usd: str


class Finalized(Struct, frozen=True):
    """What finalizing a month did: `issued` now, and how many payers had an invoice `already`."""

    month: str
    issued: tuple[IssuedInvoice, ...]
    already: int


class CreditEntry(Struct, frozen=True):
    """One entry of a payer's credit: "granted" by an admin (or taken back), "applied" to an invoice (negative),
    "carried" from an invoice with a negative total, "returned" by an invoice that was voided. `balance_pico` is the
    credit after it. The store assigns `id` and `balance_pico`."""

    payer: PayerId
    at: int
    kind: CreditKind
    amount_pico: int
    reason: str
    by: str
    invoice_id: str | None = None
    balance_pico: int = 0
    id: int = 0


class MonthCheck(Struct, frozen=True):
    """What stands between a month and its close: whether it has `ended`; `running` requests admitted in it;
    `journals_behind`, those of nodes that may still ship records of it; payers with `open` records and what these cost;
    payers `invoiced`; and `differences` between invoices and the ledger, one line each."""

    month: str
    ended: bool
    running: int
    journals_behind: tuple[str, ...]
    open: int
    open_pico: int
    invoiced: int
    differences: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether the month can be finalized."""
        return self.ended and not self.running and not self.journals_behind and not self.differences


EventsOf = Callable[[Invoice], Sequence[Event]]
"""The events that are saved with a change, of the invoice that it makes."""


def no_events(_: Invoice) -> Sequence[Event]:
    return ()


class InvoiceStore(Protocol):
    """Months are given by their first moment. Every call raises StoreError when it fails."""

    async def chain_end(self, month: int) -> ChainEnd:
        """The end of the chain, and the running requests that were admitted in the month."""

    async def open_months(self) -> list[int]:
        """Months with records that no invoice covers, oldest first."""

    async def payers(self, month: int) -> list[PayerMonth]:
        """Every payer with usage or an invoice in the month, from sums only."""

    async def open_records(
        self, month: int, upto: int, payer: PayerId | None = None, *, remade: bool = True
    ) -> tuple[list[OpenRecords], int]:
        """What invoices of a month would cover, up to the position `upto` of the chain, of one payer or of all; and how
        many payers have an invoice of the month already, and so are left out. Records of an earlier month are late, and
        among them, where the payer has an invoice of that month. `remade` False leaves out payers who had an invoice of
        this month that was voided or taken back."""

    async def issue(
        self,
        what: OpenRecords,
        month: int,
        year: int,
        build: Callable[[int, int], Invoice],
        audit: Callable[[Invoice], AuditEntry],
        events: EventsOf = no_events,
    ) -> Invoice | None:
        """Add an invoice, the ranges that it covers, what it does to credit, its audit entry, and its events, in one
        durable transaction. `build` makes it of its serial number, the next of the year without gaps, and the payer's
        credit. Returns None, and changes nothing, where the payer has an invoice of the month by now, or other invoices
        cover other ranges than they did."""

    async def find(self, id_or_number: str, payer: PayerId | None = None) -> Invoice | None:
        """An invoice by its id or number; with `payer`, only one of theirs. The payer that an invoice names may have
        been forgotten since, and somebody else have that id: whose it is says the store."""

    async def coverage(self, invoice_id: str) -> Coverage:
        """What an invoice that was issued covers; nothing where it is a credit note. Raises RecordsPruned where records
        of it are no longer there."""

    async def records(self, of: Coverage, *, limit: int, after: str | None) -> list[Record]:
        """Records in these ranges, oldest first; `after` is the id of the last one already seen."""

    async def select(self, which: InvoiceFilter, *, limit: int, after: str | None) -> list[Invoice]:
        """Invoices, last issued first; `after` is the id of the last one already seen."""

    async def change(
        self,
        invoice_id: str,
        at: int,
        change: Callable[[Invoice], Invoice],
        audit: AuditEntry,
        events: EventsOf = no_events,
    ) -> Invoice:
        """Change the state of an invoice: `change` makes the new one of the present one, in the transaction, and what
        it raises is raised; `events` are those of the new one. One that becomes void gives up its ranges, and its
        credit is returned. Raises CreditSpent, RecordsPruned."""

    async def correct(
        self,
        invoice_id: str,
        year: int,
        build: Callable[[Invoice, int, int], Invoice],
        audit: Callable[[Invoice], AuditEntry],
        events: EventsOf = no_events,
    ) -> Invoice:
        """Add the credit note of an invoice, which gives up its ranges, and the note's events; `build` makes it of the
        invoice, its own serial number, and the payer's credit. Raises RecordsPruned; LookupError where the invoice
        holds no ranges: it is void, taken back before, or a credit note itself."""

    async def add_credit(self, entry: CreditEntry, audit: AuditEntry) -> CreditEntry:
        """Append an entry. Raises CreditSpent where the balance would be negative."""

    async def credits(self, payer: PayerId) -> list[CreditEntry]:
        """All entries of a payer, newest first."""

    async def faults(self, invoice_id: str | None = None) -> list[str]:
        """Compute an invoice anew from the ledger and compare its bytes; or all of them, their numbers, credit, and
        their sums with those by month. One line for each fault."""


def range_sums(use: MonthUse) -> Totals:
    """The sums of what a range covers."""
    used = use.consumption
    return Totals(
        requests=sum(each.records for each in used),
        prompt_tokens=sum(each.prompt_tokens for each in used),
        cached_tokens=sum(each.cached_tokens for each in used),
        cache_write_tokens=sum(each.cache_write_tokens for each in used),
        completion_tokens=sum(each.completion_tokens for each in used),
        reasoning_tokens=sum(each.reasoning_tokens for each in used),
        cost_pico=use.cost_pico,
    )


def joined(month: int, uses: Sequence[MonthUse]) -> MonthUse:
    """What several ranges of one month cover, as one."""
    if len(uses) == 1:
        return uses[0]
    return MonthUse(
        month,
        added(each for use in uses for each in use.consumption),
        tuple(each for use in uses for each in use.adjustments),
    )


def reason_in(metadata: str | None) -> str:
    """The reason of an adjustment, from its metadata; "" once that was erased."""
    found = msgspec.json.decode(metadata) if metadata else {}
    return str(found.get("reason", "")) if isinstance(found, dict) else ""
