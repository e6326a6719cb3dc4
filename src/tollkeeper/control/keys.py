"""Keys by admins; and the bodies of keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import Body
from fastapi import Query as FromQuery
from pydantic import BaseModel, Field

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Form, Listing, Name, Page, Time, TimeIn, no_default, page_of, rows_after
from tollkeeper.control.routes import ByAdmin, admin_router
from tollkeeper.services.accounts import KeyChange
from tollkeeper.services.keys import FOREVER, KeyStatus, NewKey, dies_at, key_status
from tollkeeper.store.ports import Key

MAX_GRACE_SECONDS = 30 * 86_400


class KeyBody(BaseModel):
    """A key. `prefix` is what may be shown of it; a key that was rotated with a grace period expires at its end."""

    id: str
    name: str | None
    prefix: str
    created_at: Time
    last_used_at: Time | None
    expires_at: Time | None
    status: KeyStatus


class NewKeyBody(KeyBody):
    """A key just made. `api_key` is shown this once."""

    api_key: str


class KeyList(Listing[KeyBody]):
    pass


class NewKeyForm(Form):
    name: Name | None = None
    expires_at: TimeIn | None = None


class KeyForm(Form):
    """What is not given stays; null takes it away."""

    name: Name | None = Field(None, json_schema_extra=no_default)
    expires_at: TimeIn | None = Field(None, json_schema_extra=no_default)


class RotateForm(Form):
    grace_seconds: int = Field(
        0, ge=0, le=MAX_GRACE_SECONDS, description="How long the old key still works; 0: it dies at once."
    )


NewKeyIn = Annotated[NewKeyForm, Body(default_factory=NewKeyForm)]
RotateIn = Annotated[RotateForm, Body(default_factory=RotateForm)]


def key_body(key: Key, now: int) -> KeyBody:
    end = dies_at(key) if key_status(key, now) == "active" else key.expires_at
    return KeyBody(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        expires_at=None if end == FOREVER else end,
        status=key_status(key, now),
    )


def new_key_body(made: NewKey, now: int) -> NewKeyBody:
    return NewKeyBody(**dict(key_body(made.key, now)), api_key=made.secret)


def key_list(services: ControlServices, user_id: str, page: Page) -> KeyList:
    """A user's keys, dead ones too, oldest first."""
    keys = rows_after(services.accounts.keys_of(user_id), page.after, _id)
    keys, cursor = page_of(keys, page, _id)
    now = services.now()
    return KeyList(data=[key_body(key, now) for key in keys], has_more=cursor is not None, next=cursor)


def _id(key: Key) -> str:
    return key.id


router = admin_router("keys")


@router.get("/admin/users/{user_id}/keys", summary="A user's keys", responses=errors(404))
async def _list(services: Services, user_id: str, page: Annotated[Page, FromQuery()]) -> KeyList:
    return key_list(services, user_id, page)


@router.post("/admin/users/{user_id}/keys", summary="A new key", status_code=201, responses=errors(404, 409))
async def _create(services: Services, by: ByAdmin, user_id: str, form: NewKeyIn) -> NewKeyBody:
    made = await services.accounts.create_key(user_id, by, name=form.name, expires_at=form.expires_at)
    return new_key_body(made, services.now())


@router.post(
    "/admin/keys/{key_id}/rotate", summary="A new key in a key's place", status_code=201, responses=errors(404, 409)
)
async def _rotate(services: Services, by: ByAdmin, key_id: str, form: RotateIn) -> NewKeyBody:
    made = await services.accounts.rotate_key(key_id, by, grace_seconds=form.grace_seconds)
    return new_key_body(made, services.now())


@router.patch("/admin/keys/{key_id}", summary="Change a key", responses=errors(404))
async def _update(services: Services, by: ByAdmin, key_id: str, form: KeyForm) -> KeyBody:
    wanted = KeyChange(**form.model_dump(exclude_unset=True))
    return key_body(await services.accounts.update_key(key_id, by, wanted), services.now())


@router.delete("/admin/keys/{key_id}", summary="Revoke a key, at once", responses=errors(404))
async def _revoke(services: Services, by: ByAdmin, key_id: str) -> KeyBody:
    return key_body(await services.accounts.revoke_key(key_id, by), services.now())
