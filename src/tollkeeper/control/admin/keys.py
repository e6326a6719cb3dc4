"""Keys: their schemas, and the routes of admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Body, Response
from fastapi import Query as FromQuery
from msgspec import UNSET
from msgspec.structs import replace
from pydantic import BaseModel, Field

from tollkeeper.control.admin.limits import LimitsBody, LimitsForm, UsageBody, limits_body, usage_body
from tollkeeper.control.admin.users import MonthBody, month_body, this_month
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, admin_router
from tollkeeper.control.http.schemas import (
    Form,
    Listing,
    Name,
    Page,
    Time,
    TimeIn,
    exact_response,
    exact_response_in_thread,
    no_default,
    page_of,
    rows_after,
)
from tollkeeper.control.usage.records import total_of
from tollkeeper.services.accounts.acting import ActingChange
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.services.accounts.keys import FOREVER, KeyStatus, NewKey, key_status, valid_until
from tollkeeper.services.audit.actor import Actor
from tollkeeper.store.ports.accounts import Key, NamedIn
from tollkeeper.store.ports.reports import Totals

MAX_GRACE_SECONDS = 30 * 86_400


MOST_END_USERS = 1_000_000
"""The largest `acts_for_max`."""
ActsFor = Literal["users"]


class KeyBody(BaseModel):
    """A key. `prefix` is the part of it that may be shown; a key that was rotated expires at the end of its grace
    period. `month` is what was used with it, `usage` what remains of its own limits. `acts_for` is null for a key that
    acts for its user only, and so are the other fields of acting then."""

    id: str
    name: str | None
    prefix: str
    created_at: Time
    last_used_at: Time | None
    expires_at: Time | None
    status: KeyStatus
    month: MonthBody
    limits: LimitsBody
    usage: UsageBody
    acts_for: ActsFor | None
    acts_from: NamedIn | None
    acts_for_create: bool | None
    acts_for_max: int | None
    acts_for_limits: LimitsBody | None


class NewKeyBody(KeyBody):
    """A new key. `api_key` is not shown again."""

    api_key: str


class KeyList(Listing[KeyBody]):
    pass


class ActingForm(Form):
    """How a key acts for others. Only admins may send these fields."""

    acts_for: ActsFor | None = Field(
        None,
        description="`users`: requests with the key are those of the people that they name, who are end users of the"
        " key's user. null: the key acts for its user only.",
        json_schema_extra=no_default,
    )
    acts_from: NamedIn = Field(
        "headers",
        description="Where requests name the person: in a header (`x-tollkeeper-user`, or one of the setting"
        " `acting_headers`); with `body` first in the body (`user` or `safety_identifier`; in Messages"
        " `metadata.user_id`), and in a header where the body names nobody. `headers` where it was never given.",
        json_schema_extra=no_default,
    )
    acts_for_create: bool = Field(
        True,
        description="Whether a new name makes a new end user. true where it was never given.",
        json_schema_extra=no_default,
    )
    acts_for_max: int = Field(
        10_000,
        ge=1,
        le=MOST_END_USERS,
        description="End users of the key's user beyond which this key makes no more. 10000 where it was never given.",
        json_schema_extra=no_default,
    )
    acts_for_limits: LimitsForm | None = Field(
        None, description="The limits that new end users get.", json_schema_extra=no_default
    )


class NewKeyForm(ActingForm):
    name: Name | None = None
    expires_at: TimeIn | None = None
    limits: LimitsForm | None = None


class KeyForm(ActingForm):
    """Absent fields stay as they are; null removes one. Limits are merged into the present ones."""

    name: Name | None = Field(None, json_schema_extra=no_default)
    expires_at: TimeIn | None = Field(None, json_schema_extra=no_default)
    limits: LimitsForm | None = Field(None, json_schema_extra=no_default)


_ACTING = {
    "acts_for": "acts_for",
    "acts_from": "named_in",
    "acts_for_create": "create",
    "acts_for_max": "most",
    "acts_for_limits": "limits",
}
"""The fields of acting, each with that of the change it makes."""


class RotateForm(Form):
    grace_seconds: int = Field(
        0, ge=0, le=MAX_GRACE_SECONDS, description="Seconds for which the old key still works; 0: it stops immediately."
    )


NewKeyIn = Annotated[NewKeyForm, Body(default_factory=NewKeyForm)]
RotateIn = Annotated[RotateForm, Body(default_factory=RotateForm)]


_NO_USAGE = Totals()


async def _one_key_body(services: ControlServices, key: Key) -> KeyBody:
    which = replace(this_month(services, services.accounts.user(key.user_id)), key_id=key.id)
    return await _key_body(services, key, await total_of(services, which))


async def _key_body(services: ControlServices, key: Key, month: Totals) -> KeyBody:
    now = services.now()
    end = valid_until(key) if key_status(key, now) == "active" else key.expires_at
    acting = key.acting
    return KeyBody(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        expires_at=None if end == FOREVER else end,
        status=key_status(key, now),
        month=month_body(month),
        limits=limits_body(key.limits),
        usage=await usage_body(services, key),
        acts_for=None if acting is None else "users",
        acts_from=None if acting is None else acting.named_in,
        acts_for_create=None if acting is None else acting.create,
        acts_for_max=None if acting is None else acting.most,
        acts_for_limits=None if acting is None else limits_body(acting.limits),
    )


def gives_acting(form: NewKeyForm) -> bool:
    """Whether a request says anything of acting for others."""
    return not form.model_fields_set.isdisjoint(_ACTING)


def _acting_change(given: Mapping[str, Any]) -> ActingChange | None:
    """The change that the given fields make to how a key acts for others; None where there are none."""
    change = {ours: given[name] for name, ours in _ACTING.items() if name in given}
    return ActingChange(**change) if change else None


async def _new_key_body(services: ControlServices, new: NewKey) -> NewKeyBody:
    return NewKeyBody(**dict(await _key_body(services, new.key, _NO_USAGE)), api_key=new.secret)


async def key_list(services: ControlServices, user_id: str, page: Page) -> KeyList:
    """A user's keys, oldest first, including those that no longer work."""
    keys = rows_after(services.accounts.keys_of(user_id), page.after, _id)
    keys, cursor = page_of(keys, page, _id, weight=_weight)
    which = this_month(services, services.accounts.user(user_id))
    by_key = {place[0]: totals for place, totals in await services.reports.summary(which, ["key"])}
    data = [await _key_body(services, key, by_key.get(key.id, _NO_USAGE)) for key in keys]
    return KeyList(data=data, has_more=cursor is not None, next=cursor)


async def one_key(services: ControlServices, key_id: str) -> Response:
    """Raises NotFound."""
    return exact_response(await _one_key_body(services, services.accounts.key(key_id)))


async def create_key(services: ControlServices, user_id: str, by: Actor, form: NewKeyForm) -> Response:
    limits = None if form.limits is None else form.limits.root
    new = await services.accounts.create_key(
        user_id,
        by,
        name=form.name,
        expires_at=form.expires_at,
        limits=limits,
        acting=_acting_change(form.model_dump(exclude_unset=True)),
    )
    return exact_response(await _new_key_body(services, new), 201)


async def rotate_key(services: ControlServices, key_id: str, by: Actor, form: RotateForm) -> Response:
    new = await services.accounts.rotate_key(key_id, by, grace_seconds=form.grace_seconds)
    return exact_response(await _new_key_body(services, new), 201)


async def revoke_key(services: ControlServices, key_id: str, by: Actor) -> Response:
    return exact_response(await _one_key_body(services, await services.accounts.revoke_key(key_id, by)))


def _weight(key: Key) -> int:
    return len(key.limits.models) + (0 if key.acting is None else len(key.acting.limits.models))


def _id(key: Key) -> str:
    return key.id


router = admin_router("keys")


@router.get("/admin/users/{user_id}/keys", summary="A user's keys", response_model=KeyList, responses=errors(404))
async def _list(services: Services, user_id: str, page: Annotated[Page, FromQuery()]) -> Response:
    return await exact_response_in_thread(await key_list(services, user_id, page))


@router.post(
    "/admin/users/{user_id}/keys",
    summary="Create a key for a user",
    status_code=201,
    response_model=NewKeyBody,
    responses=errors(404, 409),
)
async def _create(services: Services, by: ByAdmin, user_id: str, form: NewKeyIn) -> Response:
    return await create_key(services, user_id, by, form)


@router.post(
    "/admin/keys/{key_id}/rotate",
    summary="Replace a key with a new one",
    status_code=201,
    response_model=NewKeyBody,
    responses=errors(404, 409),
)
async def _rotate(services: Services, by: ByAdmin, key_id: str, form: RotateIn) -> Response:
    return await rotate_key(services, key_id, by, form)


@router.get("/admin/keys/{key_id}", summary="One key", response_model=KeyBody, responses=errors(404))
async def _get(services: Services, key_id: str) -> Response:
    return await one_key(services, key_id)


@router.patch("/admin/keys/{key_id}", summary="Change a key", response_model=KeyBody, responses=errors(404))
async def _update(services: Services, by: ByAdmin, key_id: str, form: KeyForm) -> Response:
    given = form.model_dump(exclude_unset=True)
    acting = _acting_change(given)
    plain = {name: value for name, value in given.items() if name not in _ACTING}
    wanted = KeyChange(**plain, acting=UNSET if acting is None else acting)
    return exact_response(await _one_key_body(services, await services.accounts.update_key(key_id, by, wanted)))


@router.delete(
    "/admin/keys/{key_id}", summary="Revoke a key immediately", response_model=KeyBody, responses=errors(404)
)
async def _revoke(services: Services, by: ByAdmin, key_id: str) -> Response:
    return await revoke_key(services, key_id, by)
