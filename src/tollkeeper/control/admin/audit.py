"""The audit log: who changed what, when and from where."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Query as FromQuery
from pydantic import BaseModel

from tollkeeper.control.context import Services
from tollkeeper.control.http.guards import admin_router
from tollkeeper.control.http.schemas import Listing, Page, Time, page_of
from tollkeeper.rules.errors import Unprocessable


class AuditBody(BaseModel):
    """A change. `actor` is a user id, or "@bootstrap" for the holder of the bootstrap admin key."""

    id: int
    at: Time
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    address: str | None


class AuditList(Listing[AuditBody]):
    pass


router = admin_router("audit")


@router.get("/admin/audit", summary="The audit log, newest first")
async def _list(services: Services, page: Annotated[Page, FromQuery()]) -> AuditList:
    rows = await services.audit.entries(limit=page.limit + 1, after=_read_cursor(page.after))
    entries, cursor = page_of(rows, page, lambda entry: str(entry.id))
    data = [
        AuditBody(
            id=entry.id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            target=entry.target,
            detail=msgspec.json.decode(entry.detail),
            address=entry.address,
        )
        for entry in entries
    ]
    return AuditList(data=data, has_more=cursor is not None, next=cursor)


def _read_cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Unprocessable("'after' must be the 'next' of a page of this list.", param="after")
    return int(text)
