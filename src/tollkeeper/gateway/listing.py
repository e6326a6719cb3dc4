"""The models a user may ask for, with their prices."""

from __future__ import annotations

from typing import Any

import msgspec

from tollkeeper.gateway.answers import JSON
from tollkeeper.gateway.exchange import Exchange
from tollkeeper.gateway.house import House
from tollkeeper.services.catalog import Model
from tollkeeper.services.prices import price_body


async def list_models(house: House, exchange: Exchange) -> None:
    """`GET /v1/models`."""
    house.accounts.identify(exchange.secret())
    models = house.catalog.models()
    if not models:
        await house.catalog.refresh()
        models = house.catalog.models()
    data = [_shown(house, model) for model in models]
    await _send(exchange, {"object": "list", "data": data, "has_more": False, "next": None})


async def show_model(house: House, exchange: Exchange, name: str) -> None:
    """`GET /v1/models/{id}`, whatever spelling of the name."""
    house.accounts.identify(exchange.secret())
    await _send(exchange, _shown(house, await house.catalog.model(name)))


def _shown(house: House, model: Model) -> dict[str, Any]:
    price = house.prices.in_force(model.name, house.now())
    return {
        "id": model.name,
        "object": "model",
        "created": (model.modified_at or 0) // 1000,
        "owned_by": "library",
        "pricing": None if price is None else price_body(price),
    }


async def _send(exchange: Exchange, body: dict[str, Any]) -> None:
    await exchange.answer(200, [(b"content-type", JSON)], msgspec.json.encode(body))
