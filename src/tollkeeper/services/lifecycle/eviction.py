"""Eviction: models that nobody has used for long leave the memory of their upstream, or its disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.lifecycle.lifecycle import follow
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.ports.audit import Audit
from tollkeeper.store.ports.reports import Reports

log = logging.getLogger("tollkeeper.lifecycle")

Eviction = Literal["unload", "delete"]

EVERY = 60.0
"""Seconds between two looks for models that nobody uses."""
EVICTION = Actor("@eviction")


class Evicted(Struct, frozen=True):
    """A model that was evicted, or would be. `last_used_at` is milliseconds since the epoch; None: never, as far as
    the records go. `error`: why it could not be."""

    model: str
    upstream: str
    last_used_at: int | None
    error: str | None = None


class Evictor:
    """Evicts models. `now` is milliseconds since the epoch. A model is used by requests, and counts as used when it is
    changed on disk (pulled, say); in memory, also when it is first seen there."""

    def __init__(
        self,
        registry: Registry,
        catalog: Catalog,
        pins: Pins,
        reports: Reports,
        audit: Audit,
        now: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._catalog = catalog
        self._pins = pins
        self._reports = reports
        self._audit = audit
        self._now = now
        self._seen: dict[tuple[str, str], int] = {}
        """When each model was first seen in the memory of an upstream, since it is there."""

    def __repr__(self) -> str:
        return f"Evictor({len(self._seen)} in memory)"

    async def run(self, after: float, how: Eviction) -> None:
        """Evict what nobody has used for `after` seconds, again and again; until cancelled."""
        while True:
            try:
                await self.evict(after, how, None, EVICTION)
            except Exception:
                log.exception("what nobody uses could not be evicted; it will be tried again")
            await asyncio.sleep(min(EVERY, after))

    def look(self) -> None:
        """Note what is in memory now."""
        now = self._now()
        there = {(each.config.id, model) for each in self._registry.managed() for model in each.load.memory}
        self._seen = {place: self._seen.get(place, now) for place in there}

    async def evict(
        self, after: float, how: Eviction, upstream_id: str | None, by: Actor, *, dry_run: bool = False
    ) -> list[Evicted]:
        """Evict the models that nobody has used for `after` seconds, from one upstream or all; what is pinned, or is
        being used, stays. `dry_run`: only tell which. Raises NotFound, StoreError."""
        if upstream_id is not None:
            self._registry.get(upstream_id)
        self.look()
        used = await self._reports.last_used()
        before = self._now() - round(after * 1000)
        chosen = [
            deployment
            for deployment in self._catalog.deployments()
            if upstream_id in (None, deployment.upstream.config.id)
            and self._may_go(deployment, how)
            and self._last_use(deployment, how, used) <= before
        ]
        if not chosen or dry_run:
            return [Evicted(each.model, each.upstream.config.id, used.get(each.model)) for each in chosen]
        detail = {
            "how": how,
            "after_seconds": after,
            "models": [f"{each.model}@{each.upstream.config.id}" for each in chosen],
        }
        await self._audit.add(by.entry(self._now(), "model.evict", "*", detail))
        errors = await asyncio.gather(*(self._evict(each, how) for each in chosen))
        if how == "delete":
            await self._catalog.refresh_changed({each.upstream for each in chosen})
        return [
            Evicted(each.model, each.upstream.config.id, used.get(each.model), error)
            for each, error in zip(chosen, errors, strict=True)
        ]

    async def _evict(self, deployment: Deployment, how: Eviction) -> str | None:
        if how == "delete":
            reason = await follow(deployment, lambda commands, at: commands.delete(at.upstream.client, at.spelling))
        else:
            reason = await follow(deployment, lambda commands, at: commands.load(at.upstream.client, at.spelling, 0))
        place = f"{deployment.model} at {deployment.upstream.config.id}"
        if reason is None:
            log.info("%s was not used for long: %s", place, "deleted" if how == "delete" else "unloaded")
        else:
            log.warning("%s could not be evicted: %s", place, reason)
        return reason

    def _may_go(self, deployment: Deployment, how: Eviction) -> bool:
        upstream, model = deployment.upstream, deployment.model
        return (
            upstream.config.kind.managed_by is not None
            and self._pins.get(model) is None
            and model not in upstream.load.running_by_model
            and (how == "delete" or model in upstream.load.memory)
        )

    def _last_use(self, deployment: Deployment, how: Eviction, used: dict[str, int]) -> int:
        last = max(used.get(deployment.model, 0), deployment.modified_at or 0)
        if how == "delete":
            return last
        return max(last, self._seen.get((deployment.upstream.config.id, deployment.model), 0))
