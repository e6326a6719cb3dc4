"""What bodies and queries have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from fastapi import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.config import JsonDict

from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.times import format_time, parse_time

T = TypeVar("T")
MAX_LIMIT = 1000
_EXACT = msgspec.json.Encoder(decimal_format="number")


def _read_time(value: object) -> int:
    return parse_time(value if isinstance(value, str) else "")


_EXAMPLE = "2026-11-20T12:00:00.123Z"
Time = Annotated[
    int,
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [_EXAMPLE]}),
]
"""In answers: milliseconds here, RFC 3339 outside."""
TimeIn = Annotated[
    int,
    BeforeValidator(_read_time),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": [_EXAMPLE]}),
]
"""In requests: RFC 3339, or a date alone; milliseconds here."""

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Form(BaseModel):
    """What a client sends: a field that is not known is an error, since a misspelt one would be lost in silence."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """What follows the `?`, which is text: numbers are read from it."""

    model_config = ConfigDict(extra="forbid")


class Page(Query):
    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="How many at most.")
    after: str | None = Field(None, max_length=200, description="The `next` of the page before.")


class Listing(BaseModel, Generic[T]):
    """A page of a list. `next` is what to ask for as `after` to see more, null when there is no more."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool = False
    next: str | None = None


def page_of(rows: Sequence[T], page: Page, cursor: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """Of `rows`, of which one more than `page.limit` were asked for: those to show, and the cursor to the rest."""
    if len(rows) <= page.limit:
        return rows, None
    shown = rows[: page.limit]
    return shown, cursor(shown[-1])


def rows_after(rows: Sequence[T], after: str | None, cursor: Callable[[T], str]) -> Sequence[T]:
    """The rows behind the one that `after` names: for short lists that are all in memory. Raises Unprocessable."""
    if after is None:
        return rows
    for place, row in enumerate(rows, 1):
        if cursor(row) == after:
            return rows[place:]
    raise Unprocessable("'after' must be the 'next' of a page of this list.", param="after")


def exact(body: BaseModel, status: int = 200) -> Response:
    """An answer in which decimals are numbers of JSON, digit by digit."""
    return Response(_EXACT.encode(body.model_dump()), status, media_type="application/json")


def no_default(schema: JsonDict) -> None:
    """For a field of a PATCH, whose absence means something else than any value of it."""
    schema.pop("default", None)
