"""Offers: the deployments that may serve one request, each with its price."""

from __future__ import annotations

from msgspec import Struct

from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.pricing import Price
from tollkeeper.services.models.catalog import Deployment
from tollkeeper.wire.dialect import AnyAdapter


class Offer(Struct, frozen=True, eq=False):
    """A deployment that may serve a request, by `adapter`, and the price there; None: it costs nothing. `refusal`: why
    it may not, where that is known before its limits are checked. `entry` counts the models that the requested name
    stands for."""

    deployment: Deployment
    adapter: AnyAdapter
    price: Price | None
    refusal: GatewayError | None = None
    entry: int = 0
