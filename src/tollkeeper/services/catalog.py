"""Which models there are, where they run, what they can do, and by which other names they go.

The lists are cached: a request reads memory. A name that is not there causes one refresh (shared by all that ask in the
meantime) before it is called unknown.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import (
    GatewayError,
    ModelNotAllowed,
    ModelNotFound,
    Unprocessable,
    UpstreamFailure,
    UpstreamUnavailable,
)
from tollkeeper.rules.image_tokens import DEAREST, UNTOLD, of_ollama, of_provider
from tollkeeper.rules.names import MAX_NAME, alias_key, canonical, is_cloud
from tollkeeper.services.audit import Actor
from tollkeeper.services.changes import Changes
from tollkeeper.services.upstream.config import UpstreamConfig
from tollkeeper.services.upstream.ports import Client
from tollkeeper.store.ports import Book

log = logging.getLogger("tollkeeper.catalog")
_MAX_LISTING = 16_000_000
_ROUTES_KEPT = 4096
T = TypeVar("T")
_JSON = ((b"content-type", b"application/json"),)


class Model(Struct, frozen=True):
    """A model somewhere. `name` is canonical; `version` changes when the model does; times are milliseconds."""

    name: str
    upstream: str
    version: str
    modified_at: int | None


class Route(Struct, frozen=True):
    """Where a request goes."""

    model: str
    upstream: UpstreamConfig
    client: Client


class _Tag(Struct):
    model: str
    digest: str = ""
    modified_at: str = ""


class _Tags(Struct):
    models: list[_Tag]


class _Show(Struct):
    capabilities: list[str] | None = None
    template: str = ""
    system: str = ""
    messages: Raw = Raw(b"")
    model_info: dict[str, Raw] = {}
    projector_info: dict[str, Raw] = {}


class Facts(Struct, frozen=True):
    """What is known of a model beyond its name. `sees_images`, `context` (tokens): None where its upstream does not
    tell. `overhead`: bytes that its template, system text and first messages put around every request. `image_tokens`:
    the most that one image is. `asked` False: its upstream should tell, and did not yet."""

    sees_images: bool | None
    context: int | None
    overhead: int
    image_tokens: int = DEAREST
    asked: bool = True


PROVIDER_OVERHEAD = 64
"""Allowance for what a provider that does not tell puts around a request."""
_UNKNOWN = Facts(None, None, PROVIDER_OVERHEAD, UNTOLD, asked=False)


class _Listed(Struct):
    id: str


class _Listing(Struct):
    data: list[_Listed]


class Catalog:
    """`now` is milliseconds since the epoch. `load` once, then `refresh` now and then."""

    def __init__(
        self, upstreams: Sequence[tuple[UpstreamConfig, Client]], book: Book, now: Callable[[], int], *, patience: float
    ) -> None:
        self._upstreams = {config.id: (config, client) for config, client in upstreams}
        self._book = book
        self._now = now
        self._patience = patience
        self._models: dict[str, Model] = {}
        self._faults: dict[str, str | None] = {config.id: "it has not been asked yet" for config, _ in upstreams}
        self._facts: dict[tuple[str, str], Facts] = {}
        self._of_providers: dict[str, Facts] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[Facts]] = {}
        self._aliases: dict[str, str] = {}
        self._routes: dict[str, Route] = {}
        """By the names that were asked for, since models and aliases last changed."""
        self._changes = Changes()
        self._refreshing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Catalog({len(self._models)} models, {len(self._aliases)} aliases, faults={self._faults})"

    async def load(self) -> None:
        self._aliases = await self._book.aliases()

    # Aliases

    def get(self) -> dict[str, str]:
        """Aliases, as `alias_key` spells them → the names they stand for."""
        return dict(self._aliases)

    def aliases_of(self) -> dict[str, list[str]]:
        """The aliases of each model that has some, by its name."""
        found: dict[str, list[str]] = {}
        for alias in sorted(self._aliases):
            model = canonical(alias, self._models, self._aliases)
            if model is not None:
                found.setdefault(model, []).append(alias)
        return found

    async def replace(self, aliases: Mapping[str, str], by: Actor) -> None:
        """All aliases at once, in force at the next request. Raises Unprocessable for two spellings of one name."""
        spelt: dict[str, str] = {}
        for alias in aliases:
            other = spelt.setdefault(alias_key(alias), alias)
            if other != alias:
                raise Unprocessable(f"'{alias}' and '{other}' are the same name: leave one of them out.", param=alias)
        table = {key: aliases[alias] for key, alias in spelt.items()}

        async def change() -> None:
            await self._book.replace_aliases(table, by.entry(self._now(), "aliases.replace", "*", table))
            self._aliases = table
            self._routes.clear()

        await self._changes.run(change)

    # Models

    def models(self) -> list[Model]:
        """All models, by name."""
        return [self._models[name] for name in sorted(self._models)]

    async def model(self, name: str) -> Model:
        """The model that `name` asks for. Raises ModelNotFound, ModelNotAllowed, UpstreamUnavailable."""
        known = canonical(name, self._models, self._aliases)
        if known is None and len(name) <= MAX_NAME:
            await self.refresh()
            known = canonical(name, self._models, self._aliases)
        shown = name[:MAX_NAME]
        if is_cloud(known or shown.lower()):
            raise ModelNotAllowed(
                f"The model '{shown}' runs on someone else's machines, which this gateway does not allow.",
                param="model",
            )
        if known is None:
            if all(self._faults.values()):
                raise UpstreamUnavailable(
                    "No upstream answers right now, so its models are unknown. Try again soon.", status=503
                )
            raise ModelNotFound(
                f"The model '{shown}' does not exist here. GET /v1/models lists those that do.", param="model"
            )
        return self._models[known]

    async def route(self, name: str) -> Route:
        """Where a request for `name` goes."""
        route = self._routes.get(name)
        if route is None:
            model = await self.model(name)
            route = Route(model.name, *self._upstreams[model.upstream])
            if len(self._routes) < _ROUTES_KEPT:
                self._routes[name] = route
        return route

    def known(self, model: Model) -> Facts:
        """What is known of a model by now, without asking."""
        return self._facts.get((model.name, model.version), _UNKNOWN)

    async def learn(self) -> None:
        """Ask for the facts of models of which none are known yet. Never raises for those that do not answer."""
        for model in self.models():
            if (model.name, model.version) not in self._facts:
                await self.facts(Route(model.name, *self._upstreams[model.upstream]))

    async def facts(self, route: Route) -> Facts:
        """What is known of the model of a route; asked once for each of its versions. Never raises for an upstream
        that does not answer: what is known then was not asked."""
        if route.upstream.kind != "ollama":
            known = self._of_providers.get(route.model)
            if known is None:
                known = Facts(None, None, PROVIDER_OVERHEAD, of_provider(route.model))
                self._of_providers[route.model] = known
            return known
        model = self._models.get(route.model)
        if model is None:
            return _UNKNOWN
        key = (model.name, model.version)
        found = self._facts.get(key)
        if found is not None:
            return found
        asking = self._asking.get(key)  # one question for all who want to know at once
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._learn(key, route.client))
            asking.add_done_callback(lambda _: self._asking.pop(key))
        return await asyncio.shield(asking)

    async def _learn(self, key: tuple[str, str], client: Client) -> Facts:
        try:
            async with asyncio.timeout(self._patience):
                shown = await self._ask(client, b"POST", b"/api/show", {"model": key[0]}, _Show)
        except (GatewayError, TimeoutError) as fault:
            why = fault.message if isinstance(fault, GatewayError) else "it does not answer"
            log.warning("the upstream of %s does not describe it: %s", key[0], why)
            return _UNKNOWN
        self._facts[key] = _read_facts(shown)
        return self._facts[key]

    # Keeping up

    async def refresh(self) -> None:
        """Ask every upstream for its list; those that do not answer keep the last one. Never raises for them."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())
        await asyncio.shield(self._refreshing)

    def upstreams(self) -> list[UpstreamConfig]:
        """All of them, as they are configured."""
        return [config for config, _ in self._upstreams.values()]

    def faults(self) -> dict[str, str | None]:
        """What is wrong with each upstream, by id; None: nothing."""
        return dict(self._faults)

    async def _refresh(self) -> None:
        listings: list[Awaitable[list[Model]]] = [self._list(*pair) for pair in self._upstreams.values()]
        results = await asyncio.gather(*listings, return_exceptions=True)
        models: dict[str, Model] = {}
        for upstream, result in zip(self._upstreams, results, strict=True):
            if isinstance(result, GatewayError | TimeoutError):
                fault = result.message if isinstance(result, GatewayError) else "it does not answer"
                if self._faults[upstream] != fault:
                    log.warning("upstream %s cannot list its models: %s", upstream, fault)
                self._faults[upstream] = fault
                found = [model for model in self._models.values() if model.upstream == upstream]
            elif isinstance(result, BaseException):
                raise result
            else:
                self._faults[upstream] = None
                found = result
            for model in found:
                models.setdefault(model.name, model)
        versions = {(model.name, model.version) for model in models.values()}
        self._facts = {key: facts for key, facts in self._facts.items() if key in versions}
        self._models = models
        self._routes.clear()

    async def _list(self, config: UpstreamConfig, client: Client) -> list[Model]:
        async with asyncio.timeout(self._patience):
            if config.kind == "ollama":
                tags = await self._ask(client, b"GET", b"/api/tags", None, _Tags)
                found = [Model(tag.model.lower(), config.id, tag.digest, _when(tag.modified_at)) for tag in tags.models]
                return [model for model in found if not is_cloud(model.name)]
            listing = await self._ask(client, b"GET", b"/v1/models", None, _Listing)
            names = config.models or [listed.id.lower() for listed in listing.data]
            return [Model(name, config.id, "", None) for name in names]

    async def _ask(self, client: Client, method: bytes, target: bytes, body: object, kind: type[T]) -> T:
        lease = await client.acquire()
        text = b"" if body is None else msgspec.json.encode(body)
        answer = await lease.send(method, target, _JSON if text else (), text)
        try:
            content = await answer.read_all(_MAX_LISTING)
            if answer.status != 200:
                raise UpstreamFailure(f"it answered {answer.status} to {target.decode()}")
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise UpstreamFailure(f"what it answered to {target.decode()} is not JSON of its API") from None
        finally:
            answer.abort()


def _read_facts(shown: _Show) -> Facts:
    told = shown.capabilities
    context = _number(shown.model_info, ".context_length")
    # JSON's own marks count as well: they are what a template puts around messages.
    overhead = len(shown.template.encode()) + len(shown.system.encode()) + len(bytes(shown.messages))
    image = _image_tokens(shown)
    return Facts("vision" in told if told else None, context or None, overhead, min(image, context or image))


def _image_tokens(shown: _Show) -> int:
    """What is longer than its context a model never sees, so that bounds an image too."""
    info = shown.model_info | shown.projector_info
    kinds = [
        msgspec.json.decode(table[name], type=str)
        for table in (shown.model_info, shown.projector_info)
        for name in ("general.architecture", "clip.projector_type", "clip.vision.projector_type")
        if bytes(table.get(name, b""))[:1] == b'"'
    ]
    if "clip.projector_type" in info or "clip.vision.projector_type" in info:
        kinds = [kind for kind in kinds if kind != "clip"]  # that it is one of llama.cpp's says nothing of which
    return of_ollama(kinds, _number(info, ".vision.image_size"), _number(info, ".vision.patch_size"))


def _number(info: Mapping[str, Raw], end: str) -> int:
    """The integer whose name ends so, whatever the architecture before it; 0 where there is none."""
    found = next((bytes(value) for name, value in info.items() if name.endswith(end)), b"")
    return int(found) if found.isdigit() else 0


def _when(text: str) -> int | None:
    # Go writes up to nine digits of a second; datetime reads six.
    try:
        moment = msgspec.convert(text[:19] + (text[-6:] if text[-6:-5] in "+-" and text[-1:] != "Z" else "Z"), datetime)
    except msgspec.ValidationError:
        return None
    return int(moment.timestamp() * 1000)
