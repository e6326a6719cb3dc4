"""Records and their sums: what one user used, and what everyone did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query as FromQuery
from msgspec.structs import replace
from pydantic import BaseModel, Field, WithJsonSchema
from pydantic.config import JsonDict

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Listing, Page, Query, Time, TimeIn, page_of
from tollkeeper.control.routes import Who, admin_router, user_router
from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import month_of
from tollkeeper.store.ports import Filter, Group, Record, RecordStatus, Totals

Usd = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal", "examples": ["0.000123"]})]
"""Dollars, exact."""

OWN_GROUPS: tuple[Group, ...] = ("model", "day", "hour", "key", "status")
ALL_GROUPS: tuple[Group, ...] = ("user", *OWN_GROUPS)
_FIELDS: Mapping[Group, str] = {"user": "user_id", "key": "key_id"}
"""The field that shows a group, where it is not called as the group is."""


class RecordBody(BaseModel):
    """The ledger's one entry of one request."""

    request_id: str
    created_at: Time
    user_id: str
    key_id: str | None
    model: str
    endpoint: str
    upstream: str
    stream: bool
    status: RecordStatus
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    total_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: Usd
    price_id: int | None
    requested_model: str
    estimated: bool
    latency_ms: int
    first_token_ms: int | None
    queued_ms: int
    finish_reason: str | None
    metadata: dict[str, Any] | None


class Sums(BaseModel):
    """Sums over records."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Usd


class UsagePage(Listing[RecordBody]):
    """`totals` sums up all records that the filter lets through, not only this page's."""

    totals: Sums


class _Groups(BaseModel):
    user_id: str | None = None
    model: str | None = None
    day: str | None = Field(None, examples=["2026-11-20"])
    hour: str | None = Field(None, examples=["2026-11-20T12:00:00Z"])
    key_id: str | None = None
    status: str | None = None


class SummaryRow(Sums, _Groups):
    """Sums of one group; of the fields that can name a group it has those that were asked for."""


class Summary(BaseModel):
    """`user_id` is null where everyone's usage is summed."""

    object: Literal["usage.summary"]
    user_id: str | None
    from_: Time = Field(serialization_alias="from")
    to: Time
    data: list[SummaryRow]
    total: Sums


def _listed(groups: Sequence[Group]) -> JsonDict:
    one = "|".join(groups)
    return {"pattern": f"^({one})(,({one}))*$", "examples": ["model,day"]}


class _Span(Query):
    from_: TimeIn | None = Field(None, alias="from", description="The first moment that counts.")
    to: TimeIn | None = Field(None, description="The first moment after it that no longer counts.")


class OwnRecords(_Span):
    model: str | None = Field(None, description="A canonical name, as records show it.")
    status: RecordStatus | None = None
    key_id: str | None = None


class RecordsOfAll(OwnRecords):
    user_id: str | None = Field(None, description="Whatever its case.")


class UsageQuery(Page, OwnRecords):
    pass


class UsageOfAllQuery(Page, RecordsOfAll):
    pass


class _SummaryQuery(OwnRecords):
    group_by: str = Field(
        "model",
        description=f"Some of {', '.join(OWN_GROUPS)}, each once, with commas between.",
        json_schema_extra=_listed(OWN_GROUPS),
    )


class _SummaryOfAllQuery(RecordsOfAll):
    group_by: str = Field(
        "model",
        description=f"Some of {', '.join(ALL_GROUPS)}, each once, with commas between.",
        json_schema_extra=_listed(ALL_GROUPS),
    )


def _known(find: Callable[[], str]) -> str:
    """What is found; where nothing is, "", which is nobody's id."""
    try:
        return find()
    except NotFound:
        return ""


def filter_of(services: ControlServices, user_id: str | None, query: OwnRecords) -> Filter:
    """What a query asks for, of one user or of all. Raises Unprocessable."""
    _check_span(query.from_, query.to)
    if user_id is None and isinstance(query, RecordsOfAll) and query.user_id is not None:
        user_id = _known(lambda: services.accounts.user(query.user_id or "").user_id)
    elif user_id is None and query.key_id is not None:
        # A key's records are its user's, and these are found much faster.
        user_id = _known(lambda: services.accounts.key(query.key_id or "").user_id)
    return Filter(
        user_id=user_id,
        key_id=query.key_id,
        model=query.model,
        status=query.status,
        since=query.from_,
        until=query.to,
    )


async def usage_page(services: ControlServices, user_id: str | None, query: UsageQuery | UsageOfAllQuery) -> UsagePage:
    """A page of one user's records, or of everyone's."""
    which = filter_of(services, user_id, query)
    found = await services.reports.records(which, limit=query.limit + 1, after=query.after)
    rows, cursor = page_of(found, query, lambda record: record.request_id)
    return UsagePage(
        data=[record_body(record) for record in rows],
        has_more=cursor is not None,
        next=cursor,
        totals=sums(await total_of(services, which)),
    )


async def usage_summary(
    services: ControlServices, user_id: str | None, query: _SummaryQuery | _SummaryOfAllQuery, allowed: Sequence[Group]
) -> Summary:
    """Sums of one user's records, or of everyone's; of this month unless told otherwise."""
    groups = _read_groups(query.group_by, allowed)
    month, next_month = month_of(services.now())
    since = month if query.from_ is None else query.from_
    until = max(next_month, since) if query.to is None else query.to
    _check_span(since, until)
    which = replace(filter_of(services, user_id, query), since=since, until=until)
    rows = await services.reports.summary(which, groups)
    return Summary(
        object="usage.summary",
        user_id=which.user_id or None,
        from_=since,
        to=until,
        data=[_row(groups, place, totals) for place, totals in rows],
        total=sums(*(totals for _, totals in rows)),
    )


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
    # An absent key is "" in the sums, and null in records: here it is as in records.
    named = {_FIELDS.get(group, group): value or None for group, value in zip(groups, place, strict=True)}
    return SummaryRow.model_validate({**named, **dict(sums(totals))})


def record_body(record: Record) -> RecordBody:
    usage = record.usage
    return RecordBody(
        request_id=record.request_id,
        created_at=record.created_at,
        user_id=record.user_id,
        key_id=record.key_id,
        model=record.model,
        endpoint=record.endpoint,
        upstream=record.upstream,
        stream=record.stream,
        status=record.status,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost_usd=format_usd(record.cost_pico),
        price_id=record.price_id,
        requested_model=record.requested_model,
        estimated=usage.estimated,
        latency_ms=record.latency_ms,
        first_token_ms=record.first_token_ms,
        queued_ms=record.queued_ms,
        finish_reason=record.finish_reason,
        metadata=None if record.metadata is None else msgspec.json.decode(record.metadata),
    )


def _read_groups(text: str, allowed: Sequence[Group]) -> list[Group]:
    asked = text.split(",")
    groups = [group for part in asked for group in allowed if group == part]
    if len(groups) < len(asked) or len(set(groups)) < len(groups):
        raise Unprocessable(
            f"'group_by' must be some of {', '.join(allowed)}, each once, with commas between.", param="group_by"
        )
    return groups


def _check_span(since: int | None, until: int | None) -> None:
    if since is not None and until is not None and since > until:
        raise Unprocessable("'from' must not be later than 'to'.", param="from")


own = user_router("usage")


@own.get("/v1/usage", summary="Your records, newest first")
async def _own_usage(services: Services, who: Who, query: Annotated[UsageQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, who.user.user_id, query)


@own.get("/v1/usage/summary", summary="Your usage, summed", response_model_exclude_unset=True)
async def _own_summary(services: Services, who: Who, query: Annotated[_SummaryQuery, FromQuery()]) -> Summary:
    return await usage_summary(services, who.user.user_id, query, OWN_GROUPS)


everyones = admin_router("usage of everyone")


@everyones.get("/admin/usage", summary="Everyone's records, newest first")
async def _all_usage(services: Services, query: Annotated[UsageOfAllQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, None, query)


@everyones.get("/admin/usage/summary", summary="Everyone's usage, summed", response_model_exclude_unset=True)
async def _all_summary(services: Services, query: Annotated[_SummaryOfAllQuery, FromQuery()]) -> Summary:
    return await usage_summary(services, None, query, ALL_GROUPS)


@everyones.get("/admin/users/{user_id}/usage", summary="A user's records, newest first", responses=errors(404))
async def _users_usage(services: Services, user_id: str, query: Annotated[UsageQuery, FromQuery()]) -> UsagePage:
    return await usage_page(services, services.accounts.user(user_id).user_id, query)


@everyones.get(
    "/admin/users/{user_id}/usage/summary",
    summary="A user's usage, summed",
    responses=errors(404),
    response_model_exclude_unset=True,
)
async def _users_summary(services: Services, user_id: str, query: Annotated[_SummaryQuery, FromQuery()]) -> Summary:
    return await usage_summary(services, services.accounts.user(user_id).user_id, query, OWN_GROUPS)
