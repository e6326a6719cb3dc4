"""Invoices, as admins see and change them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Request, Response
from pydantic import BaseModel, Field

from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form, Page, Query, TimeIn
from tollkeeper.control.invoices.formats import INVOICE_CONTENT, accepted, invoice_response
from tollkeeper.control.invoices.lists import DraftOf, drafts_of_month, drafts_of_payer, list_page
from tollkeeper.control.invoices.payers import payer_of, user_payer
from tollkeeper.control.invoices.requests import REQUESTS_CONTENT, requests_response
from tollkeeper.control.invoices.schemas import FinalizedBody, InvoiceBody, InvoiceList, Month, Status
from tollkeeper.rules.errors import Conflict
from tollkeeper.store.ports.invoices import InvoiceFilter

Reason = Annotated[str, Field(min_length=1, max_length=500, examples=["sent to the wrong address"])]


class InvoicesQuery(Page):
    month: Month | None = None
    status: Status | None = None
    user: str | None = Field(None, max_length=64, description="A user's id, in upper or lower case.")
    team: str | None = Field(None, max_length=64, description="A team's id.")


class FinalizeForm(Form):
    """A month that has ended; one payer, or all that have no invoice for it yet."""

    month: Month
    user_id: str | None = Field(None, max_length=64)
    team_id: str | None = Field(None, max_length=64)


class PayForm(Form):
    """`reference` names the payment; `paid_at` is now unless it is given."""

    reference: str | None = Field(None, max_length=200, examples=["bank transfer 4711"])
    paid_at: TimeIn | None = None


class VoidForm(Form):
    reason: Reason


class CreditNoteForm(Form):
    reason: Reason


class VerifyQuery(Query):
    number: str | None = Field(None, max_length=100, description="Of one invoice; otherwise all are verified.")


class Verified(BaseModel):
    """Whether the ledger gives the same invoices again, byte for byte; `faults` says what differs."""

    ok: bool
    faults: list[str]


router = admin_router("invoices")


@router.get("/admin/invoices", summary="Invoices, newest first", response_model=InvoiceList, responses=errors(404))
async def _list(services: Services, query: Annotated[InvoicesQuery, FromQuery()]) -> Response:
    """With a month, a payer, or `status=draft`, the drafts come first: those of the month, which is this one unless it
    is given; or those of the payer."""
    payer = payer_of(services, query.user, query.team, ("user", "team"))
    drafts: list[DraftOf] = []
    if query.status in (None, "draft"):
        if query.month is not None:
            drafts = await drafts_of_month(services, query.month, payer)
        elif payer is not None:
            drafts = await drafts_of_payer(services, payer)
        elif query.status == "draft":
            for month in reversed(await services.billing.open_months()):
                drafts += await drafts_of_month(services, month, None)
    which = None if query.status == "draft" else InvoiceFilter(payer, query.month, query.status)
    return await (await list_page(services, query, drafts, which)).response()


@router.get(
    "/admin/users/{user_id}/invoices",
    summary="A user's invoices, the draft of this month first",
    response_model=InvoiceList,
    responses=errors(404),
)
async def _of_user(services: Services, user_id: str, page: Annotated[Page, FromQuery()]) -> Response:
    payer = user_payer(services, user_id)
    return await (
        await list_page(services, page, await drafts_of_payer(services, payer), InvoiceFilter(payer))
    ).response()


@router.get(
    "/admin/invoices/verify", summary="Compute invoices anew from the ledger, and compare", responses=errors(404)
)
async def _verify(services: Services, query: Annotated[VerifyQuery, FromQuery()]) -> Verified:
    faults = await services.billing.verify(query.number)
    return Verified(ok=not faults, faults=list(faults))


@router.post(
    "/admin/invoices/finalize",
    summary="Issue the invoices of a month",
    response_model=FinalizedBody,
    responses=errors(404, 409),
)
async def _finalize_month(services: Services, by: ByAdmin, form: FinalizeForm) -> Response:
    """Those that are there already stay as they are, so this may be repeated."""
    payer = payer_of(services, form.user_id, form.team_id, ("user_id", "team_id"))
    done = await services.billing.finalize(form.month, payer, by=by)
    found = await list_page(services, Page(limit=100, after=None), (), InvoiceFilter(payer, form.month))
    return await found.response(month=form.month, issued=len(done.issued), already=done.already)


@router.get(
    "/admin/invoices/{invoice_id}.csv",
    summary="The lines of an invoice as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **errors(404)},
)
async def _csv(services: Services, invoice_id: str) -> Response:
    return await invoice_response(await services.billing.get(invoice_id), "csv")


@router.get(
    "/admin/invoices/{invoice_id}.html",
    summary="An invoice as a page to print",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **errors(404)},
)
async def _html(services: Services, invoice_id: str) -> Response:
    return await invoice_response(await services.billing.get(invoice_id), "html")


@router.get(
    "/admin/invoices/{invoice_id}/requests.csv",
    summary="The requests behind an invoice as CSV",
    response_class=Response,
    responses={**REQUESTS_CONTENT, **errors(404, 409)},
)
async def _requests(services: Services, invoice_id: str) -> Response:
    """Oldest first, with corrections and refunds; of a credit note, those that it takes back."""
    return await requests_response(services, await services.billing.get(invoice_id))


@router.get(
    "/admin/invoices/{invoice_id}",
    summary="An invoice, by its id or number",
    response_model=InvoiceBody,
    responses={**INVOICE_CONTENT, **errors(404)},
)
async def _one(request: Request, services: Services, invoice_id: str) -> Response:
    """As `Accept` says: JSON, CSV (`text/csv`) or HTML (`text/html`)."""
    invoice = await services.billing.get(invoice_id)
    return await invoice_response(invoice, accepted(request.headers.get("accept")), negotiated=True)


@router.post(
    "/admin/invoices/{invoice_id}/finalize",
    summary="Issue the invoice of a draft",
    response_model=InvoiceBody,
    responses=errors(404, 409),
)
async def _finalize(services: Services, by: ByAdmin, invoice_id: str) -> Response:
    """By the id of a draft. An invoice that was issued already stays as it is."""
    found = await services.billing.get(invoice_id)
    if found.status == "draft":
        payer, month = found.payer.ref, found.month
        await services.billing.finalize(month, payer, by=by)
        issued = await services.billing.list(InvoiceFilter(payer, month), limit=100)
        standing = [each for each in issued if each.status != "void" and each.corrects is None]
        if not standing:
            raise Conflict(f"Nothing of {month} is open for {payer}: there is nothing to invoice.", code="nothing_open")
        found = standing[0]
    return await invoice_response(found, "json")


@router.post(
    "/admin/invoices/{invoice_id}/pay",
    summary="Note that an invoice was paid",
    response_model=InvoiceBody,
    responses=errors(404, 409),
)
async def _pay(services: Services, by: ByAdmin, invoice_id: str, form: PayForm | None = None) -> Response:
    reference, paid_at = (None, None) if form is None else (form.reference, form.paid_at)
    paid = await services.billing.pay(invoice_id, reference, by=by, paid_at=paid_at)
    return await invoice_response(paid, "json")


@router.post(
    "/admin/invoices/{invoice_id}/void",
    summary="Void an unpaid invoice",
    response_model=InvoiceBody,
    responses=errors(404, 409),
)
async def _void(services: Services, by: ByAdmin, invoice_id: str, form: VoidForm) -> Response:
    """It stays, with its reason; its records are open again, and its credit is returned."""
    return await invoice_response(await services.billing.void(invoice_id, form.reason, by=by), "json")


@router.post(
    "/admin/invoices/{invoice_id}/credit-note",
    summary="Take back a paid invoice by a credit note",
    status_code=201,
    response_model=InvoiceBody,
    responses=errors(404, 409),
)
async def _credit_note(services: Services, by: ByAdmin, invoice_id: str, form: CreditNoteForm) -> Response:
    """An invoice of its own number with negative lines; what was paid becomes credit."""
    note = await services.billing.credit_note(invoice_id, form.reason, by=by)
    response = await invoice_response(note, "json")
    response.status_code = 201
    return response
