"""Limits: their bodies, what is left of them, and their paths.

A limits object is one table (`rules/limits.py`); so it is described to the document from that table, and checked by the
rules that merge it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fastapi import Response
from pydantic import GetJsonSchemaHandler, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from tollkeeper.control.context import ControlServices, Services
from tollkeeper.control.errors import errors
from tollkeeper.control.forms import exact
from tollkeeper.control.routes import ByAdmin, admin_router
from tollkeeper.rules.limits import CONCURRENCY, COUNTED, MOST, Limits
from tollkeeper.rules.money import format_usd
from tollkeeper.rules.times import format_time
from tollkeeper.services.limit_changes import LIMITED_MODEL, MOST_MODELS
from tollkeeper.services.readings import Reading
from tollkeeper.store.ports import Key, User

Schema = dict[str, Any]
_NULL: Schema = {"type": "null"}
_PLAIN = ("max_concurrent_requests", "max_tokens_per_request")
_MOMENT: Schema = {"anyOf": [{"type": "string", "format": "date-time"}, _NULL]}


def _figure(name: str, *, taken: bool) -> list[Schema]:
    if name not in COUNTED or COUNTED[name].quantity != "cost":
        return [{"type": "integer", "minimum": 0, "maximum": MOST}]
    number: Schema = {"type": "number", "minimum": 0, "maximum": MOST, "description": "US dollars, exact"}
    text: Schema = {"type": "string", "pattern": r"^\d{1,12}(\.\d{1,12})?$", "examples": ["0.5"]}
    return [number, text] if taken else [number]


def _object(properties: Schema, *, taken: bool) -> Schema:
    shut: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return shut if taken else shut | {"required": list(properties)}


def _limits(*, taken: bool) -> Schema:
    def figures(names: tuple[str, ...]) -> Schema:
        return {name: {"anyOf": [*_figure(name, taken=taken), _NULL]} for name in names}

    # No "*" in it, as in LIMITED_MODEL; but case and library/ may still be as people write them.
    model: Schema = {"type": "string", "pattern": f"^{LIMITED_MODEL}$"}
    counts = figures(tuple(COUNTED))
    one_model = _object(counts, taken=taken)
    models: Schema = {
        "type": "object",
        "additionalProperties": {"anyOf": [one_model, _NULL]} if taken else one_model,
        "maxProperties": MOST_MODELS,
        "propertyNames": model,
    }
    return _object(
        {
            **counts,
            **figures(_PLAIN),
            "allowed_models": {"anyOf": [{"type": "array", "items": model, "maxItems": MOST_MODELS}, _NULL]},
            "models": {"anyOf": [models, _NULL]} if taken else models,
        },
        taken=taken,
    )


def _usage() -> Schema:
    def reading(name: str) -> Schema:
        [figure] = _figure(name, taken=False)
        # A correction may take more off than was used.
        signed = {key: value for key, value in figure.items() if key not in ("minimum", "maximum")}
        figures = {"limit": figure, "used": signed, "reserved": signed, "remaining": signed}
        return _object({**figures, "resets_at": _MOMENT}, taken=False)

    counting = {name: reading(name) for name in COUNTED}
    of_model = {"type": "object", "properties": counting, "additionalProperties": False}
    return {
        "type": "object",
        "description": "What is left of each limit there is; of those for one model, under `models`.",
        "properties": {
            **counting,
            CONCURRENCY: reading(CONCURRENCY),
            "models": {"type": "object", "additionalProperties": of_model},
        },
        "additionalProperties": False,
    }


class LimitsForm(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _limits(taken=True) | {
            "description": "A figure sets a limit (0 blocks), null clears it, what is absent stays."
        }


class LimitsBody(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _limits(taken=False) | {"description": "Every limit there can be; null: none."}


class UsageBody(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _usage()


class LimitsAndUsage(RootModel[dict[str, Any]]):
    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> JsonSchemaValue:
        limits = _limits(taken=False)
        return _object({**limits["properties"], "usage": _usage()}, taken=False) | {
            "description": "Every limit there can be; null: none. And what is left of each."
        }


def limits_body(limits: Limits) -> LimitsBody:
    return LimitsBody(limits.body())


async def usage_body(services: ControlServices, owner: User | Key) -> UsageBody:
    """What is left of each of a user's or key's limits."""
    usage: dict[str, Any] = _readings(await services.readings.usage(owner))
    models = await services.readings.usage_by_model(owner)
    if models:
        usage["models"] = {model: _readings(readings) for model, readings in models.items()}
    return UsageBody(usage)


def _readings(readings: Mapping[str, Reading]) -> dict[str, Any]:
    return {name: _reading(name, reading) for name, reading in readings.items()}


def _reading(name: str, reading: Reading) -> Mapping[str, Any]:
    counted = COUNTED.get(name)
    cost = counted is not None and counted.quantity == "cost"

    def figure(amount: int) -> int | Decimal:
        return Decimal(format_usd(amount)) if cost else amount

    return {
        "limit": figure(reading.limit),
        "used": figure(reading.used),
        "reserved": figure(reading.reserved),
        "remaining": figure(reading.remaining),
        "resets_at": None if reading.resets_at is None else format_time(reading.resets_at),
    }


router = admin_router("limits")


@router.get(
    "/admin/users/{user_id}/limits",
    summary="A user's limits, and what is left of them",
    response_model=LimitsAndUsage,
    responses=errors(404),
)
async def _read(services: Services, user_id: str) -> Response:
    user = services.accounts.user(user_id)
    usage = await usage_body(services, user)
    return exact(LimitsAndUsage({**user.limits.body(), "usage": usage.root}))


@router.put(
    "/admin/users/{user_id}/limits",
    summary="Merge a change into a user's limits",
    response_model=LimitsBody,
    responses=errors(404, 409),
)
async def _put(services: Services, by: ByAdmin, user_id: str, form: LimitsForm) -> Response:
    """In force at the next request."""
    user = await services.accounts.set_limits(user_id, by, form.root)
    return exact(limits_body(user.limits))


@router.get("/admin/limits/defaults", summary="The limits that new users get", response_model=LimitsBody)
async def _defaults(services: Services) -> Response:
    return exact(limits_body(services.accounts.default_limits()))


@router.put(
    "/admin/limits/defaults", summary="Merge a change into the limits that new users get", response_model=LimitsBody
)
async def _put_defaults(services: Services, by: ByAdmin, form: LimitsForm) -> Response:
    """Users there are keep what they have."""
    return exact(limits_body(await services.accounts.set_default_limits(by, form.root)))
