"""Bodies of records and of sums."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, WithJsonSchema

from tollkeeper.control.http.schemas import Time
from tollkeeper.rules.money import format_usd
from tollkeeper.services.ledger.presentation import listed, present_listed
from tollkeeper.store.ports.record_fields import FIELDS, Fields, Form
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.reports import Totals

Usd = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal", "examples": ["0.000123"]})]
"""US dollars, exact."""
_TYPES: Mapping[Form, Any] = {"time": Time, "usd": Usd, "json": dict[str, Any] | None}
"""Types in a body, by the form in which a field is presented; other fields keep their own type."""


class RequestError(BaseModel):
    """Why a request was not completed. `code` is for programs; `status` the HTTP status of the upstream's error, null
    where it sent none; `message` is the gateway's own, and holds nothing of the request."""

    code: str
    status: int | None
    message: str


_OBJECTS: Mapping[str, Any] = {"error": RequestError | None}
"""Types of objects that have the same fields in every record, by the name of the field."""


def field_types(fields: Fields) -> dict[str, Any]:
    """The types of these fields in a body, by name."""
    return {field.name: _OBJECTS.get(field.name) or _TYPES.get(field.form, field.type) for field in fields}


class RecordBody(BaseModel):
    """A record of the ledger: of one request, or of an adjustment."""

    __annotations__ = field_types(listed(FIELDS))


class Sums(BaseModel):
    """Totals of records."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: Usd


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


def record_body(record: Record) -> RecordBody:
    return RecordBody(**present_listed(record))
