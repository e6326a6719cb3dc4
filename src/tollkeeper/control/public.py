"""Routes that need no key: the root, health and readiness; and metrics, where a setting allows it."""

from __future__ import annotations

import asyncio
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.rules.errors import NotFound
from tollkeeper.wire.credentials import missing_key, presented_key
from tollkeeper.wire.http.hosts import Networks, read_address

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers that proxies add to requests."""


class Welcome(BaseModel):
    name: Literal["tollkeeper"] = "tollkeeper"
    version: str
    status: Literal["ok"] = "ok"
    docs: str = "/docs"


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    version: str


class Readiness(BaseModel):
    """`parts` gives the reason why a part is not ready, null where it is."""

    status: Literal["ready", "not ready"]
    parts: dict[str, str | None]


router = APIRouter(tags=["public"])


@router.get(
    "/",
    summary="Name and version",
    response_model=Welcome,
    responses={307: {"description": "Browsers are redirected to the web pages."}},
)
async def _root(request: Request, services: Services) -> Response:
    if _from_browser(request):
        return _redirect(request, "/ui/")
    return JSONResponse(Welcome(version=services.version).model_dump(), headers={"vary": "accept"})


@router.get("/login", include_in_schema=False)
@router.get("/chat", include_in_schema=False)
@router.get("/admin", include_in_schema=False)
async def _page(request: Request) -> Response:
    """Shortcuts to pages. All pages are under `/ui/`, so that no path is both a page and an API."""
    if not _from_browser(request):
        raise NotFound("This is a page for browsers, not an API. GET /docs lists every path.")
    return _redirect(request, f"/ui{request.url.path}")


def _redirect(request: Request, place: str) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(place + query, headers={"vary": "accept"})


def _from_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


@router.get("/health", summary="Whether the process is alive")
async def _health(services: Services) -> Health:
    return Health(version=services.version)


@router.get(
    "/ready",
    summary="Whether the ledger can be written and an upstream responds",
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
    summary="Metrics in the Prometheus text format",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **errors(401, 403)},
)
async def _metrics(request: Request, services: Services) -> Response:
    """Needs an admin's key, unless the setting `metrics_networks` or `metrics_public` allows the request without."""
    if not _comes_from(services.metrics_networks, request):
        key = presented_key(request.scope["headers"])
        if key is None:
            raise missing_key()
        services.accounts.identify_admin(key)
    services.metrics.sample()
    return Response(await asyncio.to_thread(services.metrics.text), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _comes_from(networks: Networks, request: Request) -> bool:
    """Whether a request comes from one of these networks directly: behind a proxy, everyone has the proxy's address."""
    client, headers = request.client, request.headers
    forwarded = any(name in headers for name in _FORWARDED)
    return client is not None and not forwarded and read_address(client.host) in networks
