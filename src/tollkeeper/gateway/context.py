"""The parts that the data plane is given, assembled by `app/build.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tollkeeper.gateway.memory import RequestMemory, ResponseMemory
from tollkeeper.gateway.pulse import Pulse
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.images import Images
from tollkeeper.services.ledger.observers import Observer
from tollkeeper.services.limits.admission import Admission
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.prices import Prices
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.offload import Offload
from tollkeeper.services.queue.selection import Selection
from tollkeeper.services.requests.dispatched import DispatchedRequests
from tollkeeper.services.requests.idempotency import IdempotencyKeys
from tollkeeper.services.upstreams.registry import Registry


@dataclass(frozen=True, slots=True)
class Bounds:
    """Maximum sizes of bodies and events, in bytes."""

    max_body_bytes: int
    max_event_bytes: int
    max_response_bytes: int


@dataclass(frozen=True, slots=True)
class GatewayContext:
    """The parts of the data plane. `now` is milliseconds since the epoch, `clock` monotonic seconds; `opaque` turns a
    user id into a pseudonym, by which a provider can distinguish users without identifying them; `pulse` is that of
    the heartbeats of streams; `acting_headers` are those in which keys that act for others name the person."""

    accounts: Accounts
    admission: Admission
    registry: Registry
    catalog: Catalog
    facts: FactsCache
    aliases: Aliases
    resolver: Resolver
    prices: Prices
    images: Images
    requests: DispatchedRequests
    keys: IdempotencyKeys
    selection: Selection
    observers: Observer
    offload: Offload
    request_memory: RequestMemory
    response_memory: ResponseMemory
    bounds: Bounds
    pulse: Pulse
    now: Callable[[], int]
    clock: Callable[[], float]
    opaque: Callable[[str], str]
    acting_headers: tuple[bytes, ...]
