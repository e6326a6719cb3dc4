"""What clients ask of OpenRouter beside models: the state of their key, and what a response was counted as.

(https://openrouter.ai/docs/api/api-reference)
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import CurrentCaller, user_router
from tollkeeper.control.http.schemas import Query, Time, exact_response
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.ids import request_id_of
from tollkeeper.rules.limits import COUNTED
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import DAY, Span
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.store.ports.buckets import BucketQuery
from tollkeeper.store.ports.counters import LimitStatus
from tollkeeper.store.ports.records import ADJUSTMENT, Record

Dollars = Annotated[Decimal, Field(json_schema_extra={"type": "number"})]
"""US dollars as a number, exact."""
Reset = Literal["daily", "monthly"]
_NOTHING = Decimal(0)
_RESETS: Mapping[Span, Reset] = {"day": "daily", "month": "monthly"}
_INTERVALS: Mapping[Span, tuple[str, int]] = {"second": ("1s", 1), "minute": ("1m", 60), "hour": ("1h", 3_600)}
"""Names of the spans of pace limits, and their seconds."""
_API_TYPES = {
    "/v1/embeddings": "embeddings",
    "/api/embed": "embeddings",
    "/api/embeddings": "embeddings",
    "/v1/rerank": "rerank",
    "/v1/audio/speech": "tts",
    "/v1/audio/transcriptions": "stt",
    "/v1/audio/translations": "stt",
}


class RateLimit(BaseModel):
    """The slowest of the limits on requests by second, minute and hour; -1 requests where there is none."""

    requests: int
    interval: str


class KeyState(BaseModel):
    """The calling key: what it has used, with the keys that it replaced, and what is left of the budget of it or of its
    user that ends first. In a session, what the user has used. `limit_reset` is null for a budget of all time. There
    are no keys of providers here (`byok`), and no tiers."""

    label: str
    limit: Dollars | None
    limit_remaining: Dollars | None
    limit_reset: Reset | None
    usage: Dollars
    usage_daily: Dollars
    usage_weekly: Dollars
    usage_monthly: Dollars
    byok_usage: Dollars = _NOTHING
    byok_usage_daily: Dollars = _NOTHING
    byok_usage_weekly: Dollars = _NOTHING
    byok_usage_monthly: Dollars = _NOTHING
    include_byok_in_limit: bool = False
    is_free_tier: bool = False
    is_management_key: bool = False
    is_provisioning_key: bool = False
    creator_user_id: str
    expires_at: Time | None
    rate_limit: RateLimit


class KeyStateBody(BaseModel):
    data: KeyState


class Generation(BaseModel):
    """What a response was counted as: its record. Times are milliseconds; `generation_time` is without the time until
    the first output. What is not kept here is null."""

    id: str
    request_id: str
    upstream_id: str | None = None
    model: str
    provider_name: str
    api_type: str
    created_at: Time
    streamed: bool
    cancelled: bool
    finish_reason: str | None
    native_finish_reason: str | None
    tokens_prompt: int
    tokens_completion: int
    native_tokens_prompt: int
    native_tokens_completion: int
    native_tokens_reasoning: int
    native_tokens_cached: int
    native_tokens_completion_images: int | None = None
    total_cost: Dollars
    usage: Dollars
    cache_discount: Dollars | None = None
    upstream_inference_cost: Dollars | None = None
    is_byok: bool = False
    latency: int
    generation_time: int
    moderation_latency: int | None = None
    num_media_prompt: int | None = None
    num_media_completion: int | None = None
    num_input_audio_prompt: int | None = None
    num_search_results: int | None = None
    num_fetches: int | None = None
    web_search_engine: str | None = None
    origin: str = ""
    http_referer: str | None = None
    user_agent: str | None = None
    app_id: int | None = None
    external_user: str | None = None
    session_id: str | None = None
    preset_id: str | None = None
    router: str | None = None
    service_tier: str | None = None
    data_region: Literal["global"] = "global"
    provider_responses: list[Any] | None = None


class GenerationBody(BaseModel):
    data: Generation


class _GenerationQuery(Query):
    id: str = Field(
        min_length=1,
        max_length=100,
        description="The `id` of a response, or the `x-request-id` that came with it.",
        examples=["chatcmpl-019a9f3c2f7b3f1c2d3e4f5a6b7c"],
    )


router = user_router("OpenRouter")


@router.get("/api/v1/key", summary="Your key, what it has used and has left", response_model=KeyStateBody)
async def _key(services: Services, caller: CurrentCaller) -> Response:
    """In the shape of OpenRouter's own path."""
    used = await _used(services, caller)
    budget = await _tightest(services, caller)
    key = caller.key
    return exact_response(
        KeyStateBody(
            data=KeyState(
                label="session" if key is None else key.prefix,
                limit=None if budget is None else _dollars(budget.limit),
                limit_remaining=None if budget is None else _dollars(budget.remaining),
                limit_reset=None if budget is None else _RESETS.get(COUNTED[budget.name].span),
                usage=_dollars(used["total"]),
                usage_daily=_dollars(used["day"]),
                usage_weekly=_dollars(used["week"]),
                usage_monthly=_dollars(used["month"]),
                creator_user_id=caller.user.user_id,
                expires_at=None if key is None else key.expires_at,
                rate_limit=_rate_limit(caller),
            )
        )
    )


@router.get(
    "/api/v1/generation",
    summary="What one of your responses was counted as",
    response_model=GenerationBody,
    responses=errors(404),
)
async def _generation(
    services: Services, caller: CurrentCaller, query: Annotated[_GenerationQuery, FromQuery()]
) -> Response:
    """In the shape of OpenRouter's own path."""
    record = await services.reports.record(request_id_of(query.id))
    # Other users' records look as if they did not exist.
    if record is None or record.user_id != caller.user.user_id or record.endpoint == ADJUSTMENT:
        raise NotFound(f"There is no generation {query.id!r}. A request that was refused leaves none.", param="id")
    return exact_response(GenerationBody(data=_generation_of(record, query.id)))


async def _used(services: ControlServices, caller: Caller) -> dict[str, int]:
    """The cost of what the key has used, in pico-dollars, in all, and in this month, week (from Monday on) and
    day, UTC."""
    now, user_id = services.now(), caller.user.user_id
    keys = None
    if caller.key is not None:
        counted_as = caller.key.counter_id
        keys = [key.id for key in services.accounts.keys_of(user_id) if key.counter_id == counted_as]
        if counted_as not in keys:  # the first of them, which is not kept any more
            keys.append(counted_as)
    month, next_month = month_bounds(now)
    today = now // DAY * DAY
    week = today - (today // DAY + 3) % 7 * DAY
    since = {"total": 0, "month": month, "week": week, "day": today}
    query = BucketQuery(0, max(next_month, today + DAY), "day", users=[user_id], keys=keys)
    days = await services.buckets.sums(query, most=now // DAY + 32)
    return {
        name: sum(bucket.totals.cost_pico for bucket in days if bucket.at >= start) for name, start in since.items()
    }


async def _tightest(services: ControlServices, caller: Caller) -> LimitStatus | None:
    """The budget of cost with the least left, of all that count for the caller."""
    found = [
        status
        for owner in caller.owners
        for name, status in (await services.limit_usage.of(owner)).items()
        if name in COUNTED and COUNTED[name].quantity == "cost"
    ]
    return min(found, key=lambda status: status.remaining, default=None)


def _rate_limit(caller: Caller) -> RateLimit:
    paces = [
        (limit / seconds, limit, interval)
        for owner in caller.owners
        for name, limit in owner.limits.counts.items()
        if COUNTED[name].quantity == "requests" and COUNTED[name].span in _INTERVALS
        for interval, seconds in [_INTERVALS[COUNTED[name].span]]
    ]
    _, requests, interval = min(paces, default=(0, -1, "1s"))
    return RateLimit(requests=requests, interval=interval)


def _generation_of(record: Record, given_id: str) -> Generation:
    usage, cost = record.usage, _dollars(record.cost_pico)
    return Generation(
        id=given_id,
        request_id=record.request_id,
        model=record.model,
        provider_name=record.upstream,
        api_type=_API_TYPES.get(record.endpoint, "completions"),
        created_at=record.created_at,
        streamed=record.stream,
        cancelled=record.status == "cancelled",
        finish_reason=record.finish_reason,
        native_finish_reason=record.finish_reason,
        tokens_prompt=usage.prompt_tokens,
        tokens_completion=usage.completion_tokens,
        native_tokens_prompt=usage.prompt_tokens,
        native_tokens_completion=usage.completion_tokens,
        native_tokens_reasoning=usage.reasoning_tokens,
        native_tokens_cached=usage.cached_tokens,
        total_cost=cost,
        usage=cost,
        latency=record.latency_ms,
        generation_time=record.latency_ms - (record.first_token_ms or 0),
    )


def _dollars(pico: int) -> Decimal:
    return Decimal(format_usd(pico))
