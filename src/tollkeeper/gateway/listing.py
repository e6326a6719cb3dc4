"""The models a user may ask for, with their prices."""

from __future__ import annotations

from typing import Any

import msgspec

from tollkeeper.gateway.answers import JSON
from tollkeeper.gateway.exchange import Exchange
from tollkeeper.gateway.house import House
from tollkeeper.services.admission import not_allowed
from tollkeeper.services.catalog import Model
from tollkeeper.services.prices import price_body


async def list_models(house: House, exchange: Exchange) -> None:
    """`GET /v1/models`."""
    caller = exchange.caller(house.accounts)
    if not house.catalog.models():
        await house.catalog.refresh()
    data = [_shown(house, model) for model in house.catalog.models() if caller.allows(model.name)]
    await _send(exchange, {"object": "list", "data": data, "has_more": False, "next": None})


async def show_model(house: House, exchange: Exchange, name: str) -> None:
    """`GET /v1/models/{id}`, whatever spelling of the name."""
    caller = exchange.caller(house.accounts)
    model = await house.catalog.model(name)
    if not caller.allows(model.name):
        raise not_allowed(model.name)
    await _send(exchange, _shown(house, model))


def _shown(house: House, model: Model) -> dict[str, Any]:
    price = house.prices.in_force(model.name, house.now())
    return {
        "id": model.name,
        "object": "model",
        "created": (model.modified_at or 0) // 1000,
        "owned_by": "library",
        "vision": house.catalog.known(model).sees_images,
        "pricing": None if price is None else price_body(price),
    }


async def _send(exchange: Exchange, body: dict[str, Any]) -> None:
    await exchange.answer(200, [(b"content-type", JSON)], msgspec.json.encode(body))
