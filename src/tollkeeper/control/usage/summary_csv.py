"""Figures by group as CSV: all rows of one state of the database, kept in a file until they are sent, so that whoever
receives them slowly holds nothing up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated

from fastapi import Query as FromQuery
from fastapi import Response
from fastapi.responses import StreamingResponse

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import Responses
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.usage.groups import ALL_GROUPS, FIGURES, OWN_GROUPS, field_of
from tollkeeper.control.usage.previous import Before, Previous, before_of
from tollkeeper.control.usage.summary import Grouped, GroupsOfAll, OwnGroups, previous_start, question_of
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.money import format_usd
from tollkeeper.store.ports.explorer import Figure, Figures, Question, Row, Snapshot
from tollkeeper.wire.csv_cells import encode_rows, format_cell

_MOST_ROWS = 500_000
_IN_MEMORY = 1_000_000
"""Bytes of a sheet above which it is in a file."""
_PIECE = 65_536


async def _response(services: ControlServices, question: Question, query: Grouped) -> Response:
    start = previous_start(query, question)
    before = None if start is None else before_of(question, start)
    sheet = await services.explorer.on_snapshot(lambda snapshot: _sheet(snapshot, question, before))
    return StreamingResponse(
        _pieces(sheet),
        headers={"content-disposition": 'attachment; filename="usage-summary.csv"'},
        media_type="text/csv; charset=utf-8",
    )


async def _pieces(sheet: IO[bytes]) -> AsyncIterator[bytes]:
    with sheet:
        while piece := await asyncio.to_thread(sheet.read, _PIECE):
            yield piece


def _sheet(snapshot: Snapshot, question: Question, before: Before | None) -> IO[bytes]:
    """Write all rows. Raises Unprocessable, StoreError."""
    previous = [] if before is None else [f"previous_{figure}" for figure in FIGURES]
    count = 0
    with ExitStack() as undo:
        sheet = undo.enter_context(SpooledTemporaryFile(_IN_MEMORY))
        sheet.write(encode_rows([[*map(field_of, question.group_by), *FIGURES, *previous]]))
        for rows in snapshot.rows(question):
            count += len(rows)
            if count > _MOST_ROWS:
                raise Unprocessable(
                    f"There are more than {_MOST_ROWS} groups, the most of a file. Ask for a shorter period, for fewer"
                    " groups, or with a filter."
                )
            sheet.write(_encoded(rows, None if before is None else _previous(snapshot, before, rows)))
        sheet.seek(0)
        undo.pop_all()
    return sheet


def _previous(snapshot: Snapshot, before: Before, rows: Sequence[Row]) -> Previous:
    found = snapshot.some(before.question, [before.earlier(place) for place, _ in rows])
    return Previous(dict(found), before.earlier)


def _encoded(rows: Sequence[Row], before: Previous | None) -> bytes:
    return encode_rows(
        [
            *(format_cell("group", value) for value in place),
            *_cells(figures),
            *(() if before is None else _cells(before.of(place, figures))),
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
    return await _response(services, question, query)


admin_routes = admin_router("usage of everyone")


@admin_routes.get(
    "/admin/usage/summary.csv",
    summary="Figures of everyone's usage by group, as CSV",
    response_class=Response,
    responses=_CSV,
)
async def _all_csv(services: Services, query: Annotated[GroupsOfAll, FromQuery()]) -> Response:
    return await _response(services, question_of(services, None, query, ALL_GROUPS), query)
