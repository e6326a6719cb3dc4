"""The live stream of one user, as server-sent events: one's own at `/me/live`; for admins, anyone's at
`/admin/users/{user_id}/live`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel

from tollkeeper.control.admin.limits import UsageBody, present_usage
from tollkeeper.control.context import HEAD_ONLY, ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.event_stream import EventStream, add_events, event, events_of, no_stream
from tollkeeper.control.http.guards import AdminRoute, CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import Time
from tollkeeper.control.me import QueueBody, queue_body
from tollkeeper.control.usage import Sums, sums
from tollkeeper.services.watching.user_live import Reading


class UserLiveBody(BaseModel):
    """What a user has used and has left, all of it of one moment. `usage` is what remains of each limit, `team_usage`
    of those of their team; it is null in no team. `refused` counts their refused requests since the first stream of
    theirs that is open: it shows that there are new ones."""

    at: Time
    today: Sums
    month: Sums
    usage: UsageBody
    team: str | None
    team_name: str | None
    team_usage: UsageBody | None
    queue: QueueBody
    refused: int


async def user_event(number: int, at: int, reading: Reading) -> bytes:
    team = reading.team
    body = UserLiveBody(
        at=at,
        today=sums(reading.today),
        month=sums(reading.month),
        usage=await present_usage(reading.limits),
        team=None if team is None else team.team_id,
        team_name=None if team is None else team.name,
        team_usage=None if reading.team_limits is None else await present_usage(reading.team_limits),
        queue=queue_body(reading.queue),
        refused=reading.refused,
    )
    return event("snapshot", number, body)


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: events_of(
        "Server-sent events named `snapshot`, each with everything: at once, within about a second of every change, and"
        " every few seconds without one. The stream ends when its viewer has lost access, and when the gateway stops.",
        UserLiveBody,
    ),
    **errors(429),
}

own = user_router("own account")
admin = admin_router("users")


@own.get("/me/live", summary="Your usage and what remains of it, live", response_class=Response, responses=_EVENTS)
async def _own(request: Request, services: Services, caller: CurrentCaller) -> Response:
    """At most 6 streams at a time for each user."""
    user_id = caller.user.user_id
    if request.scope.get(HEAD_ONLY):
        return no_stream()
    await services.user_live.open(user_id, user_id, "yours")
    return _stream(services, user_id, user_id, lambda: services.accounts.refresh(caller))


@admin.get(
    "/admin/users/{user_id}/live",
    summary="A user's usage and what remains of it, live",
    response_class=Response,
    responses={**_EVENTS, **errors(404)},
)
async def _of_user(request: Request, services: Services, user_id: str) -> Response:
    """At most 6 streams at a time for each key or session."""
    user_id = services.accounts.user(user_id).user_id
    credential, check = AdminRoute.recheck(request)
    if request.scope.get(HEAD_ONLY):
        return no_stream()
    opener = f"\0{credential}"  # which is nobody's id
    await services.user_live.open(user_id, opener, "this key or session")
    return _stream(services, user_id, opener, check)


def _stream(services: ControlServices, user_id: str, opener: str, check: Callable[[], object]) -> EventStream:
    live = services.user_live
    return EventStream(live.events(user_id, check), lambda: live.close(user_id, opener))


def add_user_live(document: dict[str, Any]) -> None:
    """Add the schema of the events to the OpenAPI document."""
    add_events(document, UserLiveBody)
