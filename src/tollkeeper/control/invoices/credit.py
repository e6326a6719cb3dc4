"""Credit, prepaid or granted: an account of its own, from which invoices are settled first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.admin.adjustments import SignedUsd as SignedUsdIn
from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import Form, Listing, Page, Time, page_of, rows_after
from tollkeeper.control.invoices.payers import payer_of
from tollkeeper.control.invoices.schemas import SignedUsd
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.invoices import PayerId
from tollkeeper.rules.money import format_usd
from tollkeeper.store.ports.invoices import CreditEntry


class CreditBody(BaseModel):
    """An entry of a payer's credit. `kind`: "granted" by an admin, "applied" to an invoice (negative), "returned" when
    that was voided, "carried" from an invoice with a negative total. `balance_usd` is the credit after it."""

    id: int
    user_id: str | None
    team_id: str | None
    at: Time
    kind: str = Field(examples=["granted"])
    amount_usd: SignedUsd
    balance_usd: SignedUsd
    reason: str
    by: str
    invoice_id: str | None


class CreditList(Listing[CreditBody]):
    """`balance_usd` is what is left of the payer's credit."""

    balance_usd: SignedUsd


class CreditForm(Form):
    """Credit for a user or a team; a negative amount takes some back, never more than there is."""

    user_id: str | None = Field(None, max_length=64)
    team_id: str | None = Field(None, max_length=64)
    amount_usd: SignedUsdIn
    reason: str = Field(min_length=1, max_length=500, examples=["prepaid"])


class CreditsQuery(Page):
    user: str | None = Field(None, max_length=64, description="A user's id, in upper or lower case.")
    team: str | None = Field(None, max_length=64, description="A team's id.")


router = admin_router("credit")


@router.post("/admin/credits", summary="Grant credit", status_code=201, responses=errors(404, 409))
async def _create(services: Services, by: ByAdmin, form: CreditForm) -> CreditBody:
    payer = payer_of(services, form.user_id, form.team_id, ("user_id", "team_id"))
    if payer is None:
        raise Unprocessable("'user_id' is missing. Name the user, or the team by 'team_id'.", param="user_id")
    return _body(await services.billing.add_credit(payer, form.amount_usd, form.reason, by=by))


@router.get("/admin/credits", summary="A payer's credit, newest entry first", responses=errors(404))
async def _list(services: Services, query: Annotated[CreditsQuery, FromQuery()]) -> CreditList:
    payer = payer_of(services, query.user, query.team, ("user", "team"))
    if payer is None:
        raise Unprocessable("'user' is missing. Name the user, or the team by 'team'.", param="user")
    return _page(await services.billing.credits(payer), query)


own = user_router("own invoices")


@own.get("/me/credits", summary="Your credit, newest entry first")
async def _own(services: Services, caller: CurrentCaller, page: Annotated[Page, FromQuery()]) -> CreditList:
    return _page(await services.billing.credits(PayerId("user", caller.user.user_id)), page)


def _page(entries: Sequence[CreditEntry], page: Page) -> CreditList:
    rest = rows_after(entries, page.after, _cursor)
    shown, cursor = page_of(rest[: page.limit + 1], page, _cursor)
    balance = entries[0].balance_pico if entries else 0
    return CreditList(
        data=[_body(entry) for entry in shown],
        has_more=cursor is not None,
        next=cursor,
        balance_usd=format_usd(balance),
    )


def _cursor(entry: CreditEntry) -> str:
    return str(entry.id)


def _body(entry: CreditEntry) -> CreditBody:
    return CreditBody(
        id=entry.id,
        user_id=entry.payer.id if entry.payer.kind == "user" else None,
        team_id=entry.payer.id if entry.payer.kind == "team" else None,
        at=entry.at,
        kind=entry.kind,
        amount_usd=format_usd(entry.amount_pico),
        balance_usd=format_usd(entry.balance_pico),
        reason=entry.reason,
        by=entry.by,
        invoice_id=entry.invoice_id,
    )
