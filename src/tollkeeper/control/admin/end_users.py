"""End users, whom keys act for: their schemas, the routes of admins, and the list for those who own them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel, Field

from tollkeeper.control.admin.limits import (
    LimitsAndUsage,
    LimitsBody,
    LimitsForm,
    UsageBody,
    limits_body,
    usage_body,
)
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import Form, Listing, Page, Time, exact_response, exact_response_in_thread, page_of
from tollkeeper.store.ports.end_users import EndUser, EndUserStatus


class EndUserBody(BaseModel):
    """An end user of a user. `value` is what the user's app calls the person, null once it is erased; `usage` is what
    remains of the end user's own limits."""

    id: str = Field(examples=["eu_0123456789abcdef01234567"])
    user_id: str
    value: str | None
    status: EndUserStatus
    created_at: Time
    limits: LimitsBody
    usage: UsageBody


class EndUserList(Listing[EndUserBody]):
    pass


class EndUserForm(Form):
    """An end user that is blocked is refused, and its running requests end at once."""

    status: Literal["active", "blocked"]


class _EndUserQuery(Page):
    q: str | None = Field(None, min_length=1, max_length=256, description="Part of the value, in upper or lower case.")
    id: str | None = Field(
        None,
        max_length=2000,
        pattern=r"^[a-z0-9_]+(,[a-z0-9_]+)*$",
        description="Only those with these ids, separated by commas.",
    )


async def _body(services: ControlServices, end_user: EndUser) -> EndUserBody:
    return EndUserBody(
        id=end_user.id,
        user_id=end_user.user_id,
        value=end_user.value,
        status=end_user.status,
        created_at=end_user.created_at,
        limits=limits_body(end_user.limits),
        usage=await usage_body(services, end_user),
    )


async def end_user_list(services: ControlServices, user_id: str, query: _EndUserQuery) -> EndUserList:
    """A user's end users in the order in which they were made, erased ones included."""
    found = await services.accounts.end_users.of(
        user_id,
        limit=query.limit + 1,
        after=query.after,
        part=query.q or "",
        ids=None if query.id is None else query.id.split(","),
    )
    rows, cursor = page_of(found, query, lambda each: each.id, weight=lambda each: len(each.limits.models))
    data = [await _body(services, each) for each in rows]
    return EndUserList(data=data, has_more=cursor is not None, next=cursor)


router = admin_router("end users")


@router.get(
    "/admin/users/{user_id}/end-users",
    summary="The people whom a user's keys act for",
    response_model=EndUserList,
    responses=errors(404),
)
async def _list(services: Services, user_id: str, query: Annotated[_EndUserQuery, FromQuery()]) -> Response:
    user = services.accounts.user(user_id)
    return await exact_response_in_thread(await end_user_list(services, user.user_id, query))


@router.get("/admin/end-users/{end_user_id}", summary="An end user", response_model=EndUserBody, responses=errors(404))
async def _read(services: Services, end_user_id: str) -> Response:
    return exact_response(await _body(services, await services.accounts.end_users.read(end_user_id)))


@router.patch(
    "/admin/end-users/{end_user_id}",
    summary="Block an end user, or let it in again",
    response_model=EndUserBody,
    responses=errors(404, 409),
)
async def _update(services: Services, by: ByAdmin, end_user_id: str, form: EndUserForm) -> Response:
    blocked = form.status == "blocked"
    end_user = await services.accounts.end_users.set_blocked(end_user_id, by, blocked=blocked)
    return exact_response(await _body(services, end_user))


@router.delete(
    "/admin/end-users/{end_user_id}",
    summary="Erase who an end user is",
    response_model=EndUserBody,
    responses=errors(404, 409),
)
async def _erase(services: Services, by: ByAdmin, end_user_id: str) -> Response:
    """Its value is erased for good, in every file of the database; its id and records stay. The same value will be
    another end user."""
    return exact_response(await _body(services, await services.eraser.erase_end_user(end_user_id, by)))


@router.get(
    "/admin/end-users/{end_user_id}/limits",
    summary="An end user's limits, and what remains of them",
    response_model=LimitsAndUsage,
    responses=errors(404),
)
async def _limits(services: Services, end_user_id: str) -> Response:
    end_user = await services.accounts.end_users.read(end_user_id)
    usage = await usage_body(services, end_user)
    return await exact_response_in_thread(LimitsAndUsage({**end_user.limits.body(), "usage": usage.root}))


@router.put(
    "/admin/end-users/{end_user_id}/limits",
    summary="Merge a change into an end user's limits",
    response_model=LimitsBody,
    responses=errors(404, 409),
)
async def _put_limits(services: Services, by: ByAdmin, end_user_id: str, form: LimitsForm) -> Response:
    """In force from the next request on."""
    end_user = await services.accounts.end_users.set_limits(end_user_id, by, form.root)
    return exact_response(limits_body(end_user.limits))


user_routes = user_router("end users")


@user_routes.get("/me/end-users", summary="The people whom your keys act for", response_model=EndUserList)
async def _own(services: Services, caller: CurrentCaller, query: Annotated[_EndUserQuery, FromQuery()]) -> Response:
    return await exact_response_in_thread(await end_user_list(services, caller.user.user_id, query))
