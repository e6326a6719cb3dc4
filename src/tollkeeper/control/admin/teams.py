"""Teams, as admins manage them, and as admins of a team see it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel, Field

from tollkeeper.control.admin.limits import (
    LimitsAndUsage,
    LimitsBody,
    LimitsForm,
    UsageBody,
    limits_and_usage,
    limits_body,
    usage_body,
)
from tollkeeper.control.admin.users import MonthBody, UserList, month_body, this_month, user_rows
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, CurrentManager, admin_router, manager_router
from tollkeeper.control.http.schemas import (
    Address,
    Form,
    Listing,
    Name,
    Page,
    TaxId,
    Time,
    exact_response,
    exact_response_in_thread,
    no_default,
    page_of,
    rows_after,
)
from tollkeeper.control.usage.groups import TEAM_GROUPS
from tollkeeper.control.usage.records import UsageOfTeamQuery, UsagePage, total_of, usage_page
from tollkeeper.control.usage.summary import Summary, SummaryOfTeamQuery, usage_summary
from tollkeeper.services.accounts.teams import TEAM_ID, TeamChange
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.reports import Filter, Totals
from tollkeeper.store.ports.teams import Team, TeamStatus

_AT_ONCE = 20
"""Rows that are built before other tasks have their turn."""
_NO_USAGE = Totals()


class TeamBody(BaseModel):
    """A team. `members` is the number of users in it."""

    team_id: str
    name: str | None
    address: str | None
    tax_id: str | None
    status: TeamStatus
    created_at: Time
    closed_at: Time | None
    members: int
    limits: LimitsBody


class TeamRow(TeamBody):
    """A team and what was used in it: this month so far, and what remains of each limit."""

    month: MonthBody
    usage: UsageBody


class TeamList(Listing[TeamRow]):
    """`total` is the number of teams that match, on all pages."""

    total: int


class NewTeamForm(Form):
    team_id: str = Field(
        pattern=f"^{TEAM_ID}$", description="Unique in any case of its letters, and permanent.", examples=["research"]
    )
    name: Name | None = None
    address: Address | None = None
    tax_id: TaxId | None = None
    limits: LimitsForm | None = None


class TeamForm(Form):
    """Absent fields stay as they are; null removes one."""

    name: Name | None = Field(None, json_schema_extra=no_default)
    address: Address | None = Field(None, json_schema_extra=no_default)
    tax_id: TaxId | None = Field(None, json_schema_extra=no_default)


class _TeamQuery(Page):
    q: str | None = Field(None, max_length=200, description="Part of the team_id or name, in upper or lower case.")
    status: TeamStatus | None = None


def _team_body(services: ControlServices, team: Team) -> TeamBody:
    return TeamBody(
        team_id=team.team_id,
        name=team.name,
        address=team.address,
        tax_id=team.tax_id,
        status=team.status,
        created_at=team.created_at,
        closed_at=team.closed_at,
        members=services.accounts.teams.count_members(team.team_id),
        limits=limits_body(team.limits),
    )


async def _rows(services: ControlServices, teams: Sequence[tuple[Team, Totals]]) -> list[TeamRow]:
    rows = []
    for team, month in teams:
        body = _team_body(services, team)
        rows.append(TeamRow(**dict(body), month=month_body(month), usage=await usage_body(services, team)))
        if len(rows) % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return rows


def _this_month(services: ControlServices, team: Team) -> Filter:
    month = this_month(services)
    return Filter(team_id=team.team_id, since=month.since, until=month.until)


def _id(team: Team) -> str:
    return team.team_id


def _user_id(user: User) -> str:
    return user.user_id


router = admin_router("teams")
manager_routes = manager_router("teams")


@router.post("/admin/teams", summary="Create a team", status_code=201, response_model=TeamBody, responses=errors(409))
async def _create(services: Services, by: ByAdmin, form: NewTeamForm) -> Response:
    """Users are moved into it by their field `team`."""
    limits = None if form.limits is None else form.limits.root
    team = await services.accounts.teams.create(
        form.team_id, by, name=form.name, address=form.address, tax_id=form.tax_id, limits=limits
    )
    return exact_response(_team_body(services, team), 201)


@router.get("/admin/teams", summary="Teams, each with what was used in it", response_model=TeamList)
async def _list(services: Services, query: Annotated[_TeamQuery, FromQuery()]) -> Response:
    part = (query.q or "").casefold()
    matching = [
        team
        for team in services.accounts.teams.all()
        if query.status in (None, team.status)
        and (not part or part in team.team_id.casefold() or part in (team.name or "").casefold())
    ]
    rest = rows_after(matching, query.after, _id)
    shown, cursor = page_of(rest, query, _id, weight=lambda team: len(team.limits.models))
    by_team = {place[0]: totals for place, totals in await services.reports.summary(this_month(services), ["team"])}
    rows = await _rows(services, [(team, by_team.get(team.team_id, _NO_USAGE)) for team in shown])
    body = TeamList(data=rows, has_more=cursor is not None, next=cursor, total=len(matching))
    return await exact_response_in_thread(body)


@manager_routes.get(
    "/admin/teams/{team_id}", summary="A team, with what was used in it", response_model=TeamRow, responses=errors(404)
)
async def _read(services: Services, manager: CurrentManager, team_id: str) -> Response:
    """An admin of a team may ask for their own, here and below."""
    team = manager.team(services.accounts, team_id)
    [row] = await _rows(services, [(team, await total_of(services, _this_month(services, team)))])
    return await exact_response_in_thread(row)


@router.patch("/admin/teams/{team_id}", summary="Change a team", response_model=TeamBody, responses=errors(404, 409))
async def _update(services: Services, by: ByAdmin, team_id: str, form: TeamForm) -> Response:
    wanted = TeamChange(**form.model_dump(exclude_unset=True))
    return exact_response(_team_body(services, await services.accounts.teams.update(team_id, by, wanted)))


@router.delete(
    "/admin/teams/{team_id}", summary="Close a team permanently", response_model=TeamBody, responses=errors(404, 409)
)
async def _close(services: Services, by: ByAdmin, team_id: str) -> Response:
    """It must have no members. Its records stay, and so do its invoices."""
    return exact_response(_team_body(services, await services.accounts.teams.close(team_id, by)))


@manager_routes.get(
    "/admin/teams/{team_id}/members",
    summary="The users in a team, each with their usage",
    response_model=UserList,
    responses=errors(404),
)
async def _members(
    services: Services, manager: CurrentManager, team_id: str, page: Annotated[Page, FromQuery()]
) -> Response:
    """Usage is theirs, in this team and before. An admin of a team does not see the admins of the gateway."""
    accounts, team = services.accounts, manager.team(services.accounts, team_id)
    members = manager.visible(accounts.user(user_id) for user_id in accounts.teams.members(team.team_id))
    members.sort(key=lambda user: user.user_id.lower())
    rest = rows_after(members, page.after, _user_id)
    shown, cursor = page_of(rest, page, _user_id, weight=lambda user: len(user.limits.models))
    month = this_month(services)
    which = Filter(users=[user.user_id for user in shown], since=month.since, until=month.until)
    used = {place[0]: totals for place, totals in await services.reports.summary(which, ["user"])} if shown else {}
    rows = await user_rows(services, [(user, used.get(user.user_id, _NO_USAGE)) for user in shown])
    body = UserList(data=rows, has_more=cursor is not None, next=cursor, total=len(members))
    return await exact_response_in_thread(body)


@manager_routes.get(
    "/admin/teams/{team_id}/limits",
    summary="A team's limits, and what remains of them",
    response_model=LimitsAndUsage,
    responses=errors(404),
)
async def _limits(services: Services, manager: CurrentManager, team_id: str) -> Response:
    return await limits_and_usage(services, manager.team(services.accounts, team_id))


@router.put(
    "/admin/teams/{team_id}/limits",
    summary="Merge a change into a team's limits",
    response_model=LimitsBody,
    responses=errors(404, 409),
)
async def _put_limits(services: Services, by: ByAdmin, team_id: str, form: LimitsForm) -> Response:
    """In force from the next request on, for all members together."""
    team = await services.accounts.teams.set_limits(team_id, by, form.root)
    return exact_response(limits_body(team.limits))


@manager_routes.get("/admin/teams/{team_id}/usage", summary="A team's records, newest first", responses=errors(404))
async def _usage(
    services: Services, manager: CurrentManager, team_id: str, query: Annotated[UsageOfTeamQuery, FromQuery()]
) -> UsagePage:
    """Those of requests that its members made while they were in it."""
    return await usage_page(services, None, query, manager.team(services.accounts, team_id).team_id)


@manager_routes.get(
    "/admin/teams/{team_id}/usage/summary",
    summary="Figures of a team's usage by group",
    responses=errors(404),
    response_model=Summary,
)
async def _summary(
    services: Services, manager: CurrentManager, team_id: str, query: Annotated[SummaryOfTeamQuery, FromQuery()]
) -> Response:
    team = manager.team(services.accounts, team_id)
    return await usage_summary(services, None, query, TEAM_GROUPS, team.team_id)
