"""The services that the control plane's routes use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.accounts.eraser import Eraser
from tollkeeper.services.accounts.external_identities import ExternalIdentities
from tollkeeper.services.accounts.second_factors import SecondFactors
from tollkeeper.services.accounts.sign_in import SignIn
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.billing.billing import Billing
from tollkeeper.services.events.deliveries import Deliveries
from tollkeeper.services.events.webhooks import Webhooks
from tollkeeper.services.lifecycle.eviction import Eviction, Evictor
from tollkeeper.services.lifecycle.following import Followers
from tollkeeper.services.lifecycle.inventory import Inventory
from tollkeeper.services.lifecycle.jobs import Jobs
from tollkeeper.services.lifecycle.lifecycle import Lifecycle
from tollkeeper.services.limits.usage import LimitUsage
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.prices import Prices
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.open_id.open_id import OpenId
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.connection_check import ConnectionCheck
from tollkeeper.services.upstreams.upstreams import Upstreams
from tollkeeper.services.watching.live import Live
from tollkeeper.services.watching.metrics import Metrics
from tollkeeper.services.watching.pool import Pool
from tollkeeper.store.ports.audit import Audit
from tollkeeper.store.ports.buckets import Buckets
from tollkeeper.store.ports.events import EventStore
from tollkeeper.store.ports.explorer import Explorer
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.refusals import RefusalStore
from tollkeeper.store.ports.reports import Reports
from tollkeeper.wire.http.hosts import NOWHERE, Networks

HEAD_ONLY = "tollkeeper.head_only"
"""Key in the scope of a HEAD request, which routes see as a GET."""

Adjust = Callable[[str, int, str, Actor], Awaitable[Record]]
"""Adds a record to a user's ledger, durable on return. Takes the user id, pico-dollars (negative for a refund), the
reason and who adjusts."""

Probe = Callable[[UpstreamConfig], Awaitable[ConnectionCheck]]
"""Tries settings of an upstream."""


@dataclass(frozen=True)
class ControlServices:
    """`ready` returns what is wrong with each part, None where nothing is; `now` is milliseconds since the epoch.
    Requests for metrics need no key if they come from `metrics_networks`. `evict_after` seconds, and `evict_by`, are
    what an eviction does that says nothing else."""

    accounts: Accounts
    eraser: Eraser
    sign_in: SignIn
    second_factors: SecondFactors
    external_identities: ExternalIdentities
    open_id: OpenId
    prices: Prices
    refusals: RefusalStore
    reports: Reports
    explorer: Explorer
    buckets: Buckets
    audit: Audit
    aliases: Aliases
    catalog: Catalog
    facts: FactsCache
    resolver: Resolver
    upstreams: Upstreams
    probe: Probe
    pool: Pool
    live: Live
    metrics: Metrics
    ready: Callable[[], Awaitable[Mapping[str, str | None]]]
    now: Callable[[], int]
    version: str
    limit_usage: LimitUsage
    adjust: Adjust
    inventory: Inventory
    lifecycle: Lifecycle
    jobs: Jobs
    followers: Followers
    evictor: Evictor
    events: EventStore
    webhooks: Webhooks
    deliveries: Deliveries
    alerts: AlertBook
    billing: Billing
    evict_after: float | None = None
    evict_by: Eviction = "unload"
    metrics_networks: Networks = NOWHERE


def services_of(request: Request) -> ControlServices:
    services: ControlServices = request.app.state.services
    return services


async def _services(request: Request) -> ControlServices:
    return services_of(request)


Services = Annotated[ControlServices, Depends(_services)]
