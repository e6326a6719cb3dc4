"""A user's own account and keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query as FromQuery
from fastapi import Response
from pydantic import BaseModel

from tollkeeper.control.admin.keys import (
    KeyBody,
    KeyList,
    NewKeyBody,
    NewKeyIn,
    RotateIn,
    create_key,
    gives_acting,
    key_list,
    one_key,
    revoke_key,
    rotate_key,
)
from tollkeeper.control.admin.limits import LimitsBody, UsageBody, limits_body, usage_body
from tollkeeper.control.admin.users import UserWithMonth, user_with_month
from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByUser, CurrentCaller, user_router
from tollkeeper.control.http.schemas import Page, exact_response_in_thread
from tollkeeper.rules.errors import Forbidden, NotFound
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.services.accounts.directory import Caller
from tollkeeper.services.queue.line import UserQueue

router = user_router("own account")


class QueueBody(BaseModel):
    """Your requests in line and at upstreams, and the place and predicted wait of the first one in line; both are null
    while none waits."""

    waiting: int
    running: int
    position: int | None
    estimate_s: float | None


class MeBody(UserWithMonth):
    """You, this month's usage, your limits, what remains of each, and your requests of this moment. In a team, its
    limits apply too, to all members together: `team_usage` is what remains of each."""

    limits: LimitsBody
    usage: UsageBody
    team_name: str | None
    team_limits: LimitsBody | None
    team_usage: UsageBody | None
    queue: QueueBody


@router.get("/me", summary="Your account, with this month's usage and your limits", response_model=MeBody)
async def _me(services: Services, caller: CurrentCaller) -> Response:
    user = await user_with_month(services, caller.user)
    usage = await usage_body(services, caller.user)
    team = None if caller.user.team_id is None else services.accounts.teams.team(caller.user.team_id)
    body = MeBody(
        **dict(user),
        limits=limits_body(caller.user.limits),
        usage=usage,
        team_name=None if team is None else team.name,
        team_limits=None if team is None else limits_body(team.limits),
        team_usage=None if team is None else await usage_body(services, team),
        queue=queue_body(services.pool.line.of_user(caller.user.user_id)),
    )
    return await exact_response_in_thread(body)


def queue_body(mine: UserQueue) -> QueueBody:
    estimate = None if mine.estimate_s is None else round(mine.estimate_s, 1)
    return QueueBody(waiting=mine.waiting, running=mine.running, position=mine.position, estimate_s=estimate)


@router.get("/me/keys", summary="Your keys", response_model=KeyList)
async def _list(services: Services, caller: CurrentCaller, page: Annotated[Page, FromQuery()]) -> Response:
    return await exact_response_in_thread(await key_list(services, caller.user.user_id, page))


@router.post("/me/keys", summary="Create a key", status_code=201, response_model=NewKeyBody, responses=errors(403, 409))
async def _create(services: Services, caller: CurrentCaller, by: ByUser, form: NewKeyIn) -> Response:
    _check_not_limited(caller)
    if gives_acting(form) and caller.user.role != "admin":
        raise Forbidden("Only admins make keys that act for others. Ask one for it.", param="acts_for")
    return await create_key(services, caller.user.user_id, by, form)


@router.post(
    "/me/keys/{key_id}/rotate",
    summary="Replace one of your keys with a new one",
    status_code=201,
    response_model=NewKeyBody,
    responses=errors(403, 404, 409),
)
async def _rotate(services: Services, caller: CurrentCaller, by: ByUser, key_id: str, form: RotateIn) -> Response:
    _check_not_limited(caller)
    _check_own(services, caller, key_id)
    return await rotate_key(services, key_id, by, form)


@router.get("/me/keys/{key_id}", summary="One of your keys", response_model=KeyBody, responses=errors(404))
async def _get(services: Services, caller: CurrentCaller, key_id: str) -> Response:
    _check_own(services, caller, key_id)
    return await one_key(services, key_id)


@router.delete(
    "/me/keys/{key_id}", summary="Revoke one of your keys immediately", response_model=KeyBody, responses=errors(404)
)
async def _revoke(services: Services, caller: CurrentCaller, by: ByUser, key_id: str) -> Response:
    _check_own(services, caller, key_id)
    return await revoke_key(services, key_id, by)


def _check_not_limited(caller: Caller) -> None:
    # The holder of such a key could otherwise escape its limits with a new one.
    if caller.key is not None and caller.key.limits != NO_LIMITS:
        raise Forbidden(
            "This key has limits of its own, so it may neither create nor rotate keys. Use a session, or a key without"
            " limits, or ask an admin."
        )


def _check_own(services: ControlServices, caller: Caller, key_id: str) -> None:
    # Other users' keys look as if they did not exist.
    if services.accounts.key(key_id).user_id != caller.user.user_id:
        raise NotFound(f"There is no key {key_id[:64]!r}.", param="key_id")
