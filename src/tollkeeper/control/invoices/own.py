"""A user's own invoices."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Request, Response

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import CurrentCaller, user_router
from tollkeeper.control.http.schemas import Page
from tollkeeper.control.invoices.formats import INVOICE_CONTENT, accepted, invoice_response
from tollkeeper.control.invoices.lists import drafts_of_payer, list_page
from tollkeeper.control.invoices.requests import REQUESTS_CONTENT, requests_response
from tollkeeper.control.invoices.schemas import InvoiceBody, InvoiceList
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.store.ports.invoices import InvoiceFilter

router = user_router("own invoices")


@router.get("/me/invoices", summary="Your invoices, the draft of this month first", response_model=InvoiceList)
async def _list(services: Services, caller: CurrentCaller, page: Annotated[Page, FromQuery()]) -> Response:
    payer = PayerId("user", caller.user.user_id)
    found = await list_page(services, page, await drafts_of_payer(services, payer), InvoiceFilter(payer))
    return await found.response()


@router.get(
    "/me/invoices/{invoice_id}.csv",
    summary="The lines of one of your invoices as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **errors(404)},
)
async def _csv(services: Services, caller: CurrentCaller, invoice_id: str) -> Response:
    return await invoice_response(await _own(services, caller, invoice_id), "csv")


@router.get(
    "/me/invoices/{invoice_id}.html",
    summary="One of your invoices as a page to print",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **errors(404)},
)
async def _html(services: Services, caller: CurrentCaller, invoice_id: str) -> Response:
    return await invoice_response(await _own(services, caller, invoice_id), "html")


@router.get(
    "/me/invoices/{invoice_id}/requests.csv",
    summary="The requests behind one of your invoices as CSV",
    response_class=Response,
    responses={**REQUESTS_CONTENT, **errors(404, 409)},
)
async def _requests(services: Services, caller: CurrentCaller, invoice_id: str) -> Response:
    """Oldest first, with corrections and refunds; of a credit note, those that it takes back."""
    return await requests_response(services, await _own(services, caller, invoice_id))


@router.get(
    "/me/invoices/{invoice_id}",
    summary="One of your invoices, by its id or number",
    response_model=InvoiceBody,
    responses={**INVOICE_CONTENT, **errors(404)},
)
async def _one(request: Request, services: Services, caller: CurrentCaller, invoice_id: str) -> Response:
    """As `Accept` says: JSON, CSV (`text/csv`) or HTML (`text/html`)."""
    invoice = await _own(services, caller, invoice_id)
    return await invoice_response(invoice, accepted(request.headers.get("accept")), negotiated=True)


async def _own(services: ControlServices, caller: Caller, invoice_id: str) -> Invoice:
    try:
        return await services.billing.get(invoice_id, PayerId("user", caller.user.user_id))
    except NotFound:  # other payers' invoices look as if they did not exist
        raise NotFound(
            f"There is no invoice {invoice_id[:64]!r}. GET /me/invoices lists yours.", param="invoice_id"
        ) from None
