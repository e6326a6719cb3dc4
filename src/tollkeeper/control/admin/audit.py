"""The audit log: who changed what, when and from where."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import admin_router
from tollkeeper.control.http.schemas import Listing, Page, Time, TimeIn, page_of
from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.store.ports.audit import AuditClass, AuditFilter


class AuditBody(BaseModel):
    """A change, or a sign-in. `actor` is a user id, or "@bootstrap" for the holder of the bootstrap admin key, or
    "@unknown" for somebody whose sign-in failed."""

    id: int
    at: Time
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    address: str | None


class AuditList(Listing[AuditBody]):
    pass


class _AuditQuery(Page):
    actor: str | None = Field(None, max_length=200, description="Who acted: a user_id in any case, or `@bootstrap`.")
    action: str | None = Field(None, max_length=100, examples=["user.limits"])
    object_: str | None = Field(
        None, alias="object", max_length=400, description="What it was done to: the `target` of an entry."
    )
    class_: AuditClass | None = Field(
        None,
        alias="class",
        description="`sign_in`: sign-ins, failed ones and sign-outs; `change`: everything else. Absent: both.",
    )
    from_: TimeIn | None = Field(None, alias="from", description="Start of the period, included.")
    to: TimeIn | None = Field(None, description="End of the period, not included.")


router = admin_router("audit")


@router.get("/admin/audit", summary="The audit log, newest first")
async def _list(services: Services, query: Annotated[_AuditQuery, FromQuery()]) -> AuditList:
    """A filter that nothing matches gives an empty list."""
    if query.from_ is not None and query.to is not None and query.from_ > query.to:
        raise Unprocessable("'from' must not be later than 'to'.", param="from")
    which = AuditFilter(
        actor=_spelled(services, query.actor),
        action=query.action,
        # Not every object is a user: a model, say, may have the name of one in another case.
        targets=tuple({name for name in (query.object_, _spelled(services, query.object_)) if name}),
        of_class=query.class_,
        since=query.from_,
        until=query.to,
    )
    rows = await services.audit.entries(limit=query.limit + 1, after=_read_cursor(query.after), which=which)
    entries, cursor = page_of(rows, query, lambda entry: str(entry.id))
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


def _spelled(services: ControlServices, name: str | None) -> str | None:
    """A user's id as it was made, of one in any case; whatever is no user's as it is."""
    try:
        return name and services.accounts.user(name).user_id
    except NotFound:
        return name


def _read_cursor(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Unprocessable("'after' must be the 'next' of a page of this list.", param="after")
    return int(text)
