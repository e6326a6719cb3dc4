"""Figures by group, of one user, of one team and of everyone: ordered, paged, and compared with the period before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import Query as FromQuery
from fastapi import Response
from msgspec.structs import replace
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import MAX_LIMIT, Query, Time, TimeIn
from tollkeeper.control.usage.filters import OwnRecords, RecordsOfAll, RecordsOfTeam, filter_of, period_of
from tollkeeper.control.usage.groups import (
    ALL_GROUPS,
    OWN_GROUPS,
    TEAM_GROUPS,
    field_of,
    group_by_field,
    order_by_field,
    read_groups_and_tag,
    read_order,
)
from tollkeeper.control.usage.previous import Previous, before_of, previous_of, span_of
from tollkeeper.control.usage.schemas import Usd
from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.rules.histograms import Percentiles
from tollkeeper.rules.money import format_usd
from tollkeeper.store.ports.explorer import Figures, Question, Result
from tollkeeper.store.ports.reports import Group

_CURSOR = re.compile(r"[0-9]{1,9}(\.[0-9]{1,15}){3}")


class Durations(BaseModel):
    """Milliseconds that half of the requests, and 95 of 100, did not exceed; read from histograms, so not exact."""

    p50: int
    p95: int


class UsageFigures(BaseModel):
    """What requests used, and how they went. `errors` counts those that failed or were lost. `refused` requests are not
    among `requests`; null where they lack a dimension of `group_by` or of a filter: they have users, keys, models and
    time only. `first_token_ms` and `latency_ms` are null where no request has one."""

    requests: int
    prompt_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    total_tokens: int
    cost_usd: Usd
    errors: int
    refused: int | None
    first_token_ms: Durations | None
    latency_ms: Durations | None


class _Groups(BaseModel):
    user_id: str | None = None
    team_id: str | None = None
    model: str | None = None
    day: str | None = Field(None, examples=["2026-11-20"])
    hour: str | None = Field(None, examples=["2026-11-20T12:00:00Z"])
    key_id: str | None = None
    key_name: str | None = None
    key_prefix: str | None = None
    upstream: str | None = None
    endpoint: str | None = None
    status: str | None = None
    end_user_id: str | None = None
    end_user_value: str | None = None
    tag: str | None = None


class ComparedFigures(UsageFigures):
    """With `compare`, `previous` has the figures of the period before; else it is absent."""

    previous: UsageFigures | None = None


class SummaryRow(ComparedFigures, _Groups):
    """Figures of one group. Of the fields that can name a group, it has those of `group_by`; by key also its name and
    the part of it that may be shown, by end user what the user's app calls the person, but not where a team is asked
    for."""


class Summary(BaseModel):
    """Figures by group, and of all groups together, also of those on other pages. `user_id` is null for everyone's
    usage; `team_id` is there where a team was asked for, null for what was used in none. `next` is the `after` of the
    next page, null on the last."""

    object: Literal["usage.summary"]
    user_id: str | None
    team_id: str | None = None
    from_: Time = Field(serialization_alias="from")
    to: Time
    data: list[SummaryRow]
    has_more: bool
    next: str | None
    total: ComparedFigures


class Grouped(Query):
    """How groups are ordered and compared."""

    order_by: str | None = order_by_field()
    compare: bool = Field(
        False,
        description="Give each row, and the total, the figures of the period of the same length just before: those of"
        " the same group. By day or hour that period is earlier by whole ones, and each is compared with the one that"
        " is as much earlier.",
    )
    compare_from: TimeIn | None = Field(
        None,
        description="With `compare`: the start of the period to compare with, not later than `from`; it is as long, but"
        " ends where this one begins. By day or hour it starts at most one earlier, so that they match. Absent: just"
        " before.",
    )


class _Paged(Query):
    limit: int = Field(MAX_LIMIT, ge=1, le=MAX_LIMIT, description="The most rows of a page.")
    after: str | None = Field(None, max_length=200, description="The `next` of the previous page.")


class OwnGroups(Grouped, OwnRecords):
    group_by: str = group_by_field(OWN_GROUPS, tags=True)


class GroupsOfAll(Grouped, RecordsOfAll):
    group_by: str = group_by_field(ALL_GROUPS, tags=True)


class _SummaryQuery(_Paged, OwnGroups):
    pass


class SummaryOfTeamQuery(_Paged, Grouped, RecordsOfTeam):
    group_by: str = group_by_field(TEAM_GROUPS, tags=True)


class _SummaryOfAllQuery(_Paged, GroupsOfAll):
    pass


GroupQueries = OwnGroups | SummaryOfTeamQuery | GroupsOfAll
SummaryQueries = _SummaryQuery | SummaryOfTeamQuery | _SummaryOfAllQuery


def question_of(
    services: ControlServices,
    user_id: str | None,
    query: GroupQueries,
    allowed: Sequence[Group],
    team_id: str | None = None,
) -> Question:
    """The question of a query, about the records of one user, of one team, or of everyone; of this month unless the
    query has a period. Raises Unprocessable."""
    groups = read_groups_and_tag(query.group_by, allowed)
    order_by, ascending = read_order(query.order_by)
    since, until = period_of(services, query)
    which = replace(filter_of(services, user_id, query, team_id), since=since, until=until)
    return Question(which, groups, order_by=order_by, ascending=ascending)


def previous_start(query: Grouped, question: Question) -> int | None:
    """When the period begins that a question's is compared with; None: it is compared with none. Raises
    Unprocessable."""
    if not query.compare:
        if query.compare_from is not None:
            raise Unprocessable("'compare_from' needs 'compare=true'.", param="compare_from")
        return None
    since, until = span_of(question)
    if query.compare_from is None:
        return max(0, since - (until - since))
    if query.compare_from > since:
        raise Unprocessable("'compare_from' must not be later than 'from'.", param="compare_from")
    return query.compare_from


async def usage_summary(
    services: ControlServices,
    user_id: str | None,
    query: SummaryQueries,
    allowed: Sequence[Group],
    team_id: str | None = None,
) -> Response:
    """A page of the figures of one user, of one team, or of everyone."""
    question = _at(query.after, question_of(services, user_id, query, allowed, team_id))
    question = replace(question, limit=query.limit)
    start = previous_start(query, question)
    found = await services.explorer.explore(question)
    before = None
    if start is not None:
        before = await previous_of(services.explorer, before_of(question, start), found.rows)
    # Who administers a team sees what its members use, not what they call their keys and whom they work for.
    places = [place for place, _ in found.rows]
    labels = await _labels(services, () if team_id else question.group_by, places)
    return await asyncio.to_thread(_response, question, found, before, labels)


def _response(
    question: Question,
    found: Result,
    before: tuple[Previous, Figures] | None,
    labels: Sequence[Mapping[str, Any]],
) -> Response:
    """Built and encoded in a thread: a page of a thousand rows takes long. `labels` are those of the rows."""
    which, groups = question.which, question.group_by
    since, until = span_of(question)
    of_team = {} if which.team_id is None else {"team_id": which.team_id or None}
    previous, previous_total = before or (None, None)
    body = Summary(
        object="usage.summary",
        user_id=which.user_id or None,
        from_=since,
        to=until,
        data=[
            SummaryRow(**_named(groups, place), **label, **_compared(figures, previous and previous.of(place, figures)))
            for (place, figures), label in zip(found.rows, labels, strict=True)
        ],
        has_more=found.more,
        next=_next(question, found) if found.more else None,
        total=ComparedFigures(**_compared(found.total, previous_total)),
        **of_team,
    )
    return Response(body.model_dump_json(by_alias=True, exclude_unset=True), media_type="application/json")


def _named(groups: Sequence[str], place: Sequence[str]) -> dict[str, Any]:
    # A record without a key is grouped under "", and has null for its key: shown as in records.
    return {field_of(group): value or None for group, value in zip(groups, place, strict=True)}


async def _labels(
    services: ControlServices, groups: Sequence[str], places: Sequence[Sequence[str]]
) -> list[dict[str, Any]]:
    """What people call the key and the end user of each place, where it is grouped by them."""
    labels: list[dict[str, Any]] = [{} for _ in places]
    if "key" in groups:
        at = groups.index("key")
        for label, place in zip(labels, places, strict=True):
            label.update(_key_label(services, place[at]))
    if "end_user" in groups:
        at = groups.index("end_user")
        values = await services.accounts.end_users.values({place[at] for place in places})
        for label, place in zip(labels, places, strict=True):
            label["end_user_value"] = values.get(place[at])
    return labels


def _key_label(services: ControlServices, key_id: str) -> dict[str, str | None]:
    """Nulls for a key that is not there, or that the records have none of."""
    try:
        key = services.accounts.key(key_id)
    except NotFound:
        return {"key_name": None, "key_prefix": None}
    return {"key_name": key.name, "key_prefix": key.prefix}


def _compared(figures: Figures, previous: Figures | None) -> dict[str, Any]:
    before = {} if previous is None else {"previous": _figures_body(previous)}
    return {**dict(_figures_body(figures)), **before}


def _figures_body(figures: Figures) -> UsageFigures:
    totals = figures.totals
    return UsageFigures(
        requests=totals.requests,
        prompt_tokens=totals.prompt_tokens,
        cached_tokens=totals.cached_tokens,
        cache_write_tokens=totals.cache_write_tokens,
        completion_tokens=totals.completion_tokens,
        reasoning_tokens=totals.reasoning_tokens,
        total_tokens=totals.prompt_tokens + totals.completion_tokens,
        cost_usd=format_usd(totals.cost_pico),
        errors=figures.errors,
        refused=figures.refused,
        first_token_ms=_durations(figures.first_token_ms),
        latency_ms=_durations(figures.latency_ms),
    )


def _durations(found: Percentiles | None) -> Durations | None:
    return None if found is None else Durations(p50=found.p50, p95=found.p95)


def _next(question: Question, found: Result) -> str:
    """Where the next page begins: with what is fixed by the first, so that all pages are of the same records."""
    upto = found.upto if question.upto is None else question.upto
    return ".".join(map(str, (question.offset + question.limit, upto, *span_of(question))))


def _at(after: str | None, question: Question) -> Question:
    """The question about the page after that whose `next` is given. Raises Unprocessable."""
    if after is None:
        return question
    if not _CURSOR.fullmatch(after):
        raise Unprocessable("'after' must be the 'next' of a page of this summary.", param="after")
    offset, upto, since, until = map(int, after.split("."))
    which = replace(question.which, since=since, until=until)
    return replace(question, which=which, offset=offset, upto=upto)


user_routes = user_router("usage")


@user_routes.get("/v1/usage/summary", summary="Figures of your usage by group", response_model=Summary)
async def _own_summary(
    services: Services, caller: CurrentCaller, query: Annotated[_SummaryQuery, FromQuery()]
) -> Response:
    return await usage_summary(services, caller.user.user_id, query, OWN_GROUPS)


admin_routes = admin_router("usage of everyone")


@admin_routes.get("/admin/usage/summary", summary="Figures of everyone's usage by group", response_model=Summary)
async def _all_summary(services: Services, query: Annotated[_SummaryOfAllQuery, FromQuery()]) -> Response:
    return await usage_summary(services, None, query, ALL_GROUPS)


@admin_routes.get(
    "/admin/users/{user_id}/usage/summary",
    summary="Figures of a user's usage by group",
    responses=errors(404),
    response_model=Summary,
)
async def _summary_of_user(services: Services, user_id: str, query: Annotated[_SummaryQuery, FromQuery()]) -> Response:
    return await usage_summary(services, services.accounts.user(user_id).user_id, query, OWN_GROUPS)
