"""Results of OpenAI's organization API: what is said of each group in a bucket of time.

(https://platform.openai.com/docs/api-reference/usage)
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

from tollkeeper.rules.money import format_usd
from tollkeeper.store.ports.buckets import Bucket

ADJUSTMENTS = "adjustments"
"""The line item of corrections and refunds, which are of no model."""

R = TypeVar("R", bound=BaseModel)


class _Grouped(BaseModel):
    """Each of these is null unless `group_by` names it. A project is a team."""

    project_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None


class CompletionsResult(_Grouped):
    """Usage by requests for text: chats, completions, responses and messages, in any dialect. `input_tokens` includes
    what was read from a cache and written to it. Tokens of audio and images are not told apart."""

    object: Literal["organization.usage.completions.result"] = "organization.usage.completions.result"
    input_tokens: int
    input_uncached_tokens: int
    input_cached_tokens: int
    input_cache_write_tokens: int
    output_tokens: int
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    num_model_requests: int
    model: str | None = None
    batch: bool | None = None
    service_tier: str | None = None
    api_source: str | None = None


class EmbeddingsResult(_Grouped):
    """Usage by requests for embeddings."""

    object: Literal["organization.usage.embeddings.result"] = "organization.usage.embeddings.result"
    input_tokens: int
    num_model_requests: int
    model: str | None = None


class Amount(BaseModel):
    """US dollars, exact."""

    value: Annotated[Decimal, Field(json_schema_extra={"type": "number"})]
    currency: Literal["usd"] = "usd"


class CostsResult(_Grouped):
    """What requests cost, corrections and refunds included. A line item is a model, or "adjustments"."""

    object: Literal["organization.costs.result"] = "organization.costs.result"
    amount: Amount
    line_item: str | None = None
    quantity: int | None = None
    quantity_unit: str | None = None
    api_source: str | None = None


class TimeBucket(BaseModel, Generic[R]):
    """A span of time, in seconds since the epoch, and the results in it, one for each group."""

    object: Literal["bucket"] = "bucket"
    start_time: int
    end_time: int
    results: list[R]


class BucketPage(BaseModel, Generic[R]):
    """A page of buckets, oldest first. `next_page` is the `page` of the next one, null on the last."""

    object: Literal["page"] = "page"
    data: list[TimeBucket[R]]
    has_more: bool
    next_page: str | None


def completions_result(bucket: Bucket, named: Mapping[str, Any]) -> CompletionsResult:
    """The usage of one group; `named` are the fields of the group."""
    totals = bucket.totals
    return CompletionsResult(
        input_tokens=totals.prompt_tokens,
        input_uncached_tokens=totals.prompt_tokens - totals.cached_tokens - totals.cache_write_tokens,
        input_cached_tokens=totals.cached_tokens,
        input_cache_write_tokens=totals.cache_write_tokens,
        output_tokens=totals.completion_tokens,
        num_model_requests=totals.requests,
        **named,
    )


def embeddings_result(bucket: Bucket, named: Mapping[str, Any]) -> EmbeddingsResult:
    """The usage of one group; `named` are the fields of the group."""
    totals = bucket.totals
    return EmbeddingsResult(input_tokens=totals.prompt_tokens, num_model_requests=totals.requests, **named)


def costs_result(bucket: Bucket, named: Mapping[str, Any]) -> CostsResult:
    """The cost of one group; `named` are the fields of the group."""
    if "line_item" in named:
        named = {**named, "line_item": named["line_item"] or ADJUSTMENTS}
    return CostsResult(amount=Amount(value=Decimal(format_usd(bucket.totals.cost_pico))), **named)
