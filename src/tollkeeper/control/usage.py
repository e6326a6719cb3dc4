"""Records and their totals, of one user and of everyone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Query as FromQuery
from msgspec.structs import replace
from pydantic import BaseModel, Field, WithJsonSchema
from pydantic.config import JsonDict

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import Listing, Query, Time, TimeIn
from tollkeeper.control.record_page import ByRequest, RecordPage, read_page
from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.rules.ids import beginning_of
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import month_bounds
from tollkeeper.services.ledger.presentation import listed, present_listed
from tollkeeper.store.ports.record_fields import FIELDS, Fields, Form
from tollkeeper.store.ports.records import Record, RecordStatus
from tollkeeper.store.ports.reports import Filter, Group, Totals

G = TypeVar("G", bound=str)
Usd = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal", "examples": ["0.000123"]})]
"""US dollars, exact."""

OWN_GROUPS: tuple[Group, ...] = ("model", "day", "hour", "key", "status", "end_user")
TEAM_GROUPS: tuple[Group, ...] = ("user", *OWN_GROUPS)
ALL_GROUPS: tuple[Group, ...] = ("user", "team", *OWN_GROUPS)
_GROUP_FIELDS: Mapping[Group, str] = {
    "user": "user_id", "team": "team_id", "key": "key_id", "end_user": "end_user_id"
}  # fmt: skip
"""The field that names a group, where it is not called as the group is."""


_TYPES: Mapping[Form, Any] = {"time": Time, "usd": Usd, "json": dict[str, Any] | None}
"""Types in a body, by the form in which a field is presented; other fields keep their own type."""


class RequestError(BaseModel):
    """Why a request was not completed. `code` is for programs; `status` the HTTP status of the upstream's error, null
    where it sent none; `message` is the gateway's own, and holds nothing of the request."""

    code: str
    status: int | None
    message: str


_OBJECTS: Mapping[str, Any] = {"error": RequestError | None}
"""Types of objects that have the same fields in every record, by the name of the field."""


def field_types(fields: Fields) -> dict[str, Any]:
    """The types of these fields in a body, by name."""
    return {field.name: _OBJECTS.get(field.name) or _TYPES.get(field.form, field.type) for field in fields}


class RecordBody(BaseModel):
    """A record of the ledger: of one request, or of an adjustment."""

    __annotations__ = field_types(listed(FIELDS))


class Sums(BaseModel):
    """Totals of records."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Usd


class UsagePage(Listing[RecordBody]):
    """`totals` covers all records that match the filter, not only this page's. `previous` is the `before` of the
    previous page, null on the first."""

    previous: str | None
    totals: Sums


class _Groups(BaseModel):
    user_id: str | None = None
    team_id: str | None = None
    model: str | None = None
    day: str | None = Field(None, examples=["2026-11-20"])
    hour: str | None = Field(None, examples=["2026-11-20T12:00:00Z"])
    key_id: str | None = None
    status: str | None = None
    end_user_id: str | None = None


class SummaryRow(Sums, _Groups):
    """Totals of one group. Of the fields that can name a group, it has those of `group_by`."""


class Summary(BaseModel):
    """Totals by group, and of all groups. `user_id` is null for everyone's usage; `team_id` is there where a team was
    asked for, null for what was used in none."""

    object: Literal["usage.summary"]
    user_id: str | None
    team_id: str | None = None
    from_: Time = Field(serialization_alias="from")
    to: Time
    data: list[SummaryRow]
    total: Sums


def _group_by_schema(groups: Sequence[str]) -> JsonDict:
    one = "|".join(groups)
    return {"pattern": f"^({one})(,({one}))*$", "examples": ["model,day"]}


class Span(Query):
    """A period."""

    from_: TimeIn | None = Field(None, alias="from", description="Start of the period, included.")
    to: TimeIn | None = Field(None, description="End of the period, not included.")


class OwnRecords(Span):
    model: str | None = Field(None, description="A canonical name, as in records.")
    status: RecordStatus | None = None
    key_id: str | None = None
    end_user: str | None = Field(
        None, max_length=100, description="Id of the end user whom a request was for; empty: those that were for none."
    )


class RecordsOfTeam(OwnRecords):
    user_id: str | None = Field(None, description="In upper or lower case.")


class RecordsOfAll(RecordsOfTeam):
    team: str | None = Field(
        None,
        max_length=64,
        description="The id of the team that the user was in, in upper or lower case; empty: those in none.",
    )


class UsageQuery(RecordPage, OwnRecords):
    pass


class UsageOfTeamQuery(RecordPage, RecordsOfTeam):
    pass


class UsageOfAllQuery(RecordPage, RecordsOfAll):
    pass


def group_by_field(groups: Sequence[str], default: str = "model") -> Any:
    """The parameter by which an answer is grouped: some of `groups`."""
    return Field(
        default,
        max_length=100,
        description=f"One or more of {', '.join(groups)}, each once, separated by commas.",
        json_schema_extra=_group_by_schema(groups),
    )


class _SummaryQuery(OwnRecords):
    group_by: str = group_by_field(OWN_GROUPS)


class SummaryOfTeamQuery(RecordsOfTeam):
    group_by: str = group_by_field(TEAM_GROUPS)


class _SummaryOfAllQuery(RecordsOfAll):
    group_by: str = group_by_field(ALL_GROUPS)


UsageQueries = UsageQuery | UsageOfTeamQuery | UsageOfAllQuery
SummaryQueries = _SummaryQuery | SummaryOfTeamQuery | _SummaryOfAllQuery


def _id_or_nobodys(find: Callable[[], str]) -> str:
    """The id that is found, or "", which is nobody's."""
    try:
        return find()
    except NotFound:
        return ""


def filter_of(services: ControlServices, user_id: str | None, query: OwnRecords, team_id: str | None = None) -> Filter:
    """The filter of a query, for the records of one user, of one team, or everyone's. Raises Unprocessable."""
    _check_span(query.from_, query.to)
    if isinstance(query, RecordsOfAll) and query.team is not None:
        team_id = services.accounts.teams.spelled(query.team)
    if user_id is None and isinstance(query, RecordsOfTeam) and query.user_id is not None:
        user_id = _id_or_nobodys(lambda: services.accounts.user(query.user_id or "").user_id)
    elif user_id is None and query.key_id is not None:
        # A key's records are its user's, and those are found much faster.
        user_id = _id_or_nobodys(lambda: services.accounts.key(query.key_id or "").user_id)
    return Filter(
        user_id=user_id,
        key_id=query.key_id,
        model=query.model,
        status=query.status,
        since=query.from_,
        until=query.to,
        team_id=team_id,
        end_user_id=query.end_user,
        request_id=beginning_of(query.request_id) if isinstance(query, ByRequest) and query.request_id else None,
    )


async def usage_page(
    services: ControlServices, user_id: str | None, query: UsageQueries, team_id: str | None = None
) -> UsagePage:
    """A page of the records of one user, of one team, or of everyone."""
    which = filter_of(services, user_id, query, team_id)
    page = await read_page(services.reports, which, query)
    return UsagePage(
        data=[record_body(record) for record in page.records],
        has_more=page.next is not None,
        next=page.next,
        previous=page.previous,
        totals=sums(await total_of(services, which)),
    )


async def usage_summary(
    services: ControlServices,
    user_id: str | None,
    query: SummaryQueries,
    allowed: Sequence[Group],
    team_id: str | None = None,
) -> Summary:
    """Totals of the records of one user, of one team, or of everyone; of this month unless the query has a period."""
    groups = read_groups(query.group_by, allowed)
    since, until = period_of(services, query)
    which = replace(filter_of(services, user_id, query, team_id), since=since, until=until)
    rows = await services.reports.summary(which, groups)
    of_team = {} if which.team_id is None else {"team_id": which.team_id or None}
    return Summary(
        object="usage.summary",
        user_id=which.user_id or None,
        from_=since,
        to=until,
        data=[_row(groups, place, totals) for place, totals in rows],
        total=sums(*(totals for _, totals in rows)),
        **of_team,
    )


def period_of(services: ControlServices, query: Span) -> tuple[int, int]:
    """The period of a query, this month by default. Raises Unprocessable."""
    month, next_month = month_bounds(services.now())
    since = month if query.from_ is None else query.from_
    until = max(next_month, since) if query.to is None else query.to
    _check_span(since, until)
    return since, until


async def total_of(services: ControlServices, which: Filter) -> Totals:
    rows = await services.reports.summary(which, ())
    return rows[0][1] if rows else Totals()


def sums(*parts: Totals) -> Sums:
    prompt = sum(part.prompt_tokens for part in parts)
    completion = sum(part.completion_tokens for part in parts)
    return Sums(
        requests=sum(part.requests for part in parts),
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cost_usd=format_usd(sum(part.cost_pico for part in parts)),
    )


def _row(groups: Sequence[Group], place: Sequence[str], totals: Totals) -> SummaryRow:
    # A record without a key is grouped under "", and has null for its key: shown as in records.
    named = {_GROUP_FIELDS.get(group, group): value or None for group, value in zip(groups, place, strict=True)}
    return SummaryRow.model_validate({**named, **dict(sums(totals))})


def record_body(record: Record) -> RecordBody:
    return RecordBody(**present_listed(record))


def read_groups(text: str, allowed: Sequence[G]) -> list[G]:
    """The groups of a query, which are some of `allowed`. Raises Unprocessable."""
    requested = text.split(",")
    groups = [group for part in requested for group in allowed if group == part]
    if len(groups) < len(requested) or len(set(groups)) < len(groups):
        raise Unprocessable(
            f"'group_by' must be one or more of {', '.join(allowed)}, each once, separated by commas.", param="group_by"
        )
    return groups


def _check_span(since: int | None, until: int | None) -> None:
    if since is not None and until is not None and since > until:
        raise Unprocessable("'from' must not be later than 'to'.", param="from")


user_routes = user_router("usage")


@user_routes.get("/v1/usage", summary="Your records, newest first unless told otherwise")
async def _own_usage(services: Services, caller: CurrentCaller, query: Annotated[UsageQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, caller.user.user_id, query)


@user_routes.get("/v1/usage/summary", summary="Totals of your usage", response_model_exclude_unset=True)
async def _own_summary(
    services: Services, caller: CurrentCaller, query: Annotated[_SummaryQuery, FromQuery()]
) -> Summary:
    return await usage_summary(services, caller.user.user_id, query, OWN_GROUPS)


admin_routes = admin_router("usage of everyone")


@admin_routes.get("/admin/usage", summary="Everyone's records, newest first unless told otherwise")
async def _all_usage(services: Services, query: Annotated[UsageOfAllQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, None, query)


@admin_routes.get("/admin/usage/summary", summary="Totals of everyone's usage", response_model_exclude_unset=True)
async def _all_summary(services: Services, query: Annotated[_SummaryOfAllQuery, FromQuery()]) -> Summary:
    return await usage_summary(services, None, query, ALL_GROUPS)


@admin_routes.get(
    "/admin/users/{user_id}/usage",
    summary="A user's records, newest first unless told otherwise",
    responses=errors(404),
)
async def _usage_of_user(services: Services, user_id: str, query: Annotated[UsageQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, services.accounts.user(user_id).user_id, query)


@admin_routes.get(
    "/admin/users/{user_id}/usage/summary",
    summary="Totals of a user's usage",
    responses=errors(404),
    response_model_exclude_unset=True,
)
async def _summary_of_user(services: Services, user_id: str, query: Annotated[_SummaryQuery, FromQuery()]) -> Summary:
    return await usage_summary(services, services.accounts.user(user_id).user_id, query, OWN_GROUPS)
