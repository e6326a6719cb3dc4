"""The pool of upstreams at this moment: how each is, how busy it is, and who waits for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from tollkeeper.rules.breaker import State as Breaker
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.queue.line import Line
from tollkeeper.services.queue.station import StationStatistics
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Registry, Upstream

UpState = Literal["up", "down", "probing"]
BreakerState = Literal["closed", "open", "half-open"]

BREAKER_STATES: Mapping[Breaker, BreakerState] = {
    Breaker.CLOSED: "closed",
    Breaker.OPEN: "open",
    Breaker.HALF_OPEN: "half-open",
    Breaker.TRIAL: "half-open",
}
_UNUSED = StationStatistics(0, 0, None)


class UpstreamHealth(Struct, frozen=True):
    """How an upstream is. `state`: "down" while it gets no requests or does not answer, "probing" while one request at
    a time tries it. `error` says why it is not up, or why some model of it gets no requests; None: nothing is wrong.

    `models`: how many it has. `oldest_wait`: seconds for which the oldest request in line has waited; None: none waits.
    `latency`: smoothed seconds to the first byte of a response; None: not known yet. `loaded`: models in its memory.
    """

    config: UpstreamConfig
    models: int
    state: UpState
    breaker: BreakerState
    in_flight: int
    queued: int
    oldest_wait: float | None
    latency: float | None
    loaded: tuple[str, ...]
    error: str | None


class Pool:
    """The upstreams of a registry, and the line before them."""

    def __init__(self, registry: Registry, catalog: Catalog, line: Line[Deployment]) -> None:
        self._registry = registry
        self._catalog = catalog
        self.line = line

    def __repr__(self) -> str:
        return f"Pool({self._registry!r}, {self.line!r})"

    def upstreams(self) -> list[UpstreamHealth]:
        """Every upstream, in the registry's order."""
        now = self.line.clock()
        models = Counter(deployment.upstream.config.id for deployment in self._catalog.deployments())
        busy = self.line.statistics()
        found = []
        for upstream in self._registry:
            name, health = upstream.config.id, upstream.health
            at = busy.get(name, _UNUSED)
            state, error = _state(upstream, now)
            found.append(
                UpstreamHealth(
                    upstream.config,
                    models[name],
                    state,
                    BREAKER_STATES[health.breaker(now)],
                    at.running,
                    at.waiting,
                    at.oldest_wait,
                    health.latency,
                    tuple(sorted(upstream.load.loaded or ())),
                    error,
                )
            )
        return found


def _state(upstream: Upstream, now: float) -> tuple[UpState, str | None]:
    """The state of an upstream, and what is wrong with it."""
    config, health, fault = upstream.config, upstream.health, upstream.fault
    if config.state != "active":
        return "down", f"it is {config.state}"
    listing = None if fault is None else fault.reason
    error = (health.error or listing) if health.keeps_away(now) or health.alive is False else listing
    breaker = health.breaker(now)
    if breaker in (Breaker.HALF_OPEN, Breaker.TRIAL):
        return "probing", error
    if breaker is Breaker.OPEN or health.rests(now) or health.alive is False or listing is not None:
        return "down", error
    return "up", error
