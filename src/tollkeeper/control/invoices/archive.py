"""All invoices of a month: their lines in one CSV file, and their documents in one ZIP file.

Both are sent while they are made, a few invoices at a time, so that a month of ten thousand needs no more memory than
one of ten; what grows is the ZIP file's own list of its entries.
"""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Literal

from fastapi import Query as FromQuery
from fastapi import Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import Responses, errors
from tollkeeper.control.http.guards import admin_router
from tollkeeper.control.http.schemas import Query
from tollkeeper.control.invoices.formats import WRITERS, Format, fields_of, file_name
from tollkeeper.control.invoices.payers import payer_of
from tollkeeper.control.invoices.schemas import MONTH_PATTERN
from tollkeeper.rules.invoices import Invoice
from tollkeeper.store.ports.invoices import InvoiceFilter
from tollkeeper.wire.invoices.rows import header, invoice_rows

AT_A_TIME = 50
"""Invoices that are read, written and sent at a time."""
_EPOCH = "1980-01-01T00:00:00Z"
"""The first moment that a ZIP file can say."""
_FORMATS: Sequence[Format] = ("json", "csv", "html")


Issued = Literal["finalized", "paid", "void"]


class MonthQuery(Query):
    month: str = Field(pattern=MONTH_PATTERN, examples=["2026-10"], description="A calendar month (UTC).")
    status: Issued | None = Field(None, description="Of one status; otherwise of every status but `void`.")
    user: str | None = Field(None, max_length=64, description="A user's id, in upper or lower case.")
    team: str | None = Field(None, max_length=64, description="A team's id.")


class ArchiveQuery(Query):
    month: str = Field(pattern=MONTH_PATTERN, examples=["2026-10"], description="A calendar month (UTC).")


class ZipWriter:
    """A ZIP file that is written piece by piece, into memory that is emptied after each."""

    def __init__(self) -> None:
        self._written = bytearray()
        self._file = zipfile.ZipFile(self, "w", zipfile.ZIP_DEFLATED)

    def __repr__(self) -> str:
        return f"ZipWriter({len(self._file.filelist)} entries)"

    def write(self, content: bytes) -> int:
        """For the ZIP file, which finds no `seek` here and therefore never goes back."""
        self._written += content
        return len(content)

    def flush(self) -> None:
        """There is nothing to flush, but the ZIP file asks for it."""

    def close(self) -> None:
        """Nor is there anything to close."""

    def add(self, invoices: Sequence[Invoice]) -> bytes:
        """Write these invoices, in each format; returns what is to be sent."""
        for invoice in invoices:
            for form in _FORMATS:
                entry = zipfile.ZipInfo(f"{file_name(invoice)}.{form}", _moment(invoice))
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o600 << 16
                self._file.writestr(entry, WRITERS[form](invoice))
        return self._take()

    def end(self) -> bytes:
        """Write the list of entries."""
        self._file.close()
        return self._take()

    def _take(self) -> bytes:
        written = bytes(self._written)
        self._written.clear()
        return written


def _moment(invoice: Invoice) -> tuple[int, int, int, int, int, int]:
    """When it was issued, as entries of a ZIP file say it: so the same invoices make the same file."""
    year, month, day, hour, minute, second = (int(part) for part in re.findall(r"\d+", invoice.issued_at or _EPOCH)[:6])
    return year, month, day, hour, minute, second


async def _batches(services: ControlServices, which: InvoiceFilter) -> AsyncIterator[Sequence[Invoice]]:
    after: str | None = None
    while True:
        found = await services.billing.list(which, limit=AT_A_TIME, after=after)
        if found:
            yield found
            after = found[-1].id
        if len(found) < AT_A_TIME:
            return


async def _csv_content(services: ControlServices, which: InvoiceFilter) -> AsyncIterator[bytes]:
    yield header()
    async for invoices in _batches(services, which):
        counted = invoices if which.status else [each for each in invoices if each.status != "void"]
        yield await asyncio.to_thread(_rows_of, counted)


def _rows_of(invoices: Sequence[Invoice]) -> bytes:
    return b"".join(invoice_rows(fields_of(invoice)) for invoice in invoices)


async def _zip_content(services: ControlServices, month: str) -> AsyncIterator[bytes]:
    archive = ZipWriter()
    async for invoices in _batches(services, InvoiceFilter(month=month)):
        yield await asyncio.to_thread(archive.add, invoices)
    yield archive.end()


_CSV: Responses = {
    200: {
        "description": "The lines of a month's invoices, newest invoice first.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}
_ZIP: Responses = {
    200: {
        "description": "Each invoice of a month as JSON, CSV and HTML.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}

router = admin_router("invoices")


@router.get(
    "/admin/invoices.csv", summary="All lines of a month as CSV", response_class=Response, responses=_CSV | errors(404)
)
async def _csv(services: Services, query: Annotated[MonthQuery, FromQuery()]) -> Response:
    payer = payer_of(services, query.user, query.team, ("user", "team"))
    which = InvoiceFilter(payer, query.month, query.status)
    return StreamingResponse(
        _csv_content(services, which),
        headers=_file(f"invoices-{query.month}.csv"),
        media_type="text/csv; charset=utf-8",
    )


@router.get("/admin/invoices.zip", summary="All invoices of a month", response_class=Response, responses=_ZIP)
async def _zip(services: Services, query: Annotated[ArchiveQuery, FromQuery()]) -> Response:
    """Those that are void are there, too: numbers have no gaps."""
    return StreamingResponse(
        _zip_content(services, query.month),
        headers=_file(f"invoices-{query.month}.zip"),
        media_type="application/zip",
    )


def _file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
