"""Inventory: every model on every upstream, with all that is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from tollkeeper.rules.pricing import Price
from tollkeeper.rules.times import month_bounds
from tollkeeper.services.lifecycle.keeping import Keeping
from tollkeeper.services.models.catalog import Catalog, Deployment, Model
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.models.prices import Prices
from tollkeeper.services.upstreams.listings import LoadedModel
from tollkeeper.store.ports.pins import Pin
from tollkeeper.store.ports.reports import Filter, Reports


class PlacedModel(Struct, frozen=True):
    """A model on an upstream. `loaded` None: it is not in memory, or the upstream does not show it. `running`: its
    requests there now. `changed`: its name is pinned to another digest, so it gets no requests. `managed`: it is ours
    to change. `pin_error`: why it could not be kept in memory."""

    deployment: Deployment
    context: int | None
    loaded: LoadedModel | None
    running: int
    price: Price | None
    changed: bool
    managed: bool
    pin_error: str | None


class InventoryModel(Struct, frozen=True):
    """A model, and its places, in the registry's order. `requests`: those of this month (UTC); `last_used_at`:
    milliseconds since the epoch; None: never, as far as the records go."""

    model: Model
    places: Sequence[PlacedModel]
    sees_images: bool | None
    pin: Pin | None
    requests: int
    last_used_at: int | None


class Inventory:
    """The models of a catalog. `now` is milliseconds since the epoch."""

    def __init__(
        self,
        catalog: Catalog,
        facts: FactsCache,
        prices: Prices,
        pins: Pins,
        keeping: Keeping,
        reports: Reports,
        now: Callable[[], int],
    ) -> None:
        self._catalog = catalog
        self._facts = facts
        self._prices = prices
        self._pins = pins
        self._keeping = keeping
        self._reports = reports
        self._now = now

    def __repr__(self) -> str:
        return f"Inventory({self._catalog!r})"

    async def of(self, models: Sequence[Model]) -> list[InventoryModel]:
        """All that is known of these models. Raises StoreError."""
        now = self._now()
        month, _ = month_bounds(now)
        counted = await self._reports.summary(Filter(since=month), ["model"])
        requests = {name: totals.requests for (name,), totals in counted}
        used = await self._reports.last_used()
        return [self._of(model, requests, used, now) for model in models]

    def _of(self, model: Model, requests: Mapping[str, int], used: Mapping[str, int], now: int) -> InventoryModel:
        return InventoryModel(
            model,
            [self._placed(deployment, now) for deployment in model.deployments],
            self._facts.sees_images(model),
            self._pins.get(model.name),
            requests.get(model.name, 0),
            used.get(model.name),
        )

    def _placed(self, deployment: Deployment, now: int) -> PlacedModel:
        upstream, model = deployment.upstream, deployment.model
        return PlacedModel(
            deployment,
            self._facts.known(deployment).context,
            upstream.load.memory.get(model),
            upstream.load.running_by_model.get(model, 0),
            self._prices.in_force(model, upstream.config.id, now),
            self._pins.refuses(deployment),
            upstream.config.kind.managed_by is not None,
            self._keeping.errors.get((upstream.config.id, model)),
        )
