"""One record with its price, and records as CSV."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Response
from fastapi.responses import StreamingResponse

from tollkeeper.control.admin.prices import PriceBody
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import Responses, errors
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.usage.filters import OwnRecords, RecordsOfAll, filter_of
from tollkeeper.control.usage.schemas import RecordBody, field_types
from tollkeeper.rules.errors import NotFound
from tollkeeper.services.ledger.presentation import IN_CSV, listed, present_whole, presenter
from tollkeeper.services.models.prices import price_body
from tollkeeper.store.ports.record_fields import FIELDS
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Filter
from tollkeeper.wire.csv_cells import encode_rows, format_cell

_ROWS = 1000
"""Records that are read and sent at a time."""
RECORD_COLUMNS = tuple(field.name for field in listed(FIELDS))
_in_csv = presenter(listed(FIELDS), IN_CSV)


class Call(RecordBody):
    """A record, when it was settled, and the version of the price that it was charged by, null if it had none."""

    __annotations__ = field_types([field for field in FIELDS if not field.listed])
    price: PriceBody | None


async def _call(services: ControlServices, request_id: str, user_id: str | None) -> Call:
    record = await services.reports.record(request_id)
    # Other users' records look as if they did not exist.
    if record is None or user_id not in (None, record.user_id):
        raise NotFound(f"There is no record {request_id[:64]!r}.", param="request_id")
    price = None if record.price_id is None else services.prices.version(record.price_id)
    body = None if price is None else PriceBody.model_validate(price_body(price))
    return Call(**present_whole(record), price=body)


def _csv_response(services: ControlServices, which: Filter) -> Response:
    return StreamingResponse(
        _csv_lines(services, which),
        headers={"content-disposition": 'attachment; filename="usage.csv"'},
        media_type="text/csv; charset=utf-8",
    )


async def _csv_lines(services: ControlServices, which: Filter) -> AsyncIterator[bytes]:
    yield encode_rows([RECORD_COLUMNS])
    after: str | None = None
    while True:
        records = await services.reports.records(which, limit=_ROWS, after=after)
        if records:
            yield await asyncio.to_thread(_rows_of, records)
        if len(records) < _ROWS:
            return
        after = records[-1].request_id


def _rows_of(records: Sequence[Record]) -> bytes:
    return encode_rows([record_cells(record) for record in records])


def record_cells(record: Record) -> list[str]:
    """A record as a row of CSV, in the order of `RECORD_COLUMNS`."""
    return [format_cell(name, value) for name, value in _in_csv(record).items()]


_CSV: Responses = {
    200: {
        "description": "All matching records, newest first.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}

user_routes = user_router("usage")


@user_routes.get("/v1/usage.csv", summary="Your records as CSV, newest first", response_class=Response, responses=_CSV)
async def _own_csv(services: Services, caller: CurrentCaller, query: Annotated[OwnRecords, FromQuery()]) -> Response:
    return _csv_response(services, filter_of(services, caller.user.user_id, query))


@user_routes.get("/v1/usage/{request_id}", summary="One of your records, with its price", responses=errors(404))
async def _own_call(services: Services, caller: CurrentCaller, request_id: str) -> Call:
    return await _call(services, request_id, caller.user.user_id)


admin_routes = admin_router("usage of everyone")


@admin_routes.get(
    "/admin/usage.csv", summary="Everyone's records as CSV, newest first", response_class=Response, responses=_CSV
)
async def _all_csv(services: Services, query: Annotated[RecordsOfAll, FromQuery()]) -> Response:
    return _csv_response(services, filter_of(services, None, query))


@admin_routes.get("/admin/usage/{request_id}", summary="A record, with its price", responses=errors(404))
async def _any_call(services: Services, request_id: str) -> Call:
    return await _call(services, request_id, None)
