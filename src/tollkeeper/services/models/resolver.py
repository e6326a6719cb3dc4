"""Resolution of a client's name for a model to the deployments that may serve it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tollkeeper.rules.errors import (
    BadRequest,
    GatewayError,
    ModelChanged,
    ModelNotAllowed,
    ModelNotFound,
    UpstreamUnavailable,
)
from tollkeeper.rules.names import MAX_NAME, Entry, is_cloud, resolve
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog, Deployment, Model
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.upstreams.registry import Registry

_NAMES_KEPT = 4096


class Choice(Struct, frozen=True):
    """A deployment that may serve a request. `entry` counts the models that the requested name stands for, from 0."""

    entry: int
    deployment: Deployment


class Resolver:
    """Resolves names from memory. An unknown name first triggers a refresh of the catalog, which concurrent requests
    share."""

    def __init__(self, registry: Registry, catalog: Catalog, aliases: Aliases, pins: Pins) -> None:
        self._registry = registry
        self._catalog = catalog
        self._aliases = aliases
        self._pins = pins
        self._candidates: dict[str, tuple[Choice, ...]] = {}
        """Results by requested name, since models, upstreams or aliases last changed."""
        catalog.on_change.append(self._candidates.clear)
        aliases.on_change.append(self._candidates.clear)
        pins.on_change.append(self._candidates.clear)

    def __repr__(self) -> str:
        return f"Resolver({self._catalog!r}, {self._aliases!r})"

    def known(self, name: str) -> tuple[Choice, ...] | None:
        """What `candidates` returns, where it was asked before; None: it was not, or things have changed since."""
        return self._candidates.get(name)

    async def candidates(self, name: str) -> tuple[Choice, ...]:
        """The deployments that may serve a request for `name`: at least one, by entry, then as the upstreams were
        registered. Raises ModelNotFound, ModelNotAllowed, ModelChanged, BadRequest, UpstreamUnavailable."""
        found = self._candidates.get(name)
        if found is None:
            entries = await self._entries(name)
            found = tuple(self._choices(entries))
            if not found:  # it may be one of an upstream that has just come
                await self._catalog.refresh_on_miss()
                entries = await self._entries(name)
                found = tuple(self._choices(entries))
            if not found:
                changed = next((choice.deployment for choice in self._active(entries)), None)
                raise _nowhere(name[:MAX_NAME], entries) if changed is None else _changed(changed)
            if len(self._candidates) < _NAMES_KEPT:
                self._candidates[name] = found
        return found

    def check_pinned(self, deployment: Deployment) -> None:
        """Check once more that a deployment has the digest that its name is pinned to, if it is: it may have changed
        while the request waited. Raises ModelChanged."""
        if self._pins.get(deployment.model) is None:
            return
        model, upstream = self._catalog.get(deployment.model), deployment.upstream.config.id
        places = () if model is None else model.deployments
        now = next((place for place in places if place.upstream.config.id == upstream), deployment)
        if self._pins.refuses(now):
            raise _changed(now)

    def canonical(self, name: str) -> str:
        """The canonical name of the first model that `name` stands for; "": none that is known."""
        found = self._candidates.get(name)
        if found is not None:
            return found[0].deployment.model
        return next((entry.model for entry in self._known(name)), "")

    async def model(self, name: str) -> Model:
        """The model that `name` stands for; of several the first. Raises as `candidates` does."""
        return self._model((await self._entries(name))[0])

    def aliases_by_model(self) -> dict[str, list[str]]:
        """Aliases by the canonical name of each model that they stand for."""
        found: dict[str, list[str]] = {}
        for alias in sorted(self._aliases.table):
            for model in dict.fromkeys(entry.model for entry in self._known(alias)):
                found.setdefault(model, []).append(alias)
        return found

    async def _entries(self, name: str) -> list[Entry]:
        """The models that `name` stands for: at least one. Raises as `candidates` does."""
        found = self._known(name)
        if not found and len(name) <= MAX_NAME:
            await self._catalog.refresh_on_miss()
            found = self._known(name)
        if found:
            return found
        shown = name[:MAX_NAME]
        configs = [upstream.config for upstream in self._registry]
        lower = shown.lower()
        if lower in self._catalog.remote or any(not each.cloud and is_cloud(lower, each.kind) for each in configs):
            raise ModelNotAllowed(
                f"The model '{shown}' runs on someone else's machines, which this gateway does not allow.",
                param="model",
            )
        if self._catalog.takes_suffix(lower):
            raise suffix_not_priced(lower)
        if all(self._registry.faults().values()):
            raise UpstreamUnavailable(
                "No upstream answers right now, so its models are unknown. Try again soon.", status=503
            )
        raise ModelNotFound(
            f"The model '{shown}' does not exist here. GET /v1/models lists those that do.", param="model"
        )

    def _known(self, name: str) -> list[Entry]:
        ids = [upstream.config.id for upstream in self._registry]
        return resolve(name, self._catalog.spellings, self._aliases.table, ids)

    def _choices(self, entries: list[Entry]) -> Iterator[Choice]:
        return (choice for choice in self._active(entries) if not self._pins.refuses(choice.deployment))

    def _active(self, entries: list[Entry]) -> Iterator[Choice]:
        """The deployments on upstreams that get requests, those of another digest than the pinned one included."""
        for place, entry in enumerate(entries):
            for deployment in self._model(entry).deployments:
                config = deployment.upstream.config
                if config.state == "active" and entry.upstream in (None, config.id):
                    yield Choice(place, deployment)

    def _model(self, entry: Entry) -> Model:
        model = self._catalog.get(entry.model)
        assert model is not None, "spellings are of models of the catalog"
        return model


def suffix_not_priced(model: str) -> BadRequest:
    """The error for a model with a suffix that changes its price, to what no price says."""
    base, _, suffix = model.rpartition(":")
    return BadRequest(
        f"':{suffix}' changes what '{base}' costs, and no price here names '{model}'. Leave it out, or ask an admin to "
        "set a price for that name.",
        param="model",
    )


def _changed(deployment: Deployment) -> ModelChanged:
    """The error for a model that is pinned to another digest than it has."""
    return ModelChanged(
        f"The model '{deployment.model}' has changed: its name is pinned to one digest, and now stands for another. Use"
        " another model, or ask an admin to accept the change (POST /admin/models/pin).",
        param="model",
    )


def _nowhere(name: str, entries: list[Entry]) -> GatewayError:
    """The error for a known model that no active upstream of those in question has."""
    if all(entry.upstream is not None for entry in entries):
        return ModelNotFound(
            f"The upstream in '{name}' does not have this model, or gets no requests right now. Leave it out to use any"
            " that has it.",
            param="model",
        )
    return UpstreamUnavailable(
        f"No upstream that has '{name}' gets requests right now. Ask an admin, or try again later.", status=503
    )
