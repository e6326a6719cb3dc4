"""What users see and do of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Page
from tollkeeper.control.keys import (
    KeyBody,
    KeyList,
    NewKeyBody,
    NewKeyIn,
    RotateIn,
    key_body,
    key_list,
    new_key_body,
)
from tollkeeper.control.routes import ByUser, Who, user_router
from tollkeeper.control.users import UserWithMonth, user_with_month
from tollkeeper.rules.errors import NotFound
from tollkeeper.services.directory import Caller

router = user_router("own account")


@router.get("/me", summary="You, with this month's usage")
async def _me(services: Services, who: Who) -> UserWithMonth:
    return await user_with_month(services, who.user)


@router.get("/me/keys", summary="Your keys")
async def _list(services: Services, who: Who, page: Annotated[Page, FromQuery()]) -> KeyList:
    return key_list(services, who.user.user_id, page)


@router.post("/me/keys", summary="A new key of yours", status_code=201, responses=errors(409))
async def _create(services: Services, who: Who, by: ByUser, form: NewKeyIn) -> NewKeyBody:
    made = await services.accounts.create_key(who.user.user_id, by, name=form.name, expires_at=form.expires_at)
    return new_key_body(made, services.now())


@router.post(
    "/me/keys/{key_id}/rotate", summary="A new key in a key's place", status_code=201, responses=errors(404, 409)
)
async def _rotate(services: Services, who: Who, by: ByUser, key_id: str, form: RotateIn) -> NewKeyBody:
    _check_own(services, who, key_id)
    made = await services.accounts.rotate_key(key_id, by, grace_seconds=form.grace_seconds)
    return new_key_body(made, services.now())


@router.delete("/me/keys/{key_id}", summary="Revoke a key of yours, at once", responses=errors(404))
async def _revoke(services: Services, who: Who, by: ByUser, key_id: str) -> KeyBody:
    _check_own(services, who, key_id)
    return key_body(await services.accounts.revoke_key(key_id, by), services.now())


def _check_own(services: ControlServices, who: Caller, key_id: str) -> None:
    # Others' keys look as if they did not exist.
    if services.accounts.key(key_id).user_id != who.user.user_id:
        raise NotFound(f"There is no key {key_id[:64]!r}.", param="key_id")
