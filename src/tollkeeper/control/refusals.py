"""Counts of refused requests, of one user and of everyone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import MAX_LIMIT, Time
from tollkeeper.control.usage.filters import Span, period_of, spelled
from tollkeeper.control.usage.groups import group_by_field, read_groups
from tollkeeper.store.ports.refusals import RefusalFilter, RefusalGroup, RefusalSum
from tollkeeper.store.time_buckets import day_label, hour_label

OWN_GROUPS: tuple[RefusalGroup, ...] = ("reason", "key", "model", "day", "hour")
ALL_GROUPS: tuple[RefusalGroup, ...] = ("user", *OWN_GROUPS)


class RefusalCount(BaseModel):
    """How many refusals there were."""

    count: int


class RefusalRow(RefusalCount):
    """Refusals of one group. Of the fields that can name a group, it has those of `group_by`: for `reason` the HTTP
    `status` and the `code` of the error, and the `limit` that refused, null where none did. `user_id`, `key_id` and
    `model` are null where they are not known. `last_at`: the minute of the last one; for those of over 25 hours ago the
    hour."""

    user_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    status: int | None = None
    code: str | None = None
    limit: str | None = None
    day: str | None = Field(None, examples=["2026-11-20"])
    hour: str | None = Field(None, examples=["2026-11-20T12:00:00Z"])
    last_at: Time


class Refusals(BaseModel):
    """Refused requests by group, the largest first, and all of them. `has_more`: there are more groups than `limit`.
    `user_id` is null for everyone's."""

    object: Literal["refusals.summary"]
    user_id: str | None
    from_: Time = Field(serialization_alias="from")
    to: Time
    data: list[RefusalRow]
    has_more: bool
    total: RefusalCount


class _OwnQuery(Span):
    key_id: str | None = Field(None, max_length=64)
    group_by: str = group_by_field(OWN_GROUPS, "reason")
    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="The most groups.")


class _QueryOfAll(_OwnQuery):
    user_id: str | None = Field(
        None, max_length=64, description="In upper or lower case; empty: those whose user is not known."
    )
    group_by: str = group_by_field(ALL_GROUPS, "reason")


async def _refusals(
    services: ControlServices, user_id: str | None, query: _OwnQuery, allowed: Sequence[RefusalGroup]
) -> Refusals:
    groups = read_groups(query.group_by, allowed)
    since, until = period_of(services, query)
    which = RefusalFilter(user_id, query.key_id, since, until)
    rows, total = await services.refusals.summary(which, groups, limit=query.limit + 1)
    return Refusals(
        object="refusals.summary",
        user_id=user_id or None,
        from_=since,
        to=until,
        data=[_row(groups, row) for row in rows[: query.limit]],
        has_more=len(rows) > query.limit,
        total=RefusalCount(count=total),
    )


def _row(groups: Sequence[RefusalGroup], row: RefusalSum) -> RefusalRow:
    named: dict[str, Any] = {}
    for group in groups:
        if group == "reason":
            named |= {"status": row.status, "code": row.code, "limit": row.limit or None}
        elif group == "day":
            named["day"] = day_label(row.day or 0)
        elif group == "hour":
            named["hour"] = hour_label(row.hour or 0)
        else:
            name = "model" if group == "model" else f"{group}_id"
            named[name] = getattr(row, name) or None
    return RefusalRow(**named, count=row.count, last_at=row.last)


user_routes = user_router("usage")


@user_routes.get(
    "/v1/refusals", summary="How often your requests were refused, and why", response_model_exclude_unset=True
)
async def _own_refusals(
    services: Services, caller: CurrentCaller, query: Annotated[_OwnQuery, FromQuery()]
) -> Refusals:
    return await _refusals(services, caller.user.user_id, query, OWN_GROUPS)


admin_routes = admin_router("usage of everyone")


@admin_routes.get(
    "/admin/refusals", summary="How often whose requests were refused, and why", response_model_exclude_unset=True
)
async def _all_refusals(services: Services, query: Annotated[_QueryOfAll, FromQuery()]) -> Refusals:
    return await _refusals(
        services, None if query.user_id is None else spelled(services, query.user_id), query, ALL_GROUPS
    )
