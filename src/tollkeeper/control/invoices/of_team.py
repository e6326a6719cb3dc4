"""A team's invoices, for admins and for the admins of the team."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Request, Response

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import CurrentManager, manager_router
from tollkeeper.control.http.schemas import Page
from tollkeeper.control.invoices.formats import INVOICE_CONTENT, accepted, invoice_response
from tollkeeper.control.invoices.lists import drafts_of_payer, list_page
from tollkeeper.control.invoices.requests import REQUESTS_CONTENT, requests_response
from tollkeeper.control.invoices.schemas import InvoiceBody, InvoiceList
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.invoices import Invoice, PayerId
from tollkeeper.services.accounts.managers import Manager
from tollkeeper.store.ports.invoices import InvoiceFilter

router = manager_router("teams")


@router.get(
    "/admin/teams/{team_id}/invoices",
    summary="A team's invoices, the draft of this month first",
    response_model=InvoiceList,
    responses=errors(404),
)
async def _list(
    services: Services, manager: CurrentManager, team_id: str, page: Annotated[Page, FromQuery()]
) -> Response:
    payer = PayerId("team", manager.team(services.accounts, team_id).team_id)
    found = await list_page(services, page, await drafts_of_payer(services, payer), InvoiceFilter(payer))
    return await found.response()


@router.get(
    "/admin/teams/{team_id}/invoices/{invoice_id}.html",
    summary="One of a team's invoices as a page to print",
    response_class=Response,
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **errors(404)},
)
async def _html(services: Services, manager: CurrentManager, team_id: str, invoice_id: str) -> Response:
    return await invoice_response(await _of_team(services, manager, team_id, invoice_id), "html")


@router.get(
    "/admin/teams/{team_id}/invoices/{invoice_id}.csv",
    summary="The lines of one of a team's invoices as CSV",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **errors(404)},
)
async def _csv(services: Services, manager: CurrentManager, team_id: str, invoice_id: str) -> Response:
    return await invoice_response(await _of_team(services, manager, team_id, invoice_id), "csv")


@router.get(
    "/admin/teams/{team_id}/invoices/{invoice_id}/requests.csv",
    summary="The requests behind one of a team's invoices as CSV",
    response_class=Response,
    responses={**REQUESTS_CONTENT, **errors(404, 409)},
)
async def _requests(services: Services, manager: CurrentManager, team_id: str, invoice_id: str) -> Response:
    """Oldest first, with corrections and refunds; of a credit note, those that it takes back."""
    return await requests_response(services, await _of_team(services, manager, team_id, invoice_id))


@router.get(
    "/admin/teams/{team_id}/invoices/{invoice_id}",
    summary="One of a team's invoices, by its id or number",
    response_model=InvoiceBody,
    responses={**INVOICE_CONTENT, **errors(404)},
)
async def _one(
    request: Request, services: Services, manager: CurrentManager, team_id: str, invoice_id: str
) -> Response:
    """As `Accept` says: JSON, CSV (`text/csv`) or HTML (`text/html`)."""
    invoice = await _of_team(services, manager, team_id, invoice_id)
    return await invoice_response(invoice, accepted(request.headers.get("accept")), negotiated=True)


async def _of_team(services: ControlServices, manager: Manager, team_id: str, invoice_id: str) -> Invoice:
    team = manager.team(services.accounts, team_id)
    try:
        return await services.billing.get(invoice_id, PayerId("team", team.team_id))
    except NotFound:
        raise NotFound(f"The team {team.team_id} has no invoice {invoice_id[:64]!r}.", param="invoice_id") from None
