"""Bodies of invoices, as the OpenAPI document shows them. What is sent is the invoice itself (`rules/invoices.py`):
most of it is frozen, and is not taken apart and put together again on its way out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from tollkeeper.control.http.schemas import Listing, no_default
from tollkeeper.control.usage.schemas import Usd

MONTH_PATTERN = r"^20[0-9]{2}-(0[1-9]|1[0-2])$"
Month = Annotated[str, Field(pattern=MONTH_PATTERN, examples=["2026-10"], description="A calendar month (UTC).")]
Moment = Annotated[
    str, WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-03T06:00:00.000Z"]})
]
SignedUsd = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal", "examples": ["-0.000123"]})]
Status = Literal["draft", "finalized", "paid", "void"]


class PartyBody(BaseModel):
    """Whoever issues invoices."""

    name: str | None
    address: str | None
    tax_id: str | None


class PayerBody(PartyBody):
    """Who pays, as they were when the invoice was issued: a user or a team, of which one stands here."""

    user_id: str = Field("", json_schema_extra=no_default)
    team_id: str = Field("", json_schema_extra=no_default)


class LineBody(BaseModel):
    """What was used of one class of one model, by upstream and version of the price. What is not counted in tokens has
    `units` (requests, images, milliseconds of audio, characters) and `unit_price_usd`. A cost without a unit price is
    one that the upstream reported."""

    model: str
    upstream: str
    price_id: int | None
    class_: str = Field(alias="class", examples=["input", "cached_input", "output"])
    tokens: int
    unit_price_usd_per_mtok: Usd | None
    cost_exact_usd: SignedUsd
    units: int = Field(0, json_schema_extra=no_default)
    unit_price_usd: Usd | None = Field(None, json_schema_extra=no_default)


class LateLineBody(LineBody):
    """A line of an earlier month: of records that were settled after it was finalized, or that are open again."""

    month: str


class AdjustmentItemBody(BaseModel):
    """A correction or refund."""

    id: str
    month: str
    created_at: Moment
    user_id: str
    reason: str
    cost_exact_usd: SignedUsd


class TaxBody(BaseModel):
    """A tax on lines, late items and adjustments. `rate` is a fraction."""

    name: str
    rate: str = Field(examples=["0.19"])
    amount_usd: SignedUsd


class ChainPositionBody(BaseModel):
    """The last record of a journal's chain that the invoice takes into account."""

    journal: str
    seq: int
    hash: str


class InvoiceBody(BaseModel):
    """An invoice, or the draft of one, in which `number`, `issued_at`, `due_at` and `sha256` are null. `corrects` is
    the number of the paid invoice that a credit note takes back. `total_exact_usd` is lines, late items, adjustments
    and taxes less credit, exactly; `total_usd` is rounded to the cent. `sha256` is of the RFC 8785 form without
    `sha256`, `status`, `paid_at`, `reference` and `reason`."""

    id: str
    number: str | None = Field(examples=["TK-2026-000123"])
    payer: PayerBody
    seller: PartyBody
    month: str = Field(examples=["2026-10"])
    status: Status
    issued_at: Moment | None
    due_at: Moment | None
    currency: Literal["usd"]
    lines: list[LineBody]
    late: list[LateLineBody]
    adjustments: list[AdjustmentItemBody]
    credit_exact_usd: SignedUsd
    tax: list[TaxBody]
    total_exact_usd: SignedUsd
    total_usd: SignedUsd
    corrects: str | None
    chains: list[ChainPositionBody]
    as_of: Moment
    sha256: str | None
    paid_at: Moment | None
    reference: str | None
    reason: str | None


class InvoiceList(Listing[InvoiceBody]):
    pass


class FinalizedBody(Listing[InvoiceBody]):
    """What finalizing did: how many invoices were `issued` now, and how many were there `already`. `data` begins the
    list of the month's invoices; GET /admin/invoices with the same month goes on with it."""

    month: str
    issued: int
    already: int
