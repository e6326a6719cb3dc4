"""The control plane's application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import Receive, Scope, Send

from tollkeeper.control import auth, calls, docs, me, open_id, openrouter, public, refusals, second_factor
from tollkeeper.control.admin import (
    adjustments,
    alerts,
    aliases,
    audit,
    end_users,
    identities,
    jobs,
    keys,
    limits,
    live,
    models,
    organization,
    prices,
    teams,
    upstreams,
    users,
    webhooks,
)
from tollkeeper.control.context import HEAD_ONLY, ControlServices
from tollkeeper.control.http.bodies import LargeBodies
from tollkeeper.control.http.compression import Compression
from tollkeeper.control.http.errors import HANDLED_ERROR, add_error_handlers, add_errors
from tollkeeper.control.invoices import archive, credit, issued, months, of_team, own
from tollkeeper.control.relayed import add_relayed
from tollkeeper.control.usage import records, summary, summary_csv
from tollkeeper.wire.dialect import AnyDialect

ROUTERS = (
    public.router,
    docs.router,
    auth.public,
    auth.any_status,
    auth.router,
    open_id.router,
    second_factor.router,
    me.router,
    own.router,
    credit.own,
    records.user_routes,
    summary.user_routes,
    summary_csv.user_routes,
    calls.user_routes,
    refusals.user_routes,
    openrouter.router,
    users.router,
    identities.router,
    limits.manager_routes,
    limits.router,
    teams.router,
    teams.manager_routes,
    keys.router,
    end_users.user_routes,
    end_users.router,
    records.admin_routes,
    summary.admin_routes,
    summary_csv.admin_routes,
    calls.admin_routes,
    refusals.admin_routes,
    organization.router,
    adjustments.router,
    archive.router,
    issued.router,
    of_team.router,
    months.router,
    credit.router,
    prices.router,
    models.router,
    jobs.router,
    aliases.router,
    upstreams.router,
    live.router,
    audit.router,
    alerts.router,
    alerts.user_routes,
    webhooks.router,
)
_DESCRIPTION = "A gateway that authenticates, meters and bills every request to the language models a team shares."


class ControlPlane(FastAPI):
    """The application: HEAD is answered as GET, and the OpenAPI document covers both planes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            # As GET; the server sends no content.
            scope = {**scope, "method": "GET", HEAD_ONLY: True}
        try:
            await super().__call__(scope, receive, send)
        except Exception as error:
            # Starlette raises an error again after responding to it; passed on, it would cut the connection.
            if scope.get(HANDLED_ERROR) is not error:
                raise

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of everything on this port, the data plane included."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self.version, self.state.dialects)
        return self.openapi_schema


def document(version: str, dialects: Sequence[AnyDialect]) -> dict[str, Any]:
    """Build the OpenAPI document; no running gateway is needed."""
    routes = [route for router in ROUTERS for route in router.routes]
    written = get_openapi(title="Tollkeeper", version=version, description=_DESCRIPTION, routes=routes)
    add_errors(written)
    add_relayed(written, dialects)
    live.add_live(written)
    jobs.add_jobs(written)
    return written


def create_control(services: ControlServices, dialects: Sequence[AnyDialect]) -> FastAPI:
    """Build the application: every path that is not relayed, and the errors of unknown paths. The first of `dialects`
    shapes errors."""
    app = ControlPlane(
        title="Tollkeeper",
        version=services.version,
        openapi_url=None,
        redirect_slashes=False,
        # FastAPI would otherwise trace every request in spans of its own.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.services = services
    app.state.dialects = dialects
    app.state.bodies = LargeBodies()
    app.add_middleware(Compression)
    add_error_handlers(app)
    for router in ROUTERS:
        # Not by `include_router`, which would build every route a second time.
        app.router.routes.extend(router.routes)
    return app
