"""Keys by admins; and the bodies of keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body, Response
from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Form, Listing, Name, Page, Time, TimeIn, exact, no_default, page_of, rows_after
from tollkeeper.control.limits import LimitsBody, LimitsForm, UsageBody, limits_body, usage_body
from tollkeeper.control.routes import ByAdmin, admin_router
from tollkeeper.services.accounts import KeyChange
from tollkeeper.services.audit import Actor
from tollkeeper.services.keys import FOREVER, KeyStatus, NewKey, dies_at, key_status
from tollkeeper.store.ports import Key

MAX_GRACE_SECONDS = 30 * 86_400


class KeyBody(BaseModel):
    """A key. `prefix` is what may be shown of it; a key that was rotated with a grace period expires at its end.
    `usage` is what is left of its own limits."""

    id: str
    name: str | None
    prefix: str
    created_at: Time
    last_used_at: Time | None
    expires_at: Time | None
    status: KeyStatus
    limits: LimitsBody
    usage: UsageBody


class NewKeyBody(KeyBody):
    """A key just made. `api_key` is shown this once."""

    api_key: str


class KeyList(Listing[KeyBody]):
    pass


class NewKeyForm(Form):
    name: Name | None = None
    expires_at: TimeIn | None = None
    limits: LimitsForm | None = None


class KeyForm(Form):
    """What is not given stays; null takes it away. Limits are merged into those there are."""

    name: Name | None = Field(None, json_schema_extra=no_default)
    expires_at: TimeIn | None = Field(None, json_schema_extra=no_default)
    limits: LimitsForm | None = Field(None, json_schema_extra=no_default)


class RotateForm(Form):
    grace_seconds: int = Field(
        0, ge=0, le=MAX_GRACE_SECONDS, description="How long the old key still works; 0: it dies at once."
    )


NewKeyIn = Annotated[NewKeyForm, Body(default_factory=NewKeyForm)]
RotateIn = Annotated[RotateForm, Body(default_factory=RotateForm)]


async def key_body(services: ControlServices, key: Key) -> KeyBody:
    now = services.now()
    end = dies_at(key) if key_status(key, now) == "active" else key.expires_at
    return KeyBody(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        expires_at=None if end == FOREVER else end,
        status=key_status(key, now),
        limits=limits_body(key.limits),
        usage=await usage_body(services, key),
    )


async def _new_key_body(services: ControlServices, made: NewKey) -> NewKeyBody:
    return NewKeyBody(**dict(await key_body(services, made.key)), api_key=made.secret)


async def key_list(services: ControlServices, user_id: str, page: Page) -> KeyList:
    """A user's keys, dead ones too, oldest first."""
    keys = rows_after(services.accounts.keys_of(user_id), page.after, _id)
    keys, cursor = page_of(keys, page, _id)
    data = [await key_body(services, key) for key in keys]
    return KeyList(data=data, has_more=cursor is not None, next=cursor)


async def create_key(services: ControlServices, user_id: str, by: Actor, form: NewKeyForm) -> Response:
    limits = None if form.limits is None else form.limits.root
    made = await services.accounts.create_key(user_id, by, name=form.name, expires_at=form.expires_at, limits=limits)
    return exact(await _new_key_body(services, made), 201)


async def rotate_key(services: ControlServices, key_id: str, by: Actor, form: RotateForm) -> Response:
    made = await services.accounts.rotate_key(key_id, by, grace_seconds=form.grace_seconds)
    return exact(await _new_key_body(services, made), 201)


async def revoke_key(services: ControlServices, key_id: str, by: Actor) -> Response:
    return exact(await key_body(services, await services.accounts.revoke_key(key_id, by)))


def _id(key: Key) -> str:
    return key.id


router = admin_router("keys")


@router.get("/admin/users/{user_id}/keys", summary="A user's keys", response_model=KeyList, responses=errors(404))
async def _list(services: Services, user_id: str, page: Annotated[Page, FromQuery()]) -> Response:
    return exact(await key_list(services, user_id, page))


@router.post(
    "/admin/users/{user_id}/keys",
    summary="A new key",
    status_code=201,
    response_model=NewKeyBody,
    responses=errors(404, 409),
)
async def _create(services: Services, by: ByAdmin, user_id: str, form: NewKeyIn) -> Response:
    return await create_key(services, user_id, by, form)


@router.post(
    "/admin/keys/{key_id}/rotate",
    summary="A new key in a key's place",
    status_code=201,
    response_model=NewKeyBody,
    responses=errors(404, 409),
)
async def _rotate(services: Services, by: ByAdmin, key_id: str, form: RotateIn) -> Response:
    return await rotate_key(services, key_id, by, form)


@router.patch("/admin/keys/{key_id}", summary="Change a key", response_model=KeyBody, responses=errors(404))
async def _update(services: Services, by: ByAdmin, key_id: str, form: KeyForm) -> Response:
    wanted = KeyChange(**form.model_dump(exclude_unset=True))
    return exact(await key_body(services, await services.accounts.update_key(key_id, by, wanted)))


@router.delete("/admin/keys/{key_id}", summary="Revoke a key, at once", response_model=KeyBody, responses=errors(404))
async def _revoke(services: Services, by: ByAdmin, key_id: str) -> Response:
    return await revoke_key(services, key_id, by)
