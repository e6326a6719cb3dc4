"""One record by itself, and records as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Response
from fastapi.responses import StreamingResponse

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import Responses, errors
from tollkeeper.control.forms import Time
from tollkeeper.control.prices import PriceBody
from tollkeeper.control.routes import Who, admin_router, user_router
from tollkeeper.control.usage import OwnRecords, RecordBody, RecordsOfAll, filter_of, record_body
from tollkeeper.rules.errors import NotFound
from tollkeeper.services.prices import price_body
from tollkeeper.store.ports import Filter, Record
from tollkeeper.wire.sheet import guarded

_ROWS = 1000
"""Records read, and sent, at once."""
_COLUMNS = tuple(RecordBody.model_fields)


class Call(RecordBody):
    """A record, when it was settled, and the version of the price that it was charged by; null: it had none."""

    settled_at: Time
    price: PriceBody | None


async def _call(services: ControlServices, request_id: str, user_id: str | None) -> Call:
    record = await services.reports.record(request_id)
    # Others' records look as if they did not exist.
    if record is None or user_id not in (None, record.user_id):
        raise NotFound(f"There is no record {request_id[:64]!r}.", param="request_id")
    price = None if record.price_id is None else services.prices.version(record.price_id)
    return Call(
        **dict(record_body(record)),
        settled_at=record.settled_at,
        price=None if price is None else PriceBody.model_validate(price_body(price)),
    )


def _sheet(services: ControlServices, which: Filter) -> Response:
    return StreamingResponse(
        _lines(services, which),
        headers={"content-disposition": 'attachment; filename="usage.csv"'},
        media_type="text/csv; charset=utf-8",
    )


async def _lines(services: ControlServices, which: Filter) -> AsyncIterator[bytes]:
    yield _written([_COLUMNS])
    after: str | None = None
    while True:
        records = await services.reports.records(which, limit=_ROWS, after=after)
        if records:
            yield _written([_cells(record) for record in records])
        if len(records) < _ROWS:
            return
        after = records[-1].request_id


def _cells(record: Record) -> list[str]:
    body = record_body(record).model_dump(mode="json") | {"metadata": record.metadata}
    return [_cell(body[name]) for name in _COLUMNS]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return guarded(value) if isinstance(value, str) else str(value)


def _written(rows: list[tuple[str, ...]] | list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="replace")


_CSV: Responses = {
    200: {
        "description": "All records that match, newest first.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}

own = user_router("usage")


@own.get("/v1/usage.csv", summary="Your records as CSV, newest first", response_class=Response, responses=_CSV)
async def _own_sheet(services: Services, who: Who, query: Annotated[OwnRecords, FromQuery()]) -> Response:
    return _sheet(services, filter_of(services, who.user.user_id, query))


@own.get("/v1/usage/{request_id}", summary="A record of yours, and its price", responses=errors(404))
async def _own_call(services: Services, who: Who, request_id: str) -> Call:
    return await _call(services, request_id, who.user.user_id)


everyones = admin_router("usage of everyone")


@everyones.get(
    "/admin/usage.csv", summary="Everyone's records as CSV, newest first", response_class=Response, responses=_CSV
)
async def _all_sheet(services: Services, query: Annotated[RecordsOfAll, FromQuery()]) -> Response:
    return _sheet(services, filter_of(services, None, query))


@everyones.get("/admin/usage/{request_id}", summary="A record, and its price", responses=errors(404))
async def _any_call(services: Services, request_id: str) -> Call:
    return await _call(services, request_id, None)
