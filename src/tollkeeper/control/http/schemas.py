"""What request and response schemas share: times, names, pages and lists."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Response
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.config import JsonDict

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.times import format_time, parse_time
from tollkeeper.wire.strict_json import encode_exact

T = TypeVar("T")
MAX_LIMIT = 1000
MOST_WEIGHT = 200
"""The most that a page's rows weigh together: models with limits of their own, each some thirty figures."""


def _read_time(value: object) -> int:
    return parse_time(value if isinstance(value, str) else "")


_EXAMPLE = "2026-11-20T12:00:00.123Z"
Time = Annotated[
    int,
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [_EXAMPLE]}),
]
"""A time in a response: milliseconds since the epoch here, RFC 3339 in JSON."""
TimeIn = Annotated[
    int,
    BeforeValidator(_read_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [_EXAMPLE]}),
]
"""A time in a request: RFC 3339 or a date alone, read as milliseconds since the epoch."""

_BREAKS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"


def _one_line(text: str) -> str:
    if re.search(f"[{_BREAKS}]", text):
        raise ValueError("must be one line, without control characters")
    return text


Name = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra={"pattern": f"^[^{_BREAKS}]*$"}),
    AfterValidator(_one_line),
]
"""The display name of a user, key or team."""
TaxId = Annotated[
    str,
    Field(min_length=1, max_length=64, json_schema_extra={"pattern": f"^[^{_BREAKS}]*$"}),
    AfterValidator(_one_line),
]
"""The number by which tax offices know who pays."""
Address = Annotated[str, Field(min_length=1, max_length=500, examples=["1 Sea Road\nSeatown"])]
"""A postal address, of several lines."""
_PART = r"[^\s@<>,;:\"()\[\]\\]"
Email = Annotated[
    str, Field(max_length=254, pattern=f"^{_PART}{{1,64}}@{_PART}{{1,189}}$", examples=["ann@example.com"])
]


class Form(BaseModel):
    """A request body. Unknown fields are errors, since a misspelt one would be ignored in silence."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """Parameters of a query. They are text, from which numbers are parsed."""

    model_config = ConfigDict(extra="forbid")


class Page(Query):
    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="The most items of a page.")
    after: str | None = Field(None, max_length=200, description="The `next` of the previous page.")


class Listing(BaseModel, Generic[T]):
    """A page of a list. `next` is the `after` of the next page, null on the last."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool = False
    next: str | None = None


def page_of(
    rows: Sequence[T], page: Page, cursor: Callable[[T], str], *, weight: Callable[[T], int] = lambda _: 0
) -> tuple[Sequence[T], str | None]:
    """The rows of a page, and the cursor to the next page, None on the last. `rows` are read up to one beyond
    `page.limit`. A page ends early where its rows would weigh over MOST_WEIGHT, but has at least one."""
    heavy, fit = 0, 0
    for row in rows[: page.limit]:
        heavy += weight(row)
        if fit and heavy > MOST_WEIGHT:
            break
        fit += 1
    if fit == len(rows):
        return rows, None
    shown = rows[:fit]
    return shown, cursor(shown[-1])


def rows_after(rows: Sequence[T], after: str | None, cursor: Callable[[T], str]) -> Sequence[T]:
    """The rows after the one that `after` names, of a short list in memory. Raises Unprocessable."""
    if after is None:
        return rows
    for place, row in enumerate(rows, 1):
        if cursor(row) == after:
            return rows[place:]
    raise Unprocessable("'after' must be the 'next' of a page of this list.", param="after")


def exact_json(body: BaseModel) -> bytes:
    """A body in which decimals are JSON numbers, digit for digit."""
    return encode_exact(body.model_dump())


def exact_response(body: BaseModel, status: int = 200) -> Response:
    """A response in which decimals are JSON numbers, digit for digit."""
    return Response(exact_json(body), status, media_type="application/json")


async def exact_response_in_thread(body: BaseModel) -> Response:
    """The response of `exact_response`, encoded in a thread: for bodies that may be large."""
    return await asyncio.to_thread(exact_response, body)


def no_default(schema: JsonDict) -> None:
    """Remove the default from the schema of a field that may be absent: in a PATCH, it then stays as it is."""
    schema.pop("default", None)
