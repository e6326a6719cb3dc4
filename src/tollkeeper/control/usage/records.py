"""Records of one user, of one team and of everyone, newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import Listing, Page, page_of
from tollkeeper.control.usage.filters import OwnRecords, RecordsOfAll, RecordsOfTeam, filter_of
from tollkeeper.control.usage.schemas import RecordBody, Sums, record_body, sums
from tollkeeper.store.ports.reports import Filter, Totals


class UsagePage(Listing[RecordBody]):
    """`totals` covers all records that match the filter, not only this page's."""

    totals: Sums


class UsageQuery(Page, OwnRecords):
    pass


class UsageOfTeamQuery(Page, RecordsOfTeam):
    pass


class UsageOfAllQuery(Page, RecordsOfAll):
    pass


UsageQueries = UsageQuery | UsageOfTeamQuery | UsageOfAllQuery


async def usage_page(
    services: ControlServices, user_id: str | None, query: UsageQueries, team_id: str | None = None
) -> UsagePage:
    """A page of the records of one user, of one team, or of everyone."""
    which = filter_of(services, user_id, query, team_id)
    found = await services.reports.records(which, limit=query.limit + 1, after=query.after)
    rows, cursor = page_of(found, query, lambda record: record.request_id)
    return UsagePage(
        data=[record_body(record) for record in rows],
        has_more=cursor is not None,
        next=cursor,
        totals=sums(await total_of(services, which)),
    )


async def total_of(services: ControlServices, which: Filter) -> Totals:
    rows = await services.reports.summary(which, ())
    return rows[0][1] if rows else Totals()


user_routes = user_router("usage")


@user_routes.get("/v1/usage", summary="Your records, newest first")
async def _own_usage(services: Services, caller: CurrentCaller, query: Annotated[UsageQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, caller.user.user_id, query)


admin_routes = admin_router("usage of everyone")


@admin_routes.get("/admin/usage", summary="Everyone's records, newest first")
async def _all_usage(services: Services, query: Annotated[UsageOfAllQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, None, query)


@admin_routes.get("/admin/users/{user_id}/usage", summary="A user's records, newest first", responses=errors(404))
async def _usage_of_user(services: Services, user_id: str, query: Annotated[UsageQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, services.accounts.user(user_id).user_id, query)
