"""Keeping pinned models in memory: each is loaded for a while, and again before that ends, or where it has left.

So a model is there again after a restart of its upstream, and leaves by itself some minutes after it was unpinned, or
the gateway ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from tollkeeper.rules.pull_failures import pause
from tollkeeper.services.lifecycle.lifecycle import follow
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.models.pins import Pins

log = logging.getLogger("tollkeeper.lifecycle")

KEPT_FOR = 600
"""Seconds for which a pinned model is loaded at a time."""
RENEWED_BEFORE = 300
"""Seconds before that ends at which it is loaded anew."""
EVERY = 2.0
"""Seconds between two looks at what is loaded."""
APART = 30.0
"""Seconds, at least, between two loads of a model at one upstream: requests for others may push it out at once."""
Place = tuple[str, str]


class Keeping:
    """Keeps the models in memory that are pinned so. `now` is milliseconds since the epoch, `clock` monotonic
    seconds."""

    def __init__(self, catalog: Catalog, pins: Pins, now: Callable[[], int], clock: Callable[[], float]) -> None:
        self._catalog = catalog
        self._pins = pins
        self._now = now
        self._clock = clock
        self._loading: dict[Place, asyncio.Task[None]] = {}
        self._not_before: dict[Place, float] = {}
        self._failures: dict[Place, int] = {}
        self.errors: dict[Place, str] = {}
        """Why a pinned model could not be loaded the last time, by upstream id and canonical name."""

    def __repr__(self) -> str:
        return f"Keeping({len(self._loading)} being loaded, {len(self.errors)} cannot be)"

    async def run(self) -> None:
        """Look after the pinned models, until cancelled."""
        try:
            while True:
                self.look()
                await asyncio.sleep(EVERY)
        finally:
            tasks = list(self._loading.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def look(self) -> None:
        """Begin to load what is pinned and has left the memory, or is about to."""
        wanted = [deployment for deployment in self._pinned() if self._is_due(deployment)]
        for deployment in wanted:
            place = (deployment.upstream.config.id, deployment.model)
            task = self._loading[place] = asyncio.create_task(self._load(place, deployment))
            task.add_done_callback(lambda _, place=place: self._loading.pop(place))  # type: ignore[misc]

    def _pinned(self) -> list[Deployment]:
        found = []
        for pin in self._pins.all():
            model = self._catalog.get(pin.model) if pin.loaded else None
            found += [] if model is None else [each for each in model.deployments if not self._pins.refuses(each)]
        return [each for each in found if each.upstream.config.kind.managed_by is not None]

    def _is_due(self, deployment: Deployment) -> bool:
        upstream, model = deployment.upstream, deployment.model
        place, load = (upstream.config.id, model), upstream.load
        if upstream.config.state != "active" or upstream.health.alive is False or load.loaded is None:
            return False
        if place in self._loading or model in load.loading:
            return False
        # Where nothing else is in memory, nothing has pushed it out: the upstream was restarted.
        waits = place in self._failures or load.memory
        if waits and self._clock() < self._not_before.get(place, 0.0):
            return False
        loaded = load.memory.get(model)
        if loaded is None:
            return True
        return loaded.until is not None and loaded.until - self._now() < RENEWED_BEFORE * 1000

    async def _load(self, place: Place, deployment: Deployment) -> None:
        reason = await follow(deployment, lambda commands, at: commands.load(at.upstream.client, at.spelling, KEPT_FOR))
        if reason is None:
            self._failures.pop(place, None)
            self.errors.pop(place, None)
            self._not_before[place] = self._clock() + APART
            return
        failures = self._failures[place] = self._failures.get(place, 0) + 1
        self._not_before[place] = self._clock() + pause(failures)
        if self.errors.get(place) != reason:
            log.warning("the pinned model %s cannot be loaded at %s: %s", place[1], place[0], reason)
        self.errors[place] = reason
