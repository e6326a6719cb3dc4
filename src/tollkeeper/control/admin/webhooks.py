"""Webhooks, and what became of what was sent to them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import msgspec
from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel, Field

from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import (
    Form,
    Listing,
    Name,
    Page,
    Time,
    exact_response,
    no_default,
    page_of,
    rows_after,
)
from tollkeeper.rules.errors import Conflict, NotFound
from tollkeeper.rules.events import EventType
from tollkeeper.services.events.stored import Webhook, WebhookStatus
from tollkeeper.services.events.webhooks import MOST_GRACE_SECONDS, WebhookChange
from tollkeeper.store.ports.events import Channel, DeliveryStatus, Due

Url = Annotated[str, Field(min_length=1, max_length=2048, examples=["https://hooks.example.com/tollkeeper"])]
EventTypes = Annotated[list[EventType], Field(min_length=1, max_length=50)]
GRACE_SECONDS = 86_400


class WebhookBody(BaseModel):
    """An address that events are sent to. `events` null: all, those of later versions included. While `paused` it gets
    nothing, and later what happened meanwhile. During a rotation the secret before the newest signs as well, until
    `former_secret_until`."""

    id: str
    url: str
    events: list[EventType] | None
    description: str | None
    status: WebhookStatus
    created_at: Time
    former_secret_until: Time | None


class NewSecretBody(WebhookBody):
    """With its secret, which is shown this once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class WebhookList(Listing[WebhookBody]):
    pass


class WebhookForm(Form):
    url: Url
    events: EventTypes | None = Field(None, description="The events that it gets; null: all.")
    description: Name | None = None
    status: WebhookStatus = "active"


class WebhookChangeForm(Form):
    url: Url = Field("", json_schema_extra=no_default)
    events: EventTypes | None = Field(None, json_schema_extra=no_default)
    description: Name | None = Field(None, json_schema_extra=no_default)
    status: WebhookStatus = Field("active", json_schema_extra=no_default)


class WebhookRotateForm(Form):
    grace_seconds: int = Field(
        GRACE_SECONDS, ge=0, le=MOST_GRACE_SECONDS, description="How long the present secret signs as well."
    )


class WebhookTestBody(BaseModel):
    """What came of a message of the type `webhook.test`. `status` is that of the answer; null: there was none."""

    delivered: bool
    status: int | None
    error: str | None
    took_ms: int


class DeliveryTryBody(BaseModel):
    """A try. `status` is that of the answer, of an SMTP server too; null: there was none. `error` null: delivered."""

    at: Time
    status: int | None
    error: str | None
    took_ms: int


class DeliveryBody(BaseModel):
    """An event on its way to a webhook or to a mailbox. `target` is the id of the webhook, or the e-mail address.
    `status`: `pending` is tried at `next_try_at`; `dead` was tried for a day in vain. `tries` are the last ten."""

    id: str
    channel: Channel
    target: str
    event_id: str
    event_type: EventType
    event_at: Time
    status: DeliveryStatus
    try_count: int
    next_try_at: Time | None
    tries: list[DeliveryTryBody]


class DeliveryList(Listing[DeliveryBody]):
    pass


class DeliveryPage(Page):
    status: Literal["pending", "delivered", "dead"] | None = None


class AllDeliveriesPage(DeliveryPage):
    channel: Literal["webhook", "email"] | None = None


class RetriedBody(BaseModel):
    retried: int


class _Try(msgspec.Struct):
    at: int
    status: int | None
    error: str | None
    took_ms: int


router = admin_router("webhooks")


@router.get("/admin/webhooks", summary="The webhooks")
async def _list(services: Services, page: Annotated[Page, FromQuery()]) -> WebhookList:
    found = rows_after(services.webhooks.all(), page.after, _id)
    shown, cursor = page_of(found, page, _id)
    return WebhookList(data=[_shown(services, each) for each in shown], has_more=cursor is not None, next=cursor)


@router.post("/admin/webhooks", summary="Add a webhook", status_code=201, responses=errors(409))
async def _add(services: Services, by: ByAdmin, form: WebhookForm) -> NewSecretBody:
    """It gets the events that happen from now on. What is sent is signed as Standard Webhooks says, with the secret of
    the response."""
    made = await services.webhooks.add(
        form.url, by, events=form.events, description=form.description, status=form.status
    )
    return _with_secret(services, made)


@router.get("/admin/webhooks/{webhook_id}", summary="A webhook", responses=errors(404))
async def _read(services: Services, webhook_id: str) -> WebhookBody:
    return _shown(services, services.webhooks.get(webhook_id))


@router.patch("/admin/webhooks/{webhook_id}", summary="Change a webhook", responses=errors(404))
async def _change(services: Services, by: ByAdmin, webhook_id: str, form: WebhookChangeForm) -> WebhookBody:
    given = {name: getattr(form, name) for name in form.model_fields_set}
    changed = await services.webhooks.change(webhook_id, WebhookChange(**given), by)
    services.deliveries.wake()
    return _shown(services, changed)


@router.delete("/admin/webhooks/{webhook_id}", summary="Remove a webhook", responses=errors(404))
async def _remove(services: Services, by: ByAdmin, webhook_id: str) -> WebhookBody:
    """What is on its way to it is dropped. Answers with the webhook as it was."""
    return _shown(services, await services.webhooks.remove(webhook_id, by))


@router.post("/admin/webhooks/{webhook_id}/rotate", summary="Give a webhook a new secret", responses=errors(404))
async def _rotate(services: Services, by: ByAdmin, webhook_id: str, form: WebhookRotateForm) -> NewSecretBody:
    """Until the grace time ends, both secrets sign every message, so that the receiver can change over."""
    return _with_secret(services, await services.webhooks.rotate(webhook_id, by, grace_seconds=form.grace_seconds))


@router.post("/admin/webhooks/{webhook_id}/test", summary="Send a test to a webhook", responses=errors(404))
async def _test(services: Services, by: ByAdmin, webhook_id: str) -> WebhookTestBody:
    """A message of the type `webhook.test` is sent at once, and not tried again."""
    tried = await services.webhooks.test(webhook_id, by)
    outcome = tried.outcome
    return WebhookTestBody(
        delivered=outcome.delivered, status=outcome.status, error=outcome.error, took_ms=tried.took_ms
    )


@router.get(
    "/admin/webhooks/{webhook_id}/deliveries",
    summary="What was sent to a webhook",
    response_model=DeliveryList,
    responses=errors(404),
)
async def _deliveries(services: Services, webhook_id: str, page: Annotated[DeliveryPage, FromQuery()]) -> Response:
    """Newest first, with the last tries of each. `status=dead` are those that were given up."""
    services.webhooks.get(webhook_id)
    return await _page(
        await services.events.deliveries(target=webhook_id, limit=page.limit + 1, after=page.after, status=page.status),
        page,
    )


@router.post("/admin/webhooks/{webhook_id}/retry", summary="Try dead deliveries again", responses=errors(404))
async def _retry_all(services: Services, webhook_id: str) -> RetriedBody:
    """Whatever was given up is tried for another day."""
    services.webhooks.get(webhook_id)
    count = await services.events.revive(services.now(), target=webhook_id)
    services.deliveries.wake()
    return RetriedBody(retried=count)


@router.get("/admin/deliveries", summary="What was sent to webhooks and mailboxes", response_model=DeliveryList)
async def _all_deliveries(services: Services, page: Annotated[AllDeliveriesPage, FromQuery()]) -> Response:
    """Newest first. `status=dead` is the list of those that were given up."""
    found = await services.events.deliveries(
        limit=page.limit + 1, after=page.after, status=page.status, channel=page.channel
    )
    return await _page(found, page)


@router.post("/admin/deliveries/{delivery_id}/retry", summary="Try a dead delivery again", responses=errors(404, 409))
async def _retry(services: Services, delivery_id: str) -> DeliveryBody:
    if not await services.events.revive(services.now(), only=delivery_id):
        if await services.events.delivery(delivery_id) is None:
            raise NotFound(f"There is no delivery {delivery_id[:64]!r}.", param="delivery_id")
        raise Conflict("This delivery is not dead: it was delivered, or is still being tried.")
    services.deliveries.wake()
    found = await services.events.delivery(delivery_id)
    if found is None:
        raise NotFound(f"There is no delivery {delivery_id[:64]!r}.", param="delivery_id")
    return _delivery(found)


def _id(webhook: Webhook) -> str:
    return webhook.id


def _fields(services: Services, webhook: Webhook) -> dict[str, object]:
    former = [secret.until for secret in webhook.secrets[1:] if (secret.until or 0) > services.now()]
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.events,
        "description": webhook.description,
        "status": webhook.status,
        "created_at": webhook.created_at,
        "former_secret_until": former[0] if former else None,
    }


def _shown(services: Services, webhook: Webhook) -> WebhookBody:
    return WebhookBody.model_validate(_fields(services, webhook))


def _with_secret(services: Services, webhook: Webhook) -> NewSecretBody:
    return NewSecretBody.model_validate({**_fields(services, webhook), "secret": webhook.secrets[0].text})


async def _page(rows: list[Due], page: Page) -> Response:
    shown, cursor = page_of(rows, page, lambda due: due.delivery.id)

    def response() -> Response:  # in a thread: each row has ten tries
        data = [_delivery(due) for due in shown]
        return exact_response(DeliveryList(data=data, has_more=cursor is not None, next=cursor))

    return await asyncio.to_thread(response)


def _delivery(due: Due) -> DeliveryBody:
    delivery, event = due
    tries = msgspec.json.decode(delivery.tries, type=list[_Try])
    return DeliveryBody(
        id=delivery.id,
        channel=delivery.channel,
        target=delivery.target,
        event_id=event.id,
        event_type=event.type,
        event_at=event.at,
        status=delivery.status,
        try_count=delivery.count,
        next_try_at=delivery.next_at if delivery.status == "pending" else None,
        tries=[
            DeliveryTryBody(at=each.at, status=each.status, error=each.error, took_ms=each.took_ms) for each in tries
        ],
    )
