"""Limits: their schemas, what remains of them, and their routes.

The fields of a limits object are one table (`rules/limits.py`): the OpenAPI schema is made from that table, and a
request is checked by the rules that merge it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from fastapi import Response
from pydantic import GetJsonSchemaHandler, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByAdmin, ByManager, CurrentManager, admin_router, manager_router
from tollkeeper.control.http.schemas import exact_response, exact_response_in_thread
from tollkeeper.rules.limits import (
    CONCURRENCY,
    COUNTED,
    MODEL,
    MOST,
    MOST_ALERTS,
    MOST_ALLOWED,
    MOST_MODELS,
    MOST_WEIGHT,
    Limits,
)
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_time
from tollkeeper.services.accounts.owners import Account, owner_of
from tollkeeper.services.limits.usage import OwnerStatuses
from tollkeeper.store.ports.counters import LimitStatus

Schema = dict[str, Any]
_AT_ONCE = 10
"""Models that are presented before other tasks have their turn."""
_NULL: Schema = {"type": "null"}
_UNCOUNTED = ("max_concurrent_requests", "max_tokens_per_request")
_TIME: Schema = {"anyOf": [{"type": "string", "format": "date-time"}, _NULL]}


def _figure(name: str, *, in_request: bool) -> list[Schema]:
    if name not in COUNTED or COUNTED[name].quantity != "cost":
        return [{"type": "integer", "minimum": 0, "maximum": MOST}]
    number: Schema = {"type": "number", "minimum": 0, "maximum": MOST, "description": "US dollars, exact"}
    text: Schema = {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,12})?$", "examples": ["0.5"]}
    return [number, text] if in_request else [number]


def _object(properties: Schema, *, in_request: bool) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema if in_request else schema | {"required": list(properties)}


def _limits(*, in_request: bool) -> Schema:
    def figures(names: tuple[str, ...]) -> Schema:
        return {name: {"anyOf": [*_figure(name, in_request=in_request), _NULL]} for name in names}

    # As MODEL, without "*"; but case and `library/` may still be as people write them.
    model: Schema = {"type": "string", "pattern": f"^{MODEL}$"}
    counts = figures(tuple(COUNTED))
    one_model = _object(counts, in_request=in_request)
    models: Schema = {
        "type": "object",
        "additionalProperties": {"anyOf": [one_model, _NULL]} if in_request else one_model,
        "maxProperties": MOST_MODELS,
        "propertyNames": model,
    }
    return _object(
        {
            **counts,
            **figures(_UNCOUNTED),
            "queue_weight": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_WEIGHT}, _NULL]},
            "alerts": {
                "anyOf": [
                    {
                        "type": "array",
                        "items": {"type": "integer", "minimum": 1, "maximum": 100},
                        "maxItems": MOST_ALERTS,
                    },
                    _NULL,
                ],
                "description": "Percentages of budgets at which to report their use; null: those of the setting.",
            },
            "allowed_models": {"anyOf": [{"type": "array", "items": model, "maxItems": MOST_ALLOWED}, _NULL]},
            "models": {"anyOf": [models, _NULL]} if in_request else models,
        },
        in_request=in_request,
    )


def _usage() -> Schema:
    def status(name: str) -> Schema:
        [figure] = _figure(name, in_request=False)
        # A correction may subtract more than was used.
        signed = {key: value for key, value in figure.items() if key not in ("minimum", "maximum")}
        figures = {"limit": figure, "used": signed, "reserved": signed, "remaining": signed}
        return _object({**figures, "resets_at": _TIME}, in_request=False)

    counting = {name: status(name) for name in COUNTED}
    of_model = {"type": "object", "properties": counting, "additionalProperties": False}
    return {
        "type": "object",
        "description": "What remains of each limit; of limits for one model, under `models`.",
        "properties": {
            **counting,
            CONCURRENCY: status(CONCURRENCY),
            "models": {"type": "object", "additionalProperties": of_model},
        },
        "additionalProperties": False,
    }


class LimitsForm(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _limits(in_request=True) | {
            "description": "A number sets a limit (0 blocks), null clears it, an absent field stays as it is."
        }


class LimitsBody(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _limits(in_request=False) | {"description": "Every limit, null where there is none."}


class UsageBody(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _usage()


class LimitsAndUsage(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        limits = _limits(in_request=False)
        return _object({**limits["properties"], "usage": _usage()}, in_request=False) | {
            "description": "Every limit, null where there is none; and what remains of each."
        }


def limits_body(limits: Limits) -> LimitsBody:
    return LimitsBody(limits.body())


async def usage_body(services: ControlServices, account: Account) -> UsageBody:
    """What remains of each limit of a user, key, team or end user."""
    return await present_usage(await services.limit_usage.whole(owner_of(account)))


async def present_usage(found: OwnerStatuses) -> UsageBody:
    usage: dict[str, Any] = _statuses(found.all_models)
    shown: dict[str, Any] = {}
    for model, statuses in found.by_model.items():
        shown[model] = _statuses(statuses)
        if len(shown) % _AT_ONCE == 0:
            await asyncio.sleep(0)
    if shown:
        usage["models"] = shown
    return UsageBody(usage)


def _statuses(statuses: Mapping[str, LimitStatus]) -> dict[str, Any]:
    return {name: status_body(status) for name, status in statuses.items()}


def status_body(status: LimitStatus) -> Mapping[str, Any]:
    counted = COUNTED.get(status.name)
    cost = counted is not None and counted.quantity == "cost"

    def figure(amount: int) -> int | Decimal:
        return Decimal(format_usd(amount)) if cost else amount

    return {
        "limit": figure(status.limit),
        "used": figure(status.used),
        "reserved": figure(status.reserved),
        "remaining": figure(status.remaining),
        "resets_at": None if status.resets_at is None else format_time(status.resets_at),
    }


async def limits_and_usage(services: ControlServices, account: Account) -> Response:
    usage = await usage_body(services, account)
    return await exact_response_in_thread(LimitsAndUsage({**account.limits.body(), "usage": usage.root}))


router = admin_router("limits")
manager_routes = manager_router("limits")


@manager_routes.get(
    "/admin/users/{user_id}/limits",
    summary="A user's limits, and what remains of them",
    response_model=LimitsAndUsage,
    responses=errors(404),
)
async def _read(services: Services, manager: CurrentManager, user_id: str) -> Response:
    """An admin of a team may ask for its members."""
    return await limits_and_usage(services, manager.member(services.accounts, user_id))


@manager_routes.put(
    "/admin/users/{user_id}/limits",
    summary="Merge a change into a user's limits",
    response_model=LimitsBody,
    responses=errors(404, 409),
)
async def _put(services: Services, manager: CurrentManager, by: ByManager, user_id: str, form: LimitsForm) -> Response:
    """In force from the next request on. An admin of a team may set those of its members, up to the team's own."""
    accounts = services.accounts
    user = manager.member(accounts, user_id)
    check = partial(manager.check_limits, accounts)
    user = await accounts.set_limits(user.user_id, by, form.root, check=check)
    return exact_response(limits_body(user.limits))


@router.get("/admin/limits/defaults", summary="Default limits of new users", response_model=LimitsBody)
async def _defaults(services: Services) -> Response:
    return exact_response(limits_body(services.accounts.default_limits()))


@router.put(
    "/admin/limits/defaults", summary="Merge a change into the default limits of new users", response_model=LimitsBody
)
async def _put_defaults(services: Services, by: ByAdmin, form: LimitsForm) -> Response:
    """Existing users keep their limits."""
    return exact_response(limits_body(await services.accounts.set_default_limits(by, form.root)))
