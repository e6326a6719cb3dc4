"""What admins do with models that are there: load, unload, copy, delete, pin. Each is audited before it is done."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct

from tollkeeper.rules.errors import (
    Conflict,
    GatewayError,
    ModelNotFound,
    Unprocessable,
    UnsupportedByUpstream,
    UpstreamFailure,
)
from tollkeeper.rules.names import MAX_NAME
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.lifecycle.commands import COMMANDS, Commands
from tollkeeper.services.models.catalog import Catalog, Deployment, Model
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.upstreams.probes import read_loaded
from tollkeeper.services.upstreams.registry import Registry, Upstream
from tollkeeper.store.ports.audit import Audit
from tollkeeper.store.ports.pins import Pin

LOADED_FOR = 300
"""Seconds for which a model is loaded unless the admin says otherwise: as by its first request."""
CURRENT = "current"
"""Stands for the digest that a model has now."""
_DIGEST = re.compile(r"(?:sha256[:-])?([0-9a-f]{64})")


class Done(Struct, frozen=True):
    """What came of a command. `done`: the ids of the upstreams that followed it; `failed`: why others did not."""

    model: str
    done: Sequence[str]
    failed: Mapping[str, str] = {}


Command = Callable[[Commands, Deployment], Awaitable[None]]


class Lifecycle:
    """The commands of admins. `now` is milliseconds since the epoch."""

    def __init__(self, registry: Registry, catalog: Catalog, pins: Pins, audit: Audit, now: Callable[[], int]) -> None:
        self._registry = registry
        self._catalog = catalog
        self._pins = pins
        self._audit = audit
        self._now = now

    def __repr__(self) -> str:
        return f"Lifecycle({self._catalog!r}, {self._pins!r})"

    async def load(self, name: str, upstream_id: str | None, seconds: int, by: Actor) -> Done:
        """Bring a model into memory, where it stays for so many seconds after its last use. Raises ModelNotFound,
        NotFound, UnsupportedByUpstream, UpstreamFailure, StoreError."""
        places = await self._places(name, upstream_id)
        await self._note(by, "model.load", places, seconds=seconds)
        return await self._each(
            "load", places, lambda commands, at: commands.load(at.upstream.client, at.spelling, seconds)
        )

    async def unload(self, name: str, upstream_id: str | None, by: Actor) -> Done:
        """Take a model out of memory, once the requests that run on it have ended. Raises as `load` does, and Conflict
        for one that is pinned there."""
        places = await self._places(name, upstream_id)
        pin = self._pins.get(places[0].model)
        if pin is not None and pin.loaded:
            raise Conflict(
                f"'{pin.model}' is pinned, and would be loaded again. Unpin it first (POST /admin/models/unpin).",
                code="model_pinned",
            )
        await self._note(by, "model.unload", places)
        return await self._each(
            "unload", places, lambda commands, at: commands.load(at.upstream.client, at.spelling, 0)
        )

    async def copy(self, name: str, to: str, upstream_id: str | None, by: Actor) -> Done:
        """Give a model a second name, under which it stays if the first is deleted or changed. Raises as `load` does,
        and Conflict where that name is taken."""
        places = await self._places(name, upstream_id)
        for place in places:
            if self._at(to, place.upstream) is not None:
                raise Conflict(
                    f"There is a model '{to}' at '{place.upstream.config.id}' already. Choose another name, or delete"
                    " it first.",
                    param="to",
                )
        await self._note(by, "model.copy", places, to=to)
        done = await self._each("copy", places, lambda commands, at: commands.copy(at.upstream.client, at.spelling, to))
        await self._refresh(done)
        return done

    async def delete(self, name: str, upstream_id: str | None, by: Actor, *, force: bool) -> Done:
        """Delete a model. Raises as `load` does, and Conflict for one that is pinned, or that requests run on; unless
        `force`."""
        places = await self._places(name, upstream_id)
        model = places[0].model
        if not force:
            if self._pins.get(model) is not None:
                raise Conflict(
                    f"'{model}' is pinned. Unpin it first (POST /admin/models/unpin), or delete it with force=true.",
                    code="model_pinned",
                )
            for place in places:
                running = place.upstream.load.running_by_model.get(model, 0)
                if running:
                    raise Conflict(
                        f"'{model}' is in use: {running} of its requests run at '{place.upstream.config.id}'. Try again"
                        " when they have ended, or delete it with force=true.",
                        code="model_in_use",
                    )
        await self._note(by, "model.delete", places, force=force)
        done = await self._each("delete", places, lambda commands, at: commands.delete(at.upstream.client, at.spelling))
        await self._refresh(done)
        return done

    async def pin(self, name: str, by: Actor, *, digest: str | None = None, loaded: bool | None = None) -> Pin:
        """Pin a model: keep it in memory (`loaded`), have its name stand for one digest only (`digest`, "current" for
        the one that it has, "" for any), or both. What is None stays as it is; without either, it is kept in memory.
        Raises ModelNotFound, UnsupportedByUpstream, Unprocessable, StoreError."""
        places = await self._places(name, None)
        model = places[0].model
        before = self._pins.get(model) or Pin(model, None, loaded=False)
        if digest is None and loaded is None:
            loaded = True
        wanted = before.digest if digest is None else self._digest(model, places, digest)
        pin = Pin(model, wanted, loaded=before.loaded if loaded is None else loaded)
        if pin.digest is None and not pin.loaded:
            raise Unprocessable(
                "Nothing would be left of the pin. Unpin the model (POST /admin/models/unpin).",
                param="loaded" if digest is None else "digest",
            )
        await self._pins.set(pin, by)
        return pin

    async def unpin(self, name: str, by: Actor) -> Pin:
        """Remove the pin of a model, which stays in memory for some minutes. Returns what it was. Raises ModelNotFound
        for one that has none, StoreError."""
        lower = name.lower()
        model = self._catalog.spellings.get(lower, lower)
        pin = self._pins.get(model)
        if pin is None or not await self._pins.remove(model, by):
            raise ModelNotFound(
                f"There is no pin of a model '{name[:MAX_NAME]}'. GET /admin/models shows them.", param="model"
            )
        return pin

    def _digest(self, model: str, places: Sequence[Deployment], text: str) -> str | None:
        if not text:
            return None
        known = {place.version.lower() for place in places if place.version}
        if text == CURRENT:
            if len(known) != 1:
                shown = ", ".join(f"{place.version[:12]} at '{place.upstream.config.id}'" for place in places)
                raise Unprocessable(f"'{model}' is not the same everywhere: {shown}. Name one digest.", param="digest")
            return known.pop()
        whole = _DIGEST.fullmatch(text.lower())
        if whole is None:
            raise Unprocessable(
                "'digest' must be the 64 hex digits of a digest, as GET /admin/models shows them, or \"current\".",
                param="digest",
            )
        return whole[1]

    async def _places(self, name: str, upstream_id: str | None) -> list[Deployment]:
        """Where a model is that we may change; at least one place. Raises ModelNotFound, NotFound,
        UnsupportedByUpstream."""
        wanted = None if upstream_id is None else self._registry.get(upstream_id)
        if wanted is not None and wanted.config.kind.managed_by is None:
            raise UnsupportedByUpstream(
                f"Models of '{wanted.config.id}' are not ours to change: it is of the kind {wanted.config.kind.name}.",
                param="upstream",
            )
        model = self._model(name)
        if model is None:
            await self._catalog.refresh_on_miss()
            model = self._model(name)
        found = [] if model is None else [each for each in model.deployments if wanted in (None, each.upstream)]
        if not found:
            where = "here" if wanted is None else f"at '{wanted.config.id}'"
            raise ModelNotFound(
                f"There is no model '{name[:MAX_NAME]}' {where}. GET /admin/models lists those there are.",
                param="model",
            )
        ours = [each for each in found if each.upstream.config.kind.managed_by is not None]
        if not ours:
            raise UnsupportedByUpstream(
                f"'{found[0].model}' is at upstreams only whose models are not ours to change.", param="model"
            )
        return ours

    def _model(self, name: str) -> Model | None:
        canonical = self._catalog.spellings.get(name.lower())
        return None if canonical is None else self._catalog.get(canonical)

    def _at(self, name: str, upstream: Upstream) -> Deployment | None:
        model = self._model(name)
        return next((each for each in model.deployments if each.upstream is upstream), None) if model else None

    async def _note(self, by: Actor, action: str, places: Sequence[Deployment], **detail: object) -> None:
        detail = {"upstreams": [place.upstream.config.id for place in places], **detail}
        await self._audit.add(by.entry(self._now(), action, places[0].model, detail))

    async def _each(self, what: str, places: Sequence[Deployment], act: Command) -> Done:
        """Have all of these places follow a command. Raises UpstreamFailure where none did."""
        errors = await asyncio.gather(*(follow(place, act) for place in places))
        model = places[0].model
        failed = {
            place.upstream.config.id: reason for place, reason in zip(places, errors, strict=True) if reason is not None
        }
        if len(failed) == len(places):
            told = "; ".join(f"{upstream}: {reason}" for upstream, reason in failed.items())
            raise UpstreamFailure(f"No upstream could {what} '{model}' ({told}).")
        done = [place.upstream.config.id for place in places if place.upstream.config.id not in failed]
        return Done(model, done, failed)

    async def _refresh(self, done: Done) -> None:
        await self._catalog.refresh_changed(each for each in self._registry.managed() if each.config.id in done.done)


async def follow(place: Deployment, act: Command) -> str | None:
    """Have one place follow a command. Returns why it did not; None: it did."""
    upstream = place.upstream
    managed_by = upstream.config.kind.managed_by
    assert managed_by is not None, "only of places whose models are ours to change"
    try:
        await act(COMMANDS[managed_by], place)
    except GatewayError as error:
        error.redact(upstream.client.redact)
        detail = getattr(error, "detail", None)
        return f"{error.message} ({detail})" if detail else error.message
    with suppress(GatewayError):  # the command was followed, and probes read it again soon
        await read_loaded(upstream)
    return None
