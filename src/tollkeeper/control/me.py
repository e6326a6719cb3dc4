"""What users see and do of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Response

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import Page, exact
from tollkeeper.control.keys import (
    KeyBody,
    KeyList,
    NewKeyBody,
    NewKeyIn,
    RotateIn,
    create_key,
    key_list,
    revoke_key,
    rotate_key,
)
from tollkeeper.control.limits import LimitsBody, UsageBody, limits_body, usage_body
from tollkeeper.control.routes import ByUser, Who, user_router
from tollkeeper.control.users import UserWithMonth, user_with_month
from tollkeeper.rules.errors import Forbidden, NotFound
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.services.directory import Caller

router = user_router("own account")


class MeBody(UserWithMonth):
    """You, this month's usage, your limits, and what is left of each."""

    limits: LimitsBody
    usage: UsageBody


@router.get("/me", summary="You, with this month's usage and your limits", response_model=MeBody)
async def _me(services: Services, who: Who) -> Response:
    user = await user_with_month(services, who.user)
    usage = await usage_body(services, who.user)
    return exact(MeBody(**dict(user), limits=limits_body(who.user.limits), usage=usage))


@router.get("/me/keys", summary="Your keys", response_model=KeyList)
async def _list(services: Services, who: Who, page: Annotated[Page, FromQuery()]) -> Response:
    return exact(await key_list(services, who.user.user_id, page))


@router.post(
    "/me/keys", summary="A new key of yours", status_code=201, response_model=NewKeyBody, responses=errors(403, 409)
)
async def _create(services: Services, who: Who, by: ByUser, form: NewKeyIn) -> Response:
    _check_not_limited(who)
    return await create_key(services, who.user.user_id, by, form)


@router.post(
    "/me/keys/{key_id}/rotate",
    summary="A new key in a key's place",
    status_code=201,
    response_model=NewKeyBody,
    responses=errors(403, 404, 409),
)
async def _rotate(services: Services, who: Who, by: ByUser, key_id: str, form: RotateIn) -> Response:
    _check_not_limited(who)
    _check_own(services, who, key_id)
    return await rotate_key(services, key_id, by, form)


@router.delete(
    "/me/keys/{key_id}", summary="Revoke a key of yours, at once", response_model=KeyBody, responses=errors(404)
)
async def _revoke(services: Services, who: Who, by: ByUser, key_id: str) -> Response:
    _check_own(services, who, key_id)
    return await revoke_key(services, key_id, by)


def _check_not_limited(who: Caller) -> None:
    # Whoever was given such a key would be rid of its limits with the next one.
    if who.key is not None and who.key.limits != NO_LIMITS:
        raise Forbidden(
            "This key has limits of its own, so it may neither make nor rotate keys. Use a session, or a key without"
            " limits, or ask an admin."
        )


def _check_own(services: ControlServices, who: Caller, key_id: str) -> None:
    # Others' keys look as if they did not exist.
    if services.accounts.key(key_id).user_id != who.user.user_id:
        raise NotFound(f"There is no key {key_id[:64]!r}.", param="key_id")
