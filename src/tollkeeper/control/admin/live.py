"""The live stream of a dashboard: `/admin/live`, as server-sent events."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from tollkeeper.control.admin.users import MonthBody, month_body
from tollkeeper.control.context import HEAD_ONLY, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.event_stream import EventStream, add_events, event, events_of, no_stream
from tollkeeper.control.http.guards import AdminRoute, admin_router
from tollkeeper.control.http.schemas import Time
from tollkeeper.control.usage.schemas import Sums, Usd, sums
from tollkeeper.rules.money import format_usd
from tollkeeper.services.watching.live import Point, State
from tollkeeper.services.watching.pool import UpState
from tollkeeper.services.watching.totals import Tally


class LiveNow(BaseModel):
    """Rates are averages of the last 10 seconds. Errors are requests whose record says `failed`."""

    requests_per_second: float
    tokens_per_second: float
    cost_usd_per_minute: Usd
    errors_per_second: float
    in_flight: int
    queued: int


class LiveSums(Sums):
    """`errors` counts the requests that failed."""

    errors: int


class LiveUser(BaseModel):
    """A user's usage today (UTC), and their requests at upstreams and in line now."""

    user_id: str
    requests: int
    total_tokens: int
    cost_usd: Usd
    in_flight: int
    queued: int


class LiveModel(BaseModel):
    """A model's usage today (UTC)."""

    model: str
    requests: int
    total_tokens: int
    cost_usd: Usd
    in_flight: int


class LiveUpstream(BaseModel):
    """An upstream. `error` says why it is not up, or why some model of it gets no requests. `queued` are the requests
    in line for it, those that may go elsewhere too among them; `oldest_wait_s` is null while there are none. `slots` 0:
    no bound."""

    id: str
    kind: str
    state: UpState
    in_flight: int
    slots: int
    queued: int
    oldest_wait_s: float | None
    error: str | None


class LiveChange(BaseModel):
    """A user with a request that ended since the last event."""

    user_id: str
    month: MonthBody
    in_flight: int
    last_seen_at: Time | None


class LivePoint(BaseModel):
    """Requests that ended in about a second up to `at`; `in_flight` and `queued` are the numbers at that moment."""

    at: Time
    requests: int
    tokens: int
    cost_usd: Usd
    errors: int
    in_flight: int
    queued: int


class LiveState(BaseModel):
    """`users` and `models` are today's first ten, by cost, then by requests; of users, up to ten others with most
    requests in line follow. `changed` has at most 100 users. `refused` grows with each
    request that is refused."""

    at: Time
    now: LiveNow
    today: LiveSums
    month: LiveSums
    users: list[LiveUser]
    models: list[LiveModel]
    upstreams: list[LiveUpstream]
    changed: list[LiveChange]
    refused: int


class LiveSnapshot(LiveState):
    """The event `snapshot`, first in every stream, with the last 300 points."""

    series: list[LivePoint]


class LiveTick(LiveState):
    """The event `tick`, once a second, with the new point."""

    point: LivePoint


def snapshot_event(state: State) -> bytes:
    body = LiveSnapshot(**_shared(state), series=[_point(point) for point in state.series])
    return event("snapshot", state.number, body)


def tick_event(state: State) -> bytes:
    return event("tick", state.number, LiveTick(**_shared(state), point=_point(state.series[-1])))


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
            queued=state.queued,
        ),
        "today": _sums(state.today),
        "month": _sums(state.month),
        "users": [
            LiveUser(user_id=user.user_id, in_flight=user.in_flight, queued=user.queued, **_used(user.today))
            for user in state.users
        ],
        "models": [LiveModel(model=name, in_flight=running, **_used(tally)) for name, tally, running in state.models],
        "upstreams": [
            LiveUpstream(
                id=upstream.config.id,
                kind=upstream.config.kind.name,
                state=upstream.state,
                in_flight=upstream.in_flight,
                slots=upstream.config.most_running,
                queued=upstream.queued,
                oldest_wait_s=None if upstream.oldest_wait is None else round(upstream.oldest_wait, 1),
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
        "refused": state.refused,
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
        queued=point.queued,
    )


router = admin_router("live")


@router.get(
    "/admin/live",
    summary="Live figures for a dashboard, once a second",
    response_class=Response,
    responses={
        200: events_of(
            "Server-sent events: `snapshot` first, then `tick`s. Every new stream begins with a "
            "complete snapshot. The stream ends when its viewer is no longer an admin.",
            LiveSnapshot,
            LiveTick,
        ),
        **errors(429),
    },
)
async def _live(request: Request, services: Services) -> Response:
    """At most 6 streams at a time for each key or session."""
    credential, check = AdminRoute.recheck(request)
    if request.scope.get(HEAD_ONLY):
        return no_stream()
    await services.live.open(credential)
    events = services.live.events(check)
    return EventStream(events, lambda: services.live.close(credential))


def add_live(document: dict[str, Any]) -> None:
    """Add the schemas of events to the OpenAPI document."""
    add_events(document, LiveSnapshot, LiveTick)
