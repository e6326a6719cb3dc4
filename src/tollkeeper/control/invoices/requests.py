"""The requests behind an invoice as CSV, a row each, with its corrections and refunds.

It is the second file beside the lines of an invoice, which it adds up to. It is sent while it is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from fastapi import Response
from fastapi.responses import StreamingResponse

from tollkeeper.control.calls import RECORD_COLUMNS, record_cells
from tollkeeper.control.context import ControlServices
from tollkeeper.control.http.errors import Responses
from tollkeeper.control.invoices.formats import file_name
from tollkeeper.rules.invoices import Invoice
from tollkeeper.rules.times import format_month
from tollkeeper.store.ports.invoices import Coverage
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.wire.csv_cells import encode_rows

COLUMNS = ("invoice_id", "number", "item", "month", *RECORD_COLUMNS)
"""`item`: line, late or adjustment, as in the lines of the invoice. `month`: that of the request."""

REQUESTS_CONTENT: Responses = {
    200: {
        "description": "The requests that an invoice charges for, oldest first.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


async def requests_response(services: ControlServices, invoice: Invoice) -> Response:
    """The response with the requests behind an invoice. Raises Conflict where some of them have been pruned."""
    coverage = await services.billing.coverage(invoice)
    return StreamingResponse(
        _content(services, invoice, coverage),
        headers={
            "content-disposition": f'attachment; filename="{file_name(invoice)}-requests.csv"',
            "cache-control": "no-store",
        },
        media_type="text/csv; charset=utf-8",
    )


async def _content(services: ControlServices, invoice: Invoice, coverage: Coverage) -> AsyncIterator[bytes]:
    yield encode_rows([COLUMNS])
    async for records in services.billing.records(coverage):
        yield await asyncio.to_thread(_rows, invoice, records)


def _rows(invoice: Invoice, records: Sequence[Record]) -> bytes:
    return encode_rows(_row(invoice, record) for record in records)


def _row(invoice: Invoice, record: Record) -> list[str]:
    month = format_month(record.created_at)
    item = "adjustment" if record.endpoint == ADJUSTMENT else "line" if month == invoice.month else "late"
    return [invoice.id, invoice.number or "", item, month, *record_cells(record)]
