"""Usage and costs as OpenAI's organization API has them, for dashboards that read that one.

A page has up to `limit` buckets of time, and ends earlier where they would have too many results together. The first
bucket begins at `start_time`, the others at full minutes, hours or days (UTC); the last ends at `end_time`.
(https://platform.openai.com/docs/api-reference/usage)
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi import Query as FromQuery
from pydantic import BeforeValidator, Field

from tollkeeper.control.admin.organization_results import (
    ADJUSTMENTS,
    BucketPage,
    CompletionsResult,
    CostsResult,
    EmbeddingsResult,
    TimeBucket,
    completions_result,
    costs_result,
    embeddings_result,
)
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.guards import AdminRoute, admin_router
from tollkeeper.control.http.schemas import Query, exact_response
from tollkeeper.rules.errors import NotFound, Unprocessable
from tollkeeper.rules.times import format_time
from tollkeeper.store.ports.buckets import Bucket, BucketQuery, BucketWidth, Dimension, Work

MOST_RESULTS = 20_000
"""Results in all buckets of a page."""
MOST_VALUES = 100
"""Values of one filter."""
_LAST = 253_402_300_799
"""The last second of the year 9999."""

Width = Literal["1m", "1h", "1d"]


class _Pace(NamedTuple):
    """A width of buckets: its name in the store, its seconds, and how many buckets a page has, by default and at
    most."""

    name: BucketWidth
    seconds: int
    default: int
    most: int


_USAGE_PACES: Mapping[str, _Pace] = {
    "1m": _Pace("minute", 60, 60, 1440),
    "1h": _Pace("hour", 3_600, 24, 168),
    "1d": _Pace("day", 86_400, 7, 31),
}
_COST_PACES: Mapping[str, _Pace] = {"1d": _Pace("day", 86_400, 7, 180)}
_DIMENSIONS: Mapping[str, Dimension] = {
    "project_id": "team",
    "user_id": "user",
    "api_key_id": "key",
    "model": "model",
    "line_item": "model",
}
"""What the store groups by; the other fields have one value here."""


def _split(value: object) -> object:
    """The values of a list, which may be separated by commas as well."""
    return [part for text in value for part in str(text).split(",")] if isinstance(value, list) else value


Values = Annotated[Annotated[list[str], Field(max_length=MOST_VALUES)] | None, BeforeValidator(_split)]
LISTS = frozenset({"group_by", "project_ids", "user_ids", "api_key_ids", "models", "line_items"})


class _ListsRoute(AdminRoute):
    """A route with parameters that are lists: `name=a&name=b`, `name[]=a&name[]=b`, as OpenAI's clients send them, or
    `name=a,b`."""

    lists = LISTS

    @staticmethod
    def authenticate(request: Request) -> str:
        query: bytes = request.scope["query_string"]
        request.scope["query_string"] = re.sub(rb"(?:\[|%5[Bb])[0-9]*(?:\]|%5[Dd])(?==|&|$)", b"", query)
        return AdminRoute.authenticate(request)


class _Span(Query):
    start_time: int = Field(ge=0, le=_LAST, description="Start of the period, included: seconds since the epoch.")
    end_time: int | None = Field(None, ge=0, le=_LAST, description="End of the period, not included; now by default.")
    project_ids: Values = None
    user_ids: Values = None
    api_key_ids: Values = None
    limit: int | None = Field(None, ge=1, description="The most buckets of a page.")
    page: str | None = Field(None, max_length=50, description="The `next_page` of the previous page.")


class _UsageSpan(_Span):
    bucket_width: Width = "1d"
    models: Values = None
    limit: int | None = Field(
        None, ge=1, description="The most buckets of a page: of days 7, at most 31; hours 24, 168; minutes 60, 1440."
    )


class _CompletionsQuery(_UsageSpan):
    group_by: Annotated[
        list[Literal["project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "api_source"]],
        BeforeValidator(_split),
    ] = Field(default_factory=list)
    batch: bool | None = Field(None, description="Nothing here is a batch: true leaves nothing.")


class _EmbeddingsQuery(_UsageSpan):
    group_by: Annotated[list[Literal["project_id", "user_id", "api_key_id", "model"]], BeforeValidator(_split)] = Field(
        default_factory=list
    )


class _CostsQuery(_Span):
    bucket_width: Literal["1d"] = "1d"
    line_items: Values = None
    group_by: Annotated[
        list[Literal["project_id", "user_id", "api_key_id", "line_item", "api_source"]], BeforeValidator(_split)
    ] = Field(default_factory=list)
    limit: int | None = Field(None, ge=1, description="The most buckets of a page: 7, at most 180.")


class _Kind(NamedTuple):
    """One of the paths: the records that it counts, its widths, how its results are made, and the fields of groups that
    have the same value everywhere."""

    work: Work
    paces: Mapping[str, _Pace]
    result: Any
    constant: Mapping[str, Any]


_COMPLETIONS = _Kind("text", _USAGE_PACES, completions_result, {"batch": False, "api_source": "unlabeled"})
_EMBEDDINGS = _Kind("embeddings", _USAGE_PACES, embeddings_result, {})
_COSTS = _Kind("all", _COST_PACES, costs_result, {"api_source": "unlabeled"})


async def _page(services: ControlServices, kind: _Kind, query: Any) -> Response:
    """Read a page of buckets. Raises Unprocessable."""
    pace = kind.paces[query.bucket_width]
    starts, end, beyond = _starts(query, pace, services.now())
    group_by = list(dict.fromkeys(query.group_by))
    found: list[Bucket] = []
    if starts and not getattr(query, "batch", None):
        since = starts[0] * 1000
        if pace.name == "minute":
            await _check_not_pruned(services, since)
        models = getattr(query, "models", None)
        if models is None and (items := getattr(query, "line_items", None)) is not None:
            models = ["" if item == ADJUSTMENTS else item for item in items]
        ask = BucketQuery(
            since,
            end * 1000,
            pace.name,
            [_DIMENSIONS[name] for name in group_by if name in _DIMENSIONS],
            kind.work,
            _user_ids(services, query.user_ids),
            query.api_key_ids,
            models,
            query.project_ids,
        )
        found = await services.buckets.sums(ask, most=MOST_RESULTS + 1)
        if len(found) > MOST_RESULTS:
            # The last bucket may not be whole: the page ends before it.
            beyond = max(starts[0], found[-1].at // 1000)
            starts = [start for start in starts if start < beyond]
            end = beyond
    if beyond is not None and not starts:
        raise Unprocessable(
            f"A bucket has more than {MOST_RESULTS} results. Group by fewer fields, or filter.", param="group_by"
        )
    return await asyncio.to_thread(_response, kind, pace, group_by, starts, end, beyond, found)


def _starts(query: Any, pace: _Pace, now_ms: int) -> tuple[list[int], int, int | None]:
    """When the buckets of a page begin, when the last one ends, and when the next page begins, if there is one."""
    # What has not begun is left out: a client that reads to the end would read on to the year 9999.
    now = (now_ms // 1000 // pace.seconds + 1) * pace.seconds
    end = now if query.end_time is None else min(query.end_time, now)
    if query.end_time is not None and query.start_time >= query.end_time:
        raise Unprocessable("'start_time' must be before 'end_time'.", param="start_time")
    limit = pace.default if query.limit is None else query.limit
    if limit > pace.most:
        raise Unprocessable(f"'limit' must be at most {pace.most} for this 'bucket_width'.", param="limit")
    start = query.start_time if query.page is None else _read_page(query.page, query.start_time, pace)
    first = start // pace.seconds * pace.seconds
    starts = [start, *range(first + pace.seconds, min(end, first + limit * pace.seconds), pace.seconds)]
    starts = [each for each in starts if each < end]
    after = first + limit * pace.seconds
    return starts, min(end, after), after if after < end else None


def _read_page(text: str, start_time: int, pace: _Pace) -> int:
    found = re.fullmatch(r"page_([0-9]{1,12})", text)
    start = int(found[1]) if found else 0
    if start <= start_time or start % pace.seconds or start > _LAST:
        raise Unprocessable(
            "'page' must be the 'next_page' of a page of the same period and 'bucket_width'.", param="page"
        )
    return start


async def _check_not_pruned(services: ControlServices, since: int) -> None:
    pruned = await services.buckets.newest_pruned()
    if pruned is not None and since <= pruned:
        raise Unprocessable(
            f"Records up to {format_time(pruned)} were pruned, and with them their minutes. Begin later, or use a"
            " 'bucket_width' of 1h or 1d.",
            param="start_time",
        )


def _user_ids(services: ControlServices, given: Sequence[str] | None) -> list[str] | None:
    """These ids as they are written; one that no account has may still be on record."""
    if given is None:
        return None
    found = []
    for user_id in given:
        try:
            found.append(services.accounts.user(user_id).user_id)
        except NotFound:
            found.append(user_id)
    return found


def _response(
    kind: _Kind,
    pace: _Pace,
    group_by: Sequence[str],
    starts: Sequence[int],
    end: int,
    beyond: int | None,
    found: Sequence[Bucket],
) -> Response:
    """The page as a response; run in a thread, since it may have thousands of results."""
    constant = {name: value for name, value in kind.constant.items() if name in group_by}
    stored = [name for name in group_by if name in _DIMENSIONS]
    results: dict[int, list[Any]] = {start // pace.seconds: [] for start in starts}
    for bucket in found:
        there = results.get(bucket.at // 1000 // pace.seconds)
        counts = bucket.totals
        counted = kind.work == "all" or counts.requests or counts.prompt_tokens or counts.completion_tokens
        if there is not None and counted:
            named = {name: value or None for name, value in zip(stored, bucket.group, strict=True)}
            there.append(kind.result(bucket, {**named, **constant}))
    ends = [*starts[1:], end][: len(starts)]  # none begin in the future
    data = [
        TimeBucket[Any](start_time=start, end_time=until, results=results[start // pace.seconds])
        for start, until in zip(starts, ends, strict=True)
    ]
    next_page = None if beyond is None else f"page_{beyond}"
    return exact_response(BucketPage[Any](data=data, has_more=next_page is not None, next_page=next_page))


router: APIRouter = admin_router("organization", _ListsRoute)


@router.get(
    "/v1/organization/usage/completions",
    summary="Usage by requests for text, in OpenAI's shape",
    response_model=BucketPage[CompletionsResult],
)
async def _usage_of_completions(services: Services, query: Annotated[_CompletionsQuery, FromQuery()]) -> Response:
    return await _page(services, _COMPLETIONS, query)


@router.get(
    "/v1/organization/usage/embeddings",
    summary="Usage by requests for embeddings, in OpenAI's shape",
    response_model=BucketPage[EmbeddingsResult],
)
async def _usage_of_embeddings(services: Services, query: Annotated[_EmbeddingsQuery, FromQuery()]) -> Response:
    return await _page(services, _EMBEDDINGS, query)


@router.get("/v1/organization/costs", summary="Costs by day, in OpenAI's shape", response_model=BucketPage[CostsResult])
async def _costs_by_day(services: Services, query: Annotated[_CostsQuery, FromQuery()]) -> Response:
    return await _page(services, _COSTS, query)
