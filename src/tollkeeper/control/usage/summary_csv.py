"""Figures by group as CSV: all rows, sent while they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Response
from fastapi.responses import StreamingResponse
from msgspec.structs import replace

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import Responses
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.usage.groups import ALL_GROUPS, FIGURES, OWN_GROUPS, field_of
from tollkeeper.control.usage.previous import Place, Previous, previous_of
from tollkeeper.control.usage.summary import Grouped, GroupsOfAll, OwnGroups, previous_start, question_of
from tollkeeper.rules.money import format_usd
from tollkeeper.store.ports.explorer import Figure, Figures, Question
from tollkeeper.wire.csv_cells import encode_rows, format_cell

_READ = 20_000
"""Rows that are read at a time: a question about many groups is answered anew for each of its pages."""
_SENT = 1000
"""Rows that are compared and sent at a time."""
_Row = tuple[Place, Figures]


def _response(services: ControlServices, question: Question, query: Grouped) -> Response:
    return StreamingResponse(
        _lines(services, question, previous_start(query, question)),
        headers={"content-disposition": 'attachment; filename="usage-summary.csv"'},
        media_type="text/csv; charset=utf-8",
    )


async def _lines(services: ControlServices, question: Question, start: int | None) -> AsyncIterator[bytes]:
    previous = [] if start is None else [f"previous_{figure}" for figure in FIGURES]
    yield encode_rows([[*map(field_of, question.group_by), *FIGURES, *previous]])
    async for rows in _read(services, question):
        before = None if start is None else await previous_of(services.explorer, question, rows, start)
        yield await asyncio.to_thread(_encoded, rows, before)


async def _read(services: ControlServices, question: Question) -> AsyncIterator[Sequence[_Row]]:
    offset, more = 0, True
    while more:
        found = await services.explorer.explore(replace(question, limit=_READ, offset=offset))
        for start in range(0, len(found.rows), _SENT):
            yield found.rows[start : start + _SENT]
        offset, more = offset + _READ, found.more


def _encoded(rows: Sequence[_Row], before: Previous | None) -> bytes:
    return encode_rows(
        [
            *(format_cell("group", value) for value in place),
            *_cells(figures),
            *(() if before is None else _cells(before.of(place))),
        ]
        for place, figures in rows
    )


def _cells(figures: Figures) -> list[str]:
    values = _values(figures)
    return [format_cell(figure, values[figure]) for figure in FIGURES]


def _values(figures: Figures) -> Mapping[Figure, int | str | None]:
    totals, first, whole = figures.totals, figures.first_token_ms, figures.latency_ms
    return {
        "requests": totals.requests,
        "prompt_tokens": totals.prompt_tokens,
        "cached_tokens": totals.cached_tokens,
        "cache_write_tokens": totals.cache_write_tokens,
        "completion_tokens": totals.completion_tokens,
        "reasoning_tokens": totals.reasoning_tokens,
        "total_tokens": totals.prompt_tokens + totals.completion_tokens,
        "cost_usd": format_usd(totals.cost_pico),
        "errors": figures.errors,
        "refused": figures.refused,
        "first_token_p50": first and first.p50,
        "first_token_p95": first and first.p95,
        "latency_p50": whole and whole.p50,
        "latency_p95": whole and whole.p95,
    }


_CSV: Responses = {
    200: {
        "description": "All groups, with a column for each figure; with `compare` also `previous_…` of each.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}

user_routes = user_router("usage")


@user_routes.get(
    "/v1/usage/summary.csv", summary="Figures of your usage by group, as CSV", response_class=Response, responses=_CSV
)
async def _own_csv(services: Services, caller: CurrentCaller, query: Annotated[OwnGroups, FromQuery()]) -> Response:
    question = question_of(services, caller.user.user_id, query, OWN_GROUPS)
    return _response(services, question, query)


admin_routes = admin_router("usage of everyone")


@admin_routes.get(
    "/admin/usage/summary.csv",
    summary="Figures of everyone's usage by group, as CSV",
    response_class=Response,
    responses=_CSV,
)
async def _all_csv(services: Services, query: Annotated[GroupsOfAll, FromQuery()]) -> Response:
    return _response(services, question_of(services, None, query, ALL_GROUPS), query)
