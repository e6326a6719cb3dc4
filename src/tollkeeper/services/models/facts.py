"""Cache of facts about models on upstreams: each fetched once, and kept until the model changes or goes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from math import inf

from tollkeeper.rules.errors import GatewayError
from tollkeeper.services.models.catalog import Catalog, Deployment, Model
from tollkeeper.services.upstreams.descriptions import DESCRIPTIONS, UNKNOWN, Facts, undescribed

log = logging.getLogger("tollkeeper.catalog")

FAILED_FOR = 30.0
"""Seconds for which a deployment that could not be described is not waited for again where another was."""


class FactsCache:
    """Facts of the deployments in a catalog. `patience`: seconds that an upstream may take to describe one. `clock` is
    monotonic seconds."""

    def __init__(self, catalog: Catalog, *, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalog = catalog
        self._patience = patience
        self._clock = clock
        self._failed_at: dict[Deployment, float] = {}
        """When the last description of a deployment failed; of those only of which it did."""
        self._facts: dict[Deployment, Facts] = {}
        self._pending: dict[Deployment, asyncio.Task[Facts]] = {}
        catalog.on_change.append(self._forget)

    def __repr__(self) -> str:
        return f"FactsCache(of {len(self._facts)} deployments)"

    def known(self, deployment: Deployment) -> Facts:
        """The cached facts about a deployment; UNKNOWN where there are none."""
        return self._facts.get(deployment, UNKNOWN)

    def sees_images(self, model: Model) -> bool | None:
        """Whether any deployment of a model accepts images, by what is cached; None: unknown."""
        seen = [
            each.sees_images if (facts := self._facts.get(each)) is None else facts.sees_images
            for each in model.deployments
        ]
        return True if True in seen else None if None in seen else False

    def seeing(self) -> list[Model]:
        """The models that are known to accept images, by name."""
        return [model for model in self._catalog.models() if self.sees_images(model)]

    async def of(self, deployment: Deployment) -> Facts:
        """The facts about a deployment, fetched where they are not cached. Upstream errors are not raised; then the
        facts are not `complete`."""
        found = self.cached(deployment)
        if found is not None:
            return found
        pending = self._pending.get(deployment)  # concurrent callers share one request
        if pending is None:
            pending = self._pending[deployment] = asyncio.create_task(self._fetch(deployment))
            pending.add_done_callback(lambda _: self._pending.pop(deployment))
        return await asyncio.shield(pending)

    async def of_each(self, deployments: Sequence[Deployment]) -> list[Facts]:
        """As `of`, about deployments of which one is to serve; those that are not cached are fetched at the same time.
        Nobody waits for one that cannot serve while another can, nor for one that was not described just before while
        another was: the facts about it are not `complete`."""
        if len(deployments) == 1:  # as most are
            return [await self.of(deployments[0])]
        found = [facts for each in deployments if (facts := self.cached(each)) is not None]
        if len(found) == len(deployments):
            return found
        now = self._clock()
        able = [each for each in deployments if each.upstream.health.can_serve(each.model, now)] or deployments
        missing = [each for each in able if self.cached(each) is None]
        waited = [each for each in missing if now - self._failed_at.get(each, -inf) >= FAILED_FOR]
        if not waited and len(missing) == len(able):
            waited = missing
        fetched = dict(zip(waited, await asyncio.gather(*map(self.of, waited)), strict=True))
        return [fetched.get(each) or self.known(each) for each in deployments]

    def cached(self, deployment: Deployment) -> Facts | None:
        """The facts about a deployment that can be had without asking."""
        found = self._facts.get(deployment)
        if found is None and deployment.upstream.config.kind.describes_by is None:
            found = self._facts[deployment] = undescribed(deployment.model, deployment.sees_images)
        return found

    async def fetch_missing(self) -> None:
        """Fetch the facts about deployments that are not cached yet, but for those of upstreams that may sleep, since
        they are never probed. Upstream errors are not raised."""
        for deployment in self._catalog.deployments():
            upstream = deployment.upstream
            if upstream.config.probe_every or upstream.load.running:
                await self.of(deployment)

    async def _fetch(self, deployment: Deployment) -> Facts:
        upstream, path = deployment.upstream, deployment.upstream.config.kind.describes_by
        assert path is not None
        try:
            async with asyncio.timeout(self._patience):
                facts = await DESCRIPTIONS[path](upstream.client, deployment.spelling)
        except (GatewayError, TimeoutError) as fault:
            why = fault.message if isinstance(fault, GatewayError) else "it does not answer"
            log.warning("upstream %s does not describe %s: %s", upstream.config.id, deployment.model, why)
            self._failed_at[deployment] = self._clock()
            return UNKNOWN
        except Exception:
            log.exception("what upstream %s says of %s cannot be read", upstream.config.id, deployment.model)
            self._failed_at[deployment] = self._clock()
            return UNKNOWN
        self._facts[deployment] = facts
        self._failed_at.pop(deployment, None)
        return facts

    def _forget(self) -> None:
        there = set(self._catalog.deployments())
        self._facts = {deployment: facts for deployment, facts in self._facts.items() if deployment in there}
        self._failed_at = {deployment: at for deployment, at in self._failed_at.items() if deployment in there}
