"""An invoice as JSON, CSV or HTML: by the suffix of its path, else by `Accept`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from fastapi import Response

from tollkeeper.control.http.errors import Responses
from tollkeeper.rules.invoices import Invoice
from tollkeeper.wire.invoices.page import invoice_page
from tollkeeper.wire.invoices.rows import header, invoice_rows
from tollkeeper.wire.invoices.style import POLICY

Format = Literal["json", "csv", "html"]
MEDIA_TYPES: Mapping[Format, str] = {"json": "application/json", "csv": "text/csv", "html": "text/html"}
"""By format, the one that is preferred among equals first."""
_HTML_HEADERS = {
    "content-security-policy": f"{POLICY}; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
_encode = msgspec.json.Encoder().encode
_MOST_RANGES = 50
"""Media ranges of an `Accept` header that are looked at."""

INVOICE_CONTENT: Responses = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "text/html": {"schema": {"type": "string"}},
        }
    }
}


def accepted(accept: str | None) -> Format:
    """The format that an `Accept` header prefers; JSON where it names none of them (RFC 9110, section 12.5.1)."""
    ranges = dict(filter(None, map(_read_range, (accept or "").lower().split(",")[:_MOST_RANGES])))

    def quality(media_type: str) -> float:
        group = media_type.partition("/")[0] + "/*"
        return next((ranges[name] for name in (media_type, group, "*/*") if name in ranges), 0.0)

    return max(MEDIA_TYPES, key=lambda name: quality(MEDIA_TYPES[name]))


def _read_range(text: str) -> tuple[str, float] | None:
    media_type, *parameters = (part.strip() for part in text.split(";"))
    if not media_type:
        return None
    for parameter in parameters:
        if found := re.fullmatch(r"q=([01](?:\.\d{0,3})?)", parameter):
            return media_type, float(found[1])
    return media_type, 1.0


async def invoice_response(invoice: Invoice, form: Format, *, negotiated: bool = False) -> Response:
    """The response with an invoice. `negotiated`: `Accept` chose the format."""
    content = await asyncio.to_thread(WRITERS[form], invoice)
    headers = {"cache-control": "no-store"} | ({"vary": "accept"} if negotiated else {})
    if form == "html":
        headers |= _HTML_HEADERS
    elif form == "csv":
        headers["content-disposition"] = f'attachment; filename="{file_name(invoice)}.csv"'
    media_type = MEDIA_TYPES[form]
    return Response(content, 200, headers, media_type if form == "json" else f"{media_type}; charset=utf-8")


def file_name(invoice: Invoice) -> str:
    """A file's name for an invoice, without its ending: its number, or its id."""
    return re.sub(r"[^A-Za-z0-9._@-]", "_", invoice.number or invoice.id)[:120]


def fields_of(invoice: Invoice) -> dict[str, Any]:
    """An invoice in its JSON form."""
    fields: dict[str, Any] = msgspec.to_builtins(invoice)
    return fields


WRITERS: Mapping[Format, Callable[[Invoice], bytes]] = {
    "json": _encode,
    "csv": lambda invoice: header() + invoice_rows(fields_of(invoice)),
    "html": lambda invoice: invoice_page(fields_of(invoice)).encode(errors="replace"),
}
"""An invoice in each format."""
