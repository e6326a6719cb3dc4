"""Prices, by admins."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import Query as FromQuery
from pydantic import BaseModel, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from tollkeeper.control.context import Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Form, Listing, Page, TimeIn, page_of, rows_after
from tollkeeper.control.routes import ByAdmin, admin_router
from tollkeeper.control.usage import Usd
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.money import parse_price
from tollkeeper.rules.pricing import Price
from tollkeeper.services.prices import MODEL_PATTERN, NewPrice, price_body

_MAX_AT_ONCE = 1000
_MAX_DIGITS = 40


class PriceBody(BaseModel):
    """A version of a price. Classes without a price of their own (null) cost what input does."""

    id: int
    model: str
    input_usd_per_mtok: Usd
    cached_input_usd_per_mtok: Usd | None
    cache_write_usd_per_mtok: Usd | None
    output_usd_per_mtok: Usd
    effective_at: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
    created_at: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class PriceList(Listing[PriceBody]):
    pass


def _read_figure(value: object) -> int:
    """Dollars per million tokens, a string or a number → micro-dollars."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("must be a number of dollars, or a string with one")  # noqa: TRY004 (pydantic reads it)
    text = str(value)
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"must have at most {_MAX_DIGITS} digits")
    try:
        return parse_price(text)
    except ValueError as error:
        raise ValueError(f"is wrong: {error}") from None


Figure = Annotated[
    int,
    BeforeValidator(_read_figure),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(\d{1,6}(\.\d{1,6})?|1000000)$"},
                {"type": "number", "minimum": 0, "maximum": 1_000_000, "multipleOf": 0.000001},
            ],
            "examples": ["0.15"],
        }
    ),
]


class PriceForm(Form):
    """A version to add, in force from `effective_at`, or from now. Figures are dollars per million tokens; `model` is a
    canonical name, or a pattern that ends in `*`: the most specific match wins."""

    model: str = Field(pattern=f"^({MODEL_PATTERN})$", examples=["llama3.2:1b", "gpt-4o*"])
    input_usd_per_mtok: Figure
    cached_input_usd_per_mtok: Figure | None = None
    cache_write_usd_per_mtok: Figure | None = None
    output_usd_per_mtok: Figure
    effective_at: TimeIn | None = None

    def version(self) -> NewPrice:
        return NewPrice(
            model=self.model,
            input=self.input_usd_per_mtok,
            output=self.output_usd_per_mtok,
            cached_input=self.cached_input_usd_per_mtok,
            cache_write=self.cache_write_usd_per_mtok,
            effective_at=self.effective_at,
        )


class PricesForm(Form):
    """Several versions, added all or none."""

    data: list[PriceForm] = Field(min_length=1, max_length=_MAX_AT_ONCE)


def _which(body: Any) -> str:
    return "(many)" if isinstance(body, dict) and "data" in body else "(one)"


PricesIn = Annotated[
    Annotated[PriceForm, Tag("(one)")] | Annotated[PricesForm, Tag("(many)")],
    Discriminator(_which),
]

router = admin_router("prices")


@router.get("/admin/prices", summary="The prices in force, by model or pattern")
async def _list(services: Services, query: Annotated[Page, FromQuery()]) -> PriceList:
    found = [price for price in services.prices.current() if price.model > (query.after or "")]
    prices, cursor = page_of(found, query, lambda price: price.model)
    return PriceList(data=[_body(price) for price in prices], has_more=cursor is not None, next=cursor)


@router.put("/admin/prices", summary="Add a version of one price, or of several")
async def _put(services: Services, by: ByAdmin, body: PricesIn) -> PriceList:
    forms = body.data if isinstance(body, PricesForm) else [body]
    added = await services.prices.put([form.version() for form in forms], by)
    return PriceList(data=[_body(price) for price in added])


@router.get(
    "/admin/prices/{model:path}/history", summary="Every version of a price, newest first", responses=errors(404)
)
async def _history(services: Services, model: str, query: Annotated[Page, FromQuery()]) -> PriceList:
    versions = services.prices.history(model)
    if not versions:
        raise NotFound(f"There has never been a price for {model[:200]!r}.", param="model")
    prices, cursor = page_of(rows_after(versions, query.after, _id), query, _id)
    return PriceList(data=[_body(price) for price in prices], has_more=cursor is not None, next=cursor)


def _id(price: Price) -> str:
    return str(price.id)


def _body(price: Price) -> PriceBody:
    return PriceBody.model_validate(price_body(price))
