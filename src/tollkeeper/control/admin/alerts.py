"""Alerts that are open, and events: what was reported."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel, Field

from tollkeeper.control.context import Services
from tollkeeper.control.http.guards import CurrentCaller, admin_router, user_router
from tollkeeper.control.http.schemas import Listing, Page, Time, exact_response, page_of, rows_after
from tollkeeper.rules.events import EventType
from tollkeeper.store.ports.accounts import User
from tollkeeper.store.ports.alerts import Alert

_WEIGHED = 10_000
"""Characters of an event that weigh as much as one other thing of a page."""


class AlertBody(BaseModel):
    """Something that has been so since `since`. `kind` and `id` say of what: a `user`, a `key`, a `team`, an `end_user`
    (of the user `user_id`), `everyone` (the budget of the installation), or an `upstream` that is down. `limit` is the
    budget, `model` the model that it is on (null: all), `percent` the part of it that is reached; all three are null
    where it is no budget. `event_id` is the event that reported it."""

    id: str = Field(description="The id of what it is about; empty for everyone.")
    kind: str = Field(examples=["user", "key", "team", "end_user", "everyone", "upstream"])
    user_id: str | None
    team_id: str | None
    limit: str | None
    model: str | None
    percent: int | None
    since: Time
    event_id: str


class AlertList(Listing[AlertBody]):
    pass


class EventBody(BaseModel):
    """An event, as webhooks get it: `data` depends on the type."""

    id: str
    type: EventType
    timestamp: Time
    data: dict[str, Any]


class EventList(Listing[EventBody]):
    pass


class EventPage(Page):
    type: EventType | None = Field(None, description="Only events of this type.")
    user_id: str | None = Field(None, max_length=64, description="Only events about this user.")
    team_id: str | None = Field(None, max_length=64, description="Only events about this team.")


router = admin_router("alerts")
user_routes = user_router("own account")


@router.get("/admin/alerts", summary="The alerts that are open, newest first")
async def _list(services: Services, page: Annotated[Page, FromQuery()]) -> AlertList:
    """Thresholds of budgets that are reached, and upstreams that are down."""
    return _alerts(services.alerts.all(), page)


@router.get("/admin/events", summary="Events, newest first", response_model=EventList)
async def _events(services: Services, page: Annotated[EventPage, FromQuery()]) -> Response:
    """What happened in the last thirty days, as it was sent to webhooks."""
    rows = await services.events.events(
        limit=page.limit + 1,
        after=page.after,
        types=None if page.type is None else [page.type],
        user_id=page.user_id,
        team_id=page.team_id,
    )
    # An event may hold a whole invoice.
    shown, cursor = page_of(rows, page, lambda event: event.id, weight=lambda event: len(event.data) // _WEIGHED)

    def response() -> Response:
        data = [
            EventBody(id=event.id, type=event.type, timestamp=event.at, data=msgspec.json.decode(event.data))
            for event in shown
        ]
        return exact_response(EventList(data=data, has_more=cursor is not None, next=cursor))

    return await asyncio.to_thread(response)


@user_routes.get("/me/alerts", summary="Your alerts that are open, newest first")
async def _own(services: Services, caller: CurrentCaller, page: Annotated[Page, FromQuery()]) -> AlertList:
    """Thresholds of your budgets that are reached, and of those of your keys, your team and the people your keys act
    for."""
    user = caller.user
    mine = (alert for alert in services.alerts.all() if alert.user_id == user.user_id or _is_of_team(alert, user))
    return _alerts(list(mine), page)


def _is_of_team(alert: Alert, user: User) -> bool:
    return alert.team_id is not None and alert.team_id == user.team_id


def _alerts(alerts: Sequence[Alert], page: Page) -> AlertList:
    shown, cursor = page_of(rows_after(alerts, page.after, _cursor), page, _cursor)
    return AlertList(data=[_alert(alert) for alert in shown], has_more=cursor is not None, next=cursor)


def _cursor(alert: Alert) -> str:
    return alert.event_id


def _alert(alert: Alert) -> AlertBody:
    is_budget = alert.percent > 0
    return AlertBody(
        id=alert.id,
        kind=alert.kind,
        user_id=alert.user_id,
        team_id=alert.team_id,
        limit=alert.name if is_budget else None,
        model=alert.model or None,
        percent=alert.percent if is_budget else None,
        since=alert.at,
        event_id=alert.event_id,
    )
