"""Lists of invoices: the drafts first, then what was issued, newest first.

A page is bounded by what its invoices weigh, too: one of a busy team has thousands of lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import Response

from tollkeeper.control.context import ControlServices
from tollkeeper.control.http.schemas import MOST_WEIGHT, Page
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.rules.times import format_month
from tollkeeper.store.ports.invoices import InvoiceFilter

AT_A_TIME = 100
"""Invoices that are read at a time."""
_LINES = 25
"""Lines that weigh 1."""
_MOST_OPEN = 3
"""Earlier months of which a payer's list begins with the drafts, too."""
_encode = msgspec.json.Encoder().encode


class DraftOf(NamedTuple):
    """A draft in a list, before it is computed."""

    payer: PayerId
    month: str

    @property
    def cursor(self) -> str:
        """What follows it; the id of an invoice has no colon."""
        return f"draft:{self.month}:{self.payer.kind}:{self.payer.id}"


class InvoicePage(NamedTuple):
    invoices: list[Invoice]
    next: str | None

    async def response(self, status: int = 200, **more: object) -> Response:
        """The page as a list, with `more` fields beside it."""
        body: dict[str, Any] = {
            "object": "list",
            "data": self.invoices,
            "has_more": self.next is not None,
            "next": self.next,
        } | more
        content = await asyncio.to_thread(_encode, body)
        return Response(content, status, {"cache-control": "no-store"}, "application/json")


async def list_page(
    services: ControlServices, page: Page, drafts: Sequence[DraftOf], which: InvoiceFilter | None
) -> InvoicePage:
    """A page of these drafts, followed by the issued invoices of a filter (None: by none). Raises Unprocessable."""
    rest, after = _after(drafts, page.after)
    shown: list[Invoice] = []
    weight = 0
    cursor = ""
    for each in rest:
        if len(shown) == page.limit or weight > MOST_WEIGHT:
            return InvoicePage(shown, cursor)
        draft = await services.billing.draft(each.payer, each.month)
        shown.append(draft)
        weight += _weight(draft)
        cursor = each.cursor
    while which is not None:
        wanted = min(AT_A_TIME, page.limit - len(shown)) + 1
        found = await services.billing.list(which, limit=wanted, after=after)
        for each_issued in found:
            if len(shown) == page.limit or weight > MOST_WEIGHT:
                return InvoicePage(shown, cursor)
            shown.append(each_issued)
            weight += _weight(each_issued)
            cursor = after = each_issued.id
        if len(found) < wanted:
            break
    return InvoicePage(shown, None)


def _weight(invoice: Invoice) -> int:
    return (len(invoice.lines) + len(invoice.late) + len(invoice.adjustments)) // _LINES


def _after(drafts: Sequence[DraftOf], after: str | None) -> tuple[Sequence[DraftOf], str | None]:
    """What of the drafts follows the cursor, and the cursor among the issued invoices."""
    if after is None:
        return drafts, None
    if not after.startswith("draft:"):
        return (), after
    for place, each in enumerate(drafts, 1):
        if each.cursor == after:
            return drafts[place:], None
    # Finalized since: what follows its place. Drafts are ordered by month, newest first, then by payer.
    _, month, *payer = after.split(":", 3)
    if len(payer) < 2:
        raise Unprocessable("'after' must be the 'next' of a page of this list.", param="after")
    return [each for each in drafts if each.month < month or (each.month == month and list(each.payer) > payer)], None


async def drafts_of_payer(services: ControlServices, payer: PayerId) -> list[DraftOf]:
    """The drafts with which a payer's list begins: of this month always, of earlier ones where something is open."""
    this = format_month(services.now())
    earlier = [month for month in await services.billing.open_months() if month < this][-_MOST_OPEN:]
    drafts = [DraftOf(payer, this)]
    for month in reversed(earlier):
        draft = await services.billing.draft(payer, month)
        if draft.lines or draft.late or draft.adjustments:
            drafts.append(DraftOf(payer, month))
    return drafts


async def drafts_of_month(services: ControlServices, month: str, payer: PayerId | None) -> list[DraftOf]:
    """The drafts of a month, by payer: of each that has something open."""
    rows = await services.billing.drafts(month)
    return [
        DraftOf(row.payer, month) for row in rows if (row.open_requests or row.open_pico) and payer in (None, row.payer)
    ]
