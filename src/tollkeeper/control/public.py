"""What needs no key: the front door, health, readiness; and the metrics, which may."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from tollkeeper.control.context import Services
from tollkeeper.control.errors import errors
from tollkeeper.control.routes import presented_key
from tollkeeper.rules.errors import NotFound


class Welcome(BaseModel):
    name: Literal["tollkeeper"] = "tollkeeper"
    version: str
    status: Literal["ok"] = "ok"
    docs: str = "/docs"


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    version: str


class Readiness(BaseModel):
    """`parts` has the reason why each is not ready, null where it is."""

    status: Literal["ready", "not ready"]
    parts: dict[str, str | None]


router = APIRouter(tags=["public"])


@router.get(
    "/",
    summary="What this is",
    response_model=Welcome,
    responses={307: {"description": "Browsers are led to the pages."}},
)
async def _root(request: Request, services: Services) -> Response:
    if _from_browser(request):
        return _lead(request, "/ui/")
    return JSONResponse(Welcome(version=services.version).model_dump(), headers={"vary": "accept"})


@router.get("/login", include_in_schema=False)
@router.get("/chat", include_in_schema=False)
@router.get("/admin", include_in_schema=False)
async def _page(request: Request) -> Response:
    """Short ways to pages, all of which are under `/ui/`: so no path is both a page and an API."""
    if not _from_browser(request):
        raise NotFound("There is a page for browsers here, and no API. GET /docs shows what there is.")
    return _lead(request, f"/ui{request.url.path}")


def _lead(request: Request, place: str) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(place + query, headers={"vary": "accept"})


def _from_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


@router.get("/health", summary="Whether the process lives")
async def _health(services: Services) -> Health:
    return Health(version=services.version)


@router.get(
    "/ready",
    summary="Whether the ledger writes and an upstream answers",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready"}},
)
async def _ready(services: Services) -> Response:
    parts = dict(await services.ready())
    fine = not any(parts.values())
    body = Readiness(status="ready" if fine else "not ready", parts=parts)
    return JSONResponse(body.model_dump(), 200 if fine else 503)


@router.get(
    "/metrics",
    summary="Metrics, in the text format of Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **errors(401, 403)},
)
async def _metrics(request: Request, services: Services) -> Response:
    """With an admin's key; without one from this machine, where the setting `metrics_public` says so."""
    if not (services.metrics_public and _from_loopback(request)):
        services.accounts.identify_admin(presented_key(request))
    return Response(await asyncio.to_thread(services.metrics.text), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _from_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
