"""Prices of models, as admins manage them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from fastapi import Query as FromQuery
from pydantic import BaseModel, BeforeValidator, Discriminator, FailFast, Field, Tag, WithJsonSchema

from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import Form, Listing, Page, TimeIn, page_of, rows_after
from tollkeeper.control.usage.schemas import Usd
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.money import parse_price
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.usage import MAX_COUNT
from tollkeeper.services.models.prices import MODEL_PATTERN, NewPrice, price_body

_MAX_AT_ONCE = 500
_MAX_DIGITS = 40
_NAME = r"^\S+$"


class PriceBody(BaseModel):
    """A version of a price. A class of tokens without a price of its own (null) costs what input does; what is kept in
    a cache for an hour (`cache_write_1h_usd_per_mtok`), what is kept for less. Requests, images that are made, audio
    that is read and characters that are spoken cost nothing where these are null. `upstream` null: of any; `tier`: of
    requests that ask for this service tier; `above_input_tokens`: of requests with more input than that; `seeded`: from
    a provider's list, and in force where no admin set one for this name."""

    id: int
    model: str
    upstream: str | None
    tier: str | None
    above_input_tokens: int | None
    seeded: bool
    input_usd_per_mtok: Usd
    cached_input_usd_per_mtok: Usd | None
    cache_write_usd_per_mtok: Usd | None
    cache_write_1h_usd_per_mtok: Usd | None
    output_usd_per_mtok: Usd
    usd_per_request: Usd | None
    usd_per_image: Usd | None
    audio_usd_per_minute: Usd | None
    speech_usd_per_mchar: Usd | None
    effective_at: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
    created_at: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class PriceList(Listing[PriceBody]):
    pass


def _read_price(value: object) -> int:
    """Parse dollars, a string or a number, into micro-dollars."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("must be an amount of dollars, as a number or a string")  # noqa: TRY004 (pydantic reads it)
    text = str(value)
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"must have at most {_MAX_DIGITS} digits")
    try:
        return parse_price(text)
    except ValueError as error:
        raise ValueError(f"is wrong: {error}") from None


UsdIn = Annotated[
    int,
    BeforeValidator(_read_price),
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
    """A version to add, in force from `effective_at`, or from now. Prices are in dollars per million tokens, or for
    each request, image, minute of audio that is read and million characters that are spoken. `model` is a canonical
    name, or a pattern that ends in `*`: the most specific match wins, and of two with the same name the one
    that names the upstream. `upstream` is an id in any case, also of one that is added later. `tier` is a service tier
    that requests may ask for, or a field that changes the price. `above_input_tokens` needs a price without it beside
    it, of the same model, upstream and tier."""

    model: str = Field(pattern=f"^({MODEL_PATTERN})$", examples=["llama3.2:1b", "gpt-4o*"])
    input_usd_per_mtok: UsdIn
    cached_input_usd_per_mtok: UsdIn | None = None
    cache_write_usd_per_mtok: UsdIn | None = None
    cache_write_1h_usd_per_mtok: UsdIn | None = None
    output_usd_per_mtok: UsdIn
    usd_per_request: UsdIn | None = None
    usd_per_image: UsdIn | None = None
    audio_usd_per_minute: UsdIn | None = None
    speech_usd_per_mchar: UsdIn | None = None
    effective_at: TimeIn | None = None
    upstream: str | None = Field(None, pattern=_NAME, max_length=64)
    tier: str | None = Field(None, pattern=_NAME, max_length=64)
    above_input_tokens: int | None = Field(None, ge=1, le=MAX_COUNT)

    def version(self) -> NewPrice:
        return NewPrice(
            model=self.model,
            input=self.input_usd_per_mtok,
            output=self.output_usd_per_mtok,
            cached_input=self.cached_input_usd_per_mtok,
            cache_write=self.cache_write_usd_per_mtok,
            cache_write_1h=self.cache_write_1h_usd_per_mtok,
            per_request=self.usd_per_request,
            per_image=self.usd_per_image,
            per_minute=self.audio_usd_per_minute,
            per_mchar=self.speech_usd_per_mchar,
            effective_at=self.effective_at,
            upstream=self.upstream,
            tier=self.tier,
            above_input_tokens=self.above_input_tokens,
        )


class PricesForm(Form):
    """Several versions: all are added, or none."""

    data: Annotated[list[PriceForm], FailFast()] = Field(min_length=1, max_length=_MAX_AT_ONCE)


def _form_tag(body: Any) -> str:
    return "(many)" if isinstance(body, dict) and "data" in body else "(one)"


PricesIn = Annotated[
    Annotated[PriceForm, Tag("(one)")] | Annotated[PricesForm, Tag("(many)")],
    Discriminator(_form_tag),
]

router = admin_router("prices")


@router.get("/admin/prices", summary="The prices in force, by model or pattern")
async def _list(services: Services, query: Annotated[Page, FromQuery()]) -> PriceList:
    found = [price for price in services.prices.current() if price.label > (query.after or "")]
    prices, cursor = page_of(found, query, lambda price: price.label)
    return PriceList(data=[_body(price) for price in prices], has_more=cursor is not None, next=cursor)


@router.put("/admin/prices", summary="Add a version of one price or of several")
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
        raise NotFound(f"There is no price for {model[:200]!r}, and never was one.", param="model")
    prices, cursor = page_of(rows_after(versions, query.after, _id), query, _id)
    return PriceList(data=[_body(price) for price in prices], has_more=cursor is not None, next=cursor)


def _id(price: Price) -> str:
    return str(price.id)


def _body(price: Price) -> PriceBody:
    return PriceBody.model_validate(price_body(price))
