"""The upstreams there are, by admins."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel

from tollkeeper.control.context import Services
from tollkeeper.control.forms import Listing
from tollkeeper.control.routes import admin_router


class HealthBody(BaseModel):
    """`error` says why it is down; null while it is up."""

    state: Literal["up", "down"]
    in_flight: int
    error: str | None


class UpstreamBody(BaseModel):
    """An upstream. `models` is how many it has; `base_url` is without credentials."""

    id: str
    kind: str
    base_url: str
    models: int
    health: HealthBody


class UpstreamList(Listing[UpstreamBody]):
    pass


router = admin_router("upstreams")


@router.get("/admin/upstreams", summary="The upstreams, and how they are")
async def _list(services: Services) -> UpstreamList:
    data = [
        UpstreamBody(
            id=upstream.id,
            kind=upstream.kind,
            base_url=_shown(upstream.base_url),
            models=upstream.models,
            health=HealthBody(
                state="down" if upstream.error else "up", in_flight=upstream.in_flight, error=upstream.error
            ),
        )
        for upstream in services.live.upstreams()
    ]
    return UpstreamList(data=data)


def _shown(url: str) -> str:
    """Without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
