"""Catalog of models: every model, and the upstreams that have it.

The upstreams' lists are cached, so that requests read memory only. Each is fetched anew by itself, so that a slow
upstream keeps no other's models out; concurrent calls share one request. Where nothing else shows that an upstream
lives, its list is its probe.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.errors import GatewayError, UpstreamTimeout, UpstreamUnavailable
from tollkeeper.rules.names import is_cloud, spellings
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.listings import LISTINGS, NO_FILE, ListedModel, ModelFile
from tollkeeper.services.upstreams.registry import Fault, Registry, Upstream

log = logging.getLogger("tollkeeper.catalog")

MISS_EVERY = 5.0
"""Seconds for which an upstream is not asked again for a model that it did not list."""
FAILED_EVERY = 30.0
"""Seconds, at most, until an upstream that could not list its models is asked again."""
WATCHED_EVERY = 2.0
"""Seconds between two readings of the list of an upstream of whose models one must not change unseen."""
_CHECKED_EVERY = 1.0


class Deployment(Struct, frozen=True):
    """A model on an upstream. `model` is its canonical name, and `spelling` what the upstream calls it, which may tell
    upper from lower case; `version` changes when the model does; `modified_at` is milliseconds since the epoch;
    `sees_images` and `file` are what the upstream's list says; None: the list does not say, but the facts may."""

    model: str
    upstream: Upstream
    spelling: str
    version: str = ""
    modified_at: int | None = None
    sees_images: bool | None = None
    file: ModelFile = NO_FILE


class Model(Struct, frozen=True):
    """A model, by its canonical name, and its deployments: at least one, in the registry's order."""

    name: str
    deployments: tuple[Deployment, ...]


class _List(Struct, frozen=True):
    """The models that an upstream listed, and its configuration then."""

    config: UpstreamConfig | None
    models: list[ListedModel]

    def is_of(self, config: UpstreamConfig) -> bool:
        """Whether it is that of an upstream with this configuration, too."""
        then = self.config
        return then is not None and (then.kind, then.base_url) == (config.kind, config.base_url)


_NO_LIST = _List(None, [])


class Catalog:
    """The models of all upstreams in a registry. `patience`: seconds that each may take to list its models. `clock` is
    monotonic seconds. `priced` gives the names that have a price: of models whose names may end in a suffix that
    changes their price, those with such a name are there, too (`Kind.priced_suffixes`)."""

    def __init__(
        self,
        registry: Registry,
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        priced: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._registry = registry
        self._patience = patience
        self._clock = clock
        self._priced = priced
        self._lists: dict[Upstream, _List] = {}
        self._asked_at: dict[Upstream, float] = {}
        self._asking: dict[Upstream, asyncio.Task[None]] = {}
        self._models: dict[str, Model] = {}
        self.remote: dict[str, str] = {}
        """As `spellings`, of the models that are left out, since they run on someone else's machines."""
        self.spellings: dict[str, str] = {}
        """From every spelling of a model's name to its canonical name (`rules/names.py`)."""
        self.watched: Callable[[str], bool] = lambda _: False
        """Whether the model with this canonical name must not change unseen."""
        self.on_listed: list[Callable[[UpstreamConfig, list[ListedModel]], Awaitable[None]]] = []
        """Awaited with each list that an upstream has given, before its models are there."""
        self.on_change: list[Callable[[], None]] = []
        registry.on_change.append(self._registry_changed)

    def __repr__(self) -> str:
        return f"Catalog({len(self._models)} models)"

    def models(self) -> list[Model]:
        """All models, by name."""
        return list(self._models.values())

    def get(self, name: str) -> Model | None:
        """The model with this canonical name."""
        return self._models.get(name)

    def deployments(self) -> list[Deployment]:
        """Every model on every upstream."""
        return [deployment for model in self._models.values() for deployment in model.deployments]

    async def refresh(self) -> None:
        """Fetch the list of every upstream; the last list of one that fails is kept. Upstream errors are not raised."""
        await self._ask(self._registry.enabled())

    async def refresh_on_miss(self) -> None:
        """As `refresh`, but for the lists that are a few seconds old at most: names that do not exist must not cost an
        upstream a request each."""
        await self._ask(upstream for upstream in self._registry.enabled() if self._age(upstream) >= MISS_EVERY)

    async def find_one(self) -> None:
        """As `refresh_on_miss`, but of the active ones that could not list their models, and until the first can."""
        asking = {
            self._start(upstream)
            for upstream in self._registry.active()
            if upstream.fault is not None and self._age(upstream) >= MISS_EVERY
        }
        while asking and all(self._registry.faults().values()):
            _, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)

    async def refresh_changed(self, upstreams: Iterable[Upstream]) -> None:
        """As `refresh`, of upstreams whose models we have just changed: a list that was asked for before that does not
        count."""
        changed = list(upstreams)
        former = [task for upstream in changed if (task := self._asking.get(upstream)) is not None]
        if former:
            await asyncio.wait(former)
        await self._ask(changed)

    def refresh_soon(self, upstream: Upstream) -> None:
        """Begin to fetch the list of an upstream that does not know a model on it, unless that list is new."""
        if self._age(upstream) >= MISS_EVERY:
            self._start(upstream)

    async def refresh_due(self) -> None:
        """As `refresh`, but only for the lists that are as old as their kind lets them get. One that may sleep, since
        it is never probed, is asked once, and again only while it works."""
        await self._ask(upstream for upstream in self._registry.enabled() if self._is_due(upstream))

    async def keep_fresh(self) -> None:
        """Fetch each list again when it is due; until cancelled."""
        while True:
            for upstream in self._registry.enabled():
                if self._is_due(upstream):
                    self._start(upstream)  # and not waited for: the next may be due before this one answers
            await asyncio.sleep(_CHECKED_EVERY)

    def _is_due(self, upstream: Upstream) -> bool:
        if not upstream.config.probe_every and not upstream.load.running:  # it may sleep
            return upstream not in self._asked_at
        every = upstream.config.kind.lists_every
        listed = self._lists.get(upstream, _NO_LIST).models
        if upstream.config.kind.managed_by is not None and any(self.watched(model.name) for model in listed):
            every = WATCHED_EVERY
        return self._age(upstream) >= (every if upstream.fault is None else min(every, FAILED_EVERY))

    def _age(self, upstream: Upstream) -> float:
        asked_at = self._asked_at.get(upstream)
        return float("inf") if asked_at is None else self._clock() - asked_at

    async def _ask(self, upstreams: Iterable[Upstream]) -> None:
        tasks = [self._start(upstream) for upstream in upstreams]
        if tasks:
            await asyncio.wait(tasks)  # which a caller that leaves does not cancel

    def _start(self, upstream: Upstream) -> asyncio.Task[None]:
        task = self._asking.get(upstream)
        if task is None:
            task = self._asking[upstream] = asyncio.create_task(self._list(upstream))
            task.add_done_callback(lambda _: self._asking.pop(upstream))
        return task

    async def _list(self, upstream: Upstream) -> None:
        config, health = upstream.config, upstream.health
        try:
            async with asyncio.timeout(self._patience):
                listed = await LISTINGS[config.kind.lists_by](upstream.client)
        except (GatewayError, TimeoutError) as error:
            fault = Fault("it does not answer")
            if isinstance(error, GatewayError):
                error.redact(upstream.client.redact)
                fault = Fault(error.message, getattr(error, "detail", None))
            if config.kind.list_probes and isinstance(error, (UpstreamUnavailable, UpstreamTimeout, TimeoutError)):
                health.probed(self._clock(), fault.reason)  # what does answer may be one that has no list
            if upstream.fault != fault:
                log.warning("upstream %s cannot list its models: %s", config.id, fault.reason)
            upstream.fault = fault
            return
        except Exception:
            log.exception("what upstream %s lists cannot be read", config.id)
            upstream.fault = Fault("its list of models cannot be read")
            return
        finally:
            self._asked_at[upstream] = self._clock()
        for follow in self.on_listed:
            await follow(config, listed)
        upstream.fault = None
        if config.kind.list_probes:
            health.probed(self._clock(), None)
        known = self._lists.get(upstream)
        self._lists[upstream] = _List(config, listed)
        if known is None or known.models != listed:
            self._rebuild()

    def prices_changed(self) -> None:
        """Add the models that are there only by a price for their name."""
        if any(upstream.config.kind.priced_suffixes for upstream in self._registry):
            self._rebuild()

    def takes_suffix(self, name: str) -> bool:
        """Whether a name, in lower case, is that of a model with a suffix that changes its price."""
        base = self._models.get(name.rpartition(":")[0])
        return base is not None and any(_takes_suffix(deployment, name) for deployment in base.deployments)

    def _registry_changed(self) -> None:
        former = {upstream.config.id: upstream for upstream in self._lists}
        for upstream in self._registry.enabled():
            before = former.get(upstream.config.id)
            if before is not None and self._lists[before].is_of(upstream.config):
                # Until it is asked again, a changed upstream has the models that it had.
                self._lists[upstream], upstream.fault = self._lists[before], before.fault
        self._rebuild()

    def _rebuild(self) -> None:
        upstreams = self._registry.enabled()
        self._lists = {upstream: self._lists[upstream] for upstream in upstreams if upstream in self._lists}
        self._asked_at = {upstream: at for upstream, at in self._asked_at.items() if upstream in upstreams}
        places: dict[str, list[Deployment]] = {}
        left_out = []
        for upstream in upstreams:
            for model in _served(upstream.config, self._lists.get(upstream, _NO_LIST).models):
                if _is_left_out(model, upstream.config):
                    left_out.append((model.name, upstream.config.kind))
                else:
                    places.setdefault(model.name, []).append(
                        Deployment(
                            model.name,
                            upstream,
                            model.spelling,
                            model.version,
                            model.modified_at,
                            model.sees_images,
                            model.file,
                        )
                    )
        for name in self._priced():
            bases = places.get(name.rpartition(":")[0], ())
            suffix = ":" + name.rpartition(":")[2]
            variants = [
                replace(base, model=name, spelling=base.spelling + suffix)
                for base in bases
                if _takes_suffix(base, name)
            ]
            if variants and name not in places:
                places[name] = variants
        self._models = {name: Model(name, tuple(places[name])) for name in sorted(places)}
        self.spellings = spellings((each.model, each.upstream.config.kind) for each in self.deployments())
        self.remote = spellings(left_out)
        for listener in self.on_change:
            listener()


def _takes_suffix(base: Deployment, name: str) -> bool:
    return name.endswith(base.upstream.config.kind.priced_suffixes)


def _served(config: UpstreamConfig, listed: Iterable[ListedModel]) -> list[ListedModel]:
    by_name = {model.name: model for model in listed}
    if config.models is None:
        return list(by_name.values())
    return [by_name.get(name.lower()) or ListedModel(name) for name in config.models]


def _is_left_out(model: ListedModel, config: UpstreamConfig) -> bool:
    """Whether a model runs on someone else's machines, where that is not allowed."""
    return not config.cloud and (model.remote or is_cloud(model.name, config.kind))
