"""What a dashboard shows, pushed: `/admin/live`, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.types import Receive, Scope, Send

from tollkeeper.control.context import Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Time
from tollkeeper.control.routes import AdminRoute, admin_router
from tollkeeper.control.usage import Sums, Usd, sums
from tollkeeper.control.users import MonthBody, month_body
from tollkeeper.rules.money import format_usd
from tollkeeper.services.figures import Tally
from tollkeeper.services.live import Point, State

_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # nginx would gather events otherwise


class LiveNow(BaseModel):
    """Rates are over the last 10 seconds. `errors` are requests whose record says `failed`."""

    requests_per_second: float
    tokens_per_second: float
    cost_usd_per_minute: Usd
    errors_per_second: float
    in_flight: int
    queued: int


class LiveSums(Sums):
    """`errors` are those of the requests that failed."""

    errors: int


class LiveUser(BaseModel):
    """What a user used today (UTC)."""

    user_id: str
    requests: int
    total_tokens: int
    cost_usd: Usd
    in_flight: int


class LiveModel(BaseModel):
    """What was used of a model today (UTC)."""

    model: str
    requests: int
    total_tokens: int
    cost_usd: Usd
    in_flight: int


class LiveUpstream(BaseModel):
    """`error` says why it is down; null while it is up."""

    id: str
    kind: str
    state: Literal["up", "down"]
    in_flight: int
    queued: int
    error: str | None


class LiveChange(BaseModel):
    """A user of whom a request ended since the last event."""

    user_id: str
    month: MonthBody
    in_flight: int
    last_seen_at: Time | None


class LivePoint(BaseModel):
    """What ended in the second or so up to `at`; `in_flight` is that of the moment."""

    at: Time
    requests: int
    tokens: int
    cost_usd: Usd
    errors: int
    in_flight: int


class LiveState(BaseModel):
    """`users` and `models` are the first ten of today, by cost, then by requests. `changed` has at most 100 users."""

    at: Time
    now: LiveNow
    today: LiveSums
    month: LiveSums
    users: list[LiveUser]
    models: list[LiveModel]
    upstreams: list[LiveUpstream]
    changed: list[LiveChange]


class LiveSnapshot(LiveState):
    """Event `snapshot`, the first of every stream: with the last 300 points."""

    series: list[LivePoint]


class LiveTick(LiveState):
    """Event `tick`, once a second: with the point that is new."""

    point: LivePoint


def snapshot_event(state: State) -> bytes:
    body = LiveSnapshot(**_shared(state), series=[_point(point) for point in state.series])
    return _event("snapshot", state.number, body)


def tick_event(state: State) -> bytes:
    return _event("tick", state.number, LiveTick(**_shared(state), point=_point(state.series[-1])))


def _event(name: str, number: int, body: BaseModel) -> bytes:
    return f"event: {name}\nid: {number}\ndata: {body.model_dump_json()}\n\n".encode()


def _shared(state: State) -> dict[str, Any]:
    rates = state.rates
    return {
        "at": state.at,
        "now": LiveNow(
            requests_per_second=round(rates.requests, 3),
            tokens_per_second=round(rates.tokens, 3),
            cost_usd_per_minute=format_usd(rates.cost_pico_per_minute),
            errors_per_second=round(rates.errors, 3),
            in_flight=state.in_flight,
            queued=0,
        ),
        "today": _sums(state.today),
        "month": _sums(state.month),
        "users": [LiveUser(user_id=name, in_flight=running, **_used(tally)) for name, tally, running in state.users],
        "models": [LiveModel(model=name, in_flight=running, **_used(tally)) for name, tally, running in state.models],
        "upstreams": [
            LiveUpstream(
                id=upstream.id,
                kind=upstream.kind,
                state="down" if upstream.error else "up",
                in_flight=upstream.in_flight,
                queued=0,
                error=upstream.error,
            )
            for upstream in state.upstreams
        ],
        "changed": [
            LiveChange(
                user_id=change.user_id,
                month=month_body(change.month.totals()),
                in_flight=change.in_flight,
                last_seen_at=change.last_seen_at,
            )
            for change in state.changed
        ],
    }


def _sums(tally: Tally) -> LiveSums:
    return LiveSums(**dict(sums(tally.totals())), errors=tally.errors)


def _used(tally: Tally) -> dict[str, Any]:
    return dict(month_body(tally.totals()))


def _point(point: Point) -> LivePoint:
    return LivePoint(
        at=point.at,
        requests=point.requests,
        tokens=point.tokens,
        cost_usd=format_usd(point.cost_pico),
        errors=point.errors,
        in_flight=point.in_flight,
    )


class _Feed(StreamingResponse):
    """`close` is called when it has ended, in whichever way."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        super().__init__(events, headers=_HEADERS)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


router = admin_router("live")


@router.get(
    "/admin/live",
    summary="What a dashboard shows, pushed once a second",
    response_class=Response,
    responses={
        200: {
            "description": "Server-sent events: `snapshot` first, then `tick`s. A stream that begins anew begins with "
            "a snapshot, which leaves out nothing. It ends when whoever watches is no longer an admin.",
            "content": {
                "text/event-stream": {
                    "schema": {
                        "oneOf": [
                            {"$ref": "#/components/schemas/LiveSnapshot"},
                            {"$ref": "#/components/schemas/LiveTick"},
                        ]
                    }
                }
            },
        },
        **errors(429),
    },
)
async def _live(request: Request, services: Services) -> Response:
    """At most 6 at once for a key or session."""
    credential, check = AdminRoute.standing(request)
    await services.live.open(credential)
    events = services.live.events(check)
    return _Feed(events, lambda: services.live.close(credential))


def add_live(document: dict[str, Any]) -> None:
    """Put what the events hold into the document."""
    _, schemas = models_json_schema(
        [(LiveSnapshot, "serialization"), (LiveTick, "serialization")], ref_template="#/components/schemas/{model}"
    )
    document["components"]["schemas"].update(schemas["$defs"])
