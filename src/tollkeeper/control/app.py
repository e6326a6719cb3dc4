"""The control plane's application."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import Receive, Scope, Send

from tollkeeper.control import (
    adjustments,
    aliases,
    audit,
    auth,
    calls,
    docs,
    keys,
    limits,
    live,
    me,
    models,
    prices,
    public,
    upstreams,
    usage,
    users,
)
from tollkeeper.control.context import ControlServices
from tollkeeper.control.errors import ANSWERED, add_error_handlers, add_errors
from tollkeeper.control.relayed import add_relayed

ROUTERS = (
    public.router,
    docs.router,
    auth.opened,
    auth.leaving,
    auth.router,
    me.router,
    usage.own,
    calls.own,
    users.router,
    limits.router,
    keys.router,
    usage.everyones,
    calls.everyones,
    adjustments.router,
    prices.router,
    models.router,
    aliases.router,
    upstreams.router,
    live.router,
    audit.router,
)
_DESCRIPTION = "A gateway that authenticates, meters and bills every request to the language models a team shares."


class ControlPlane(FastAPI):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Exception as error:
            # Starlette raises again what it has answered; taken for an answer broken off, it would cut the connection.
            if scope.get(ANSWERED) is not error:
                raise

    def openapi(self) -> dict[str, Any]:
        """The document of everything on this port, the data plane included."""
        if self.openapi_schema is None:
            self.openapi_schema = document(self.version)
        return self.openapi_schema


def document(version: str) -> dict[str, Any]:
    """The OpenAPI document; it needs no gateway to run."""
    routes = [route for router in ROUTERS for route in router.routes]
    written = get_openapi(title="Tollkeeper", version=version, description=_DESCRIPTION, routes=routes)
    add_errors(written)
    add_relayed(written)
    live.add_live(written)
    return written


def create_control(services: ControlServices) -> FastAPI:
    """The application: every path that is not relayed, and the errors for those that are not there."""
    app = ControlPlane(
        title="Tollkeeper",
        version=services.version,
        openapi_url=None,
        redirect_slashes=False,
        # Else FastAPI would put every request into spans of its own.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.services = services
    add_error_handlers(app)
    for router in ROUTERS:
        # Taken over, not included: including would build every route a second time.
        app.router.routes.extend(router.routes)
    return app
