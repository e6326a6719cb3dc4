"""Months: what stands between each and its close, and what its payers used."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import Path as FromPath
from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import Services
from tollkeeper.control.http.guards import admin_router
from tollkeeper.control.http.schemas import Listing, Page, Query, page_of
from tollkeeper.control.invoices.schemas import MONTH_PATTERN, SignedUsd
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.invoices import Status
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_month
from tollkeeper.store.ports.invoices import MonthCheck, PayerMonth

_MOST_MONTHS = 12
"""Months of a page."""
MonthPath = Annotated[str, FromPath(pattern=MONTH_PATTERN, examples=["2026-10"])]


class MonthSums(BaseModel):
    """A month in figures: `payers` with use in it, of whom so many are `open`, with records that no invoice covers, or
    have an invoice that is `finalized` or `paid`; of the finalized ones those are `unpaid` by which something is to be
    paid. `cost_usd` is all use, exactly, `open_usd` what
    of it no invoice covers, `total_usd` the sum of its invoices, void ones left out."""

    month: str = Field(examples=["2026-10"])
    ended: bool
    payers: int
    open: int
    finalized: int
    unpaid: int
    paid: int
    cost_usd: SignedUsd
    open_usd: SignedUsd
    total_usd: SignedUsd


class MonthCloseBody(MonthSums):
    """A month and what stands between it and its close: `running` requests that were admitted in it, `journals_behind`,
    those of nodes that may still ship records of it, and `differences` between invoices and the ledger, null unless
    `verify` asks for them. `ready`: it can be finalized."""

    ready: bool
    running: int
    journals_behind: list[str]
    differences: list[str] | None


class MonthList(Listing[MonthSums]):
    pass


class PayerMonthBody(BaseModel):
    """What a payer used in a month, and its invoice, all of whose fields are null where there is none."""

    user_id: str | None
    team_id: str | None
    requests: int
    cost_usd: SignedUsd
    open_requests: int
    open_usd: SignedUsd
    invoice_id: str | None
    number: str | None
    status: Status | None
    total_usd: SignedUsd | None


class PayerMonthList(Listing[PayerMonthBody]):
    pass


class MonthsQuery(Query):
    limit: int = Field(_MOST_MONTHS, ge=1, le=_MOST_MONTHS, description="The most months of a page.")
    after: str | None = Field(None, pattern=MONTH_PATTERN, description="The `next` of the previous page.")


class MonthQuery(Query):
    verify: bool = Field(False, description="Whether to compare all invoices with the ledger.")


class PayersQuery(Page):
    status: Status | Literal["unpaid"] | None = Field(
        None,
        description="`draft`: with something that no invoice covers; `unpaid`: finalized, and something is to be paid.",
    )


router = admin_router("invoices")


@router.get("/admin/months", summary="Months with use, newest first")
async def _list(services: Services, query: Annotated[MonthsQuery, FromQuery()]) -> MonthList:
    """The months of a page follow one another in the calendar; those without use are left out, and the list ends where
    a whole page has none."""
    this = format_month(services.now())
    month = this if query.after is None else before(query.after)
    found: list[MonthSums] = []
    for _ in range(query.limit):
        last = month
        rows = await services.billing.drafts(month)
        if rows or month == this:
            found.append(await asyncio.to_thread(_sums, month, rows, ended=month < this))
        month = before(month)
    more = any(sums.payers for sums in found)
    return MonthList(data=found, has_more=more, next=last if more else None)


@router.get("/admin/months/{month}", summary="What stands between a month and its close")
async def _one(services: Services, month: MonthPath, query: Annotated[MonthQuery, FromQuery()]) -> MonthCloseBody:
    """To `verify` all invoices takes long: each is computed anew from the ledger."""
    check = await services.billing.check(month, deep=query.verify)
    rows = await services.billing.drafts(month)
    return await asyncio.to_thread(_body, check, rows, verified=query.verify)


@router.get("/admin/months/{month}/payers", summary="Who used what in a month, and their invoices")
async def _payers(services: Services, month: MonthPath, query: Annotated[PayersQuery, FromQuery()]) -> PayerMonthList:
    rows = [row for row in await services.billing.drafts(month) if _has(row, query.status)]
    if query.after is not None:
        rows = rows[_place_after(rows, query.after) :]
    shown, cursor = page_of(rows[: query.limit + 1], query, _cursor)
    return PayerMonthList(data=[_row(row) for row in shown], has_more=cursor is not None, next=cursor)


def before(month: str) -> str:
    """The month before: "2026-01" → "2025-12"."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def _body(check: MonthCheck, rows: Sequence[PayerMonth], *, verified: bool) -> MonthCloseBody:
    return MonthCloseBody(
        **dict(_sums(check.month, rows, ended=check.ended)),
        ready=check.ready,
        running=check.running,
        journals_behind=list(check.journals_behind),
        differences=list(check.differences) if verified else None,
    )


def _sums(month: str, rows: Sequence[PayerMonth], *, ended: bool) -> MonthSums:
    states = Counter(row.status for row in rows)
    return MonthSums(
        month=month,
        ended=ended,
        payers=len(rows),
        open=sum(map(_is_open, rows)),
        finalized=states["finalized"],
        unpaid=sum(map(_is_unpaid, rows)),
        paid=states["paid"],
        cost_usd=format_usd(sum(row.cost_pico for row in rows)),
        open_usd=format_usd(sum(row.open_pico for row in rows)),
        total_usd=f"{sum((Decimal(row.total_usd) for row in rows if row.total_usd), Decimal('0.00')):f}",
    )


def _is_open(row: PayerMonth) -> bool:
    return bool(row.open_requests or row.open_pico)


def _is_unpaid(row: PayerMonth) -> bool:
    return row.status == "finalized" and Decimal(row.total_usd or 0) > 0


def _has(row: PayerMonth, status: Status | Literal["unpaid"] | None) -> bool:
    if status == "draft":
        return _is_open(row)
    return status is None or (_is_unpaid(row) if status == "unpaid" else row.status == status)


def _cursor(row: PayerMonth) -> str:
    return f"{row.payer.kind}:{row.payer.id}"


def _place_after(rows: Sequence[PayerMonth], after: str) -> int:
    kind, colon, name = after.partition(":")
    if not colon or kind not in ("user", "team"):
        raise Unprocessable("'after' must be the 'next' of a page of this list.", param="after")
    # The payer may be gone from this list meanwhile: it goes on at its place.
    for place, row in enumerate(rows):
        if tuple(row.payer) > (kind, name):
            return place
    return len(rows)


def _row(row: PayerMonth) -> PayerMonthBody:
    return PayerMonthBody(
        user_id=row.payer.id if row.payer.kind == "user" else None,
        team_id=row.payer.id if row.payer.kind == "team" else None,
        requests=row.requests,
        cost_usd=format_usd(row.cost_pico),
        open_requests=row.open_requests,
        open_usd=format_usd(row.open_pico),
        invoice_id=row.invoice_id,
        number=row.number,
        status=row.status,
        total_usd=row.total_usd,
    )
