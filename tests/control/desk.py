"""The control plane over a memory store, and a client for each kind of caller."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fastapi import FastAPI
from msgspec.structs import replace

from tests.services.in_memory import BOOTSTRAP, ROOT, InMemoryAccounts, record, registry_of
from tollkeeper.control.admin.live import snapshot_event, tick_event
from tollkeeper.control.app import create_control
from tollkeeper.control.context import ControlServices
from tollkeeper.control.user_live import user_event
from tollkeeper.rules.errors import NotFound
from tollkeeper.rules.invoices import PayerId, Seller
from tollkeeper.rules.owners import Owner
from tollkeeper.services.accounts.eraser import Eraser
from tollkeeper.services.accounts.sign_in import SignIn
from tollkeeper.services.alerts.book import AlertBook
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.billing.billing import Billing
from tollkeeper.services.billing.parties import Party, Terms
from tollkeeper.services.events.deliveries import Deliveries
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.events.post import Poster
from tollkeeper.services.events.webhooks import Webhooks
from tollkeeper.services.keyring.master_key import MasterKey
from tollkeeper.services.ledger.observers import Observers
from tollkeeper.services.lifecycle.eviction import Evictor
from tollkeeper.services.lifecycle.following import Followers
from tollkeeper.services.lifecycle.inventory import Inventory
from tollkeeper.services.lifecycle.jobs import Jobs
from tollkeeper.services.lifecycle.keeping import Keeping
from tollkeeper.services.lifecycle.lifecycle import Lifecycle
from tollkeeper.services.lifecycle.pulling import Puller
from tollkeeper.services.limits.admission import Admission
from tollkeeper.services.limits.templates import LimitTemplates
from tollkeeper.services.limits.usage import LimitUsage, Statuses
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.models.prices import Prices
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.open_id.open_id import OpenId
from tollkeeper.services.queue.line import Bounds
from tollkeeper.services.queue.selection import Selection
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.connection_check import ConnectionCheck
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.services.upstreams.upstreams import Upstreams
from tollkeeper.services.watching.live import Live
from tollkeeper.services.watching.metrics import Metrics
from tollkeeper.services.watching.model_colors import ModelColors
from tollkeeper.services.watching.pool import Pool
from tollkeeper.services.watching.totals import RunningTotals
from tollkeeper.services.watching.user_live import UserLive
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports.counters import LimitStatus, ScopeLimits
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.wire.http.hosts import Networks
from tollkeeper.wire.openai.dialect import OPENAI

ALICE_KEY = "sk-alice-of-the-control-tests"
BOB_KEY = "sk-bob-of-the-control-tests"
ADMIN_KEY = "sk-root-of-the-control-tests"


@dataclass
class FakeUsage(LimitUsage):
    """Answers its table, whoever is asked about."""

    table: dict[str, LimitStatus] = field(default_factory=dict)
    asked: list[Owner] = field(default_factory=list)

    async def by_model(self, owner: Owner) -> dict[str, Statuses]:
        return {}

    async def of(self, owner: Owner) -> Statuses:
        self.asked.append(owner)
        return self.table

    async def of_each(self, wanted: Sequence[ScopeLimits]) -> list[Statuses]:
        return [
            {name: replace(self.table[name], limit=limit) for name, limit in limits.items() if name in self.table}
            for _, limits in wanted
        ]


@dataclass
class Desk:
    """alice and bob are users, root is an admin; `parts` is what `ready` answers, `adjusted` what was to be
    corrected, `probed` what was to be tried."""

    house: InMemoryAccounts
    app: FastAPI
    services: ControlServices
    parts: dict[str, str | None] = field(default_factory=dict)
    usage: FakeUsage = field(default_factory=FakeUsage)
    adjusted: list[tuple[str, int, str, Actor]] = field(default_factory=list)
    probed: list[UpstreamConfig] = field(default_factory=list)
    registry: Registry = field(default_factory=registry_of)

    @asynccontextmanager
    async def client(self, key: str | None = None, address: str = "127.0.0.1") -> AsyncIterator[httpx2.AsyncClient]:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        transport = httpx2.ASGITransport(app=self.app, client=(address, 4711))
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            yield client


async def open_desk(*, metrics_networks: Collection[str] = ()) -> Desk:
    house = InMemoryAccounts()
    parts: dict[str, str | None] = {"ledger": None, "upstreams": None}

    async def ready() -> dict[str, str | None]:
        return parts

    usage = FakeUsage()
    running: set[str] = set()
    adjusted: list[tuple[str, int, str, Actor]] = []

    def party(payer: PayerId) -> Party | None:
        try:
            return house.accounts.user(payer.id) if payer.kind == "user" else house.accounts.teams.team(payer.id)
        except NotFound:
            return None

    terms = Terms(Seller("The Lab", "2 Toll Rd\nBath", "GB456"))
    probed: list[UpstreamConfig] = []

    async def adjust(user_id: str, cost_pico: int, reason: str, by: Actor) -> Record:
        adjusted.append((user_id, cost_pico, reason, by))
        made = record(
            request_id=f"req_{len(adjusted)}",
            user_id=user_id,
            cost_pico=cost_pico,
            endpoint=ADJUSTMENT,
            metadata=json.dumps({"reason": reason}),
        )
        # Not by the ledger, which belongs to the loop that it was made in.
        house.store._tables.records[made.request_id] = made
        return made

    registry = registry_of()
    catalog = Catalog(registry, patience=1)
    line = Selection(Bounds(), catalog, clock=time.monotonic).line
    pool = Pool(registry, catalog, line)
    aliases = Aliases(house.store.aliases, house.clock)
    pins = Pins(house.store.pins, house.clock)
    keeping = Keeping(catalog, pins, house.clock, time.monotonic)
    facts, prices, reports = (
        FactsCache(catalog, patience=1),
        Prices(house.store.prices, house.clock),
        house.store.reports,
    )
    puller = Puller(registry, lambda config: HttpClient(config.base_url), house.clock, time.monotonic)
    observers = Observers()
    metrics = Metrics(
        "1.2.3", lambda: None, lambda: 0, observers.failures, queued=line.__len__, upstreams=pool.upstreams
    )
    totals = RunningTotals(house.store.ledger, house.store.reports, house.clock)
    observers.add(metrics, totals)
    webhooks = Webhooks(house.store.webhooks, MasterKey(b"k" * 32), Poster(), house.clock)
    admission = Admission(MemoryCounters(), facts, default_max_tokens=1000)
    services = ControlServices(
        accounts=house.accounts,
        eraser=Eraser(
            house.accounts, house.store.erasure, house.store.ledger, lambda user_id: user_id in running, house.clock
        ),
        sign_in=SignIn(house.accounts, house.factors, house.clock),
        second_factors=house.factors,
        external_identities=house.identities,
        open_id=OpenId([], house.accounts, house.identities, house.clock),
        prices=prices,
        refusals=house.store.refusals,
        reports=reports,
        explorer=house.store.explorer,
        buckets=house.store.buckets,
        audit=house.store.audit,
        aliases=aliases,
        catalog=catalog,
        facts=facts,
        resolver=Resolver(registry, catalog, aliases, pins),
        upstreams=Upstreams(house.store.upstreams, registry, MasterKey(b"k" * 32), house.clock, line.running),
        probe=lambda config: _probed(probed, config),
        pool=pool,
        live=Live(totals, metrics, house.accounts, pool, house.clock, snapshot=snapshot_event, tick=tick_event),
        user_live=UserLive(
            lambda user_id: RunningTotals(house.store.ledger, house.store.reports, house.clock, user_id=user_id),
            house.accounts,
            usage,
            pool,
            house.clock,
            write=user_event,
        ),
        metrics=metrics,
        model_colors=ModelColors(house.store.model_colors),
        may_use=admission.may_use,
        ready=ready,
        now=house.clock,
        version="1.2.3",
        metrics_networks=Networks(metrics_networks),
        limit_usage=usage,
        limit_templates=LimitTemplates(house.store.limit_templates, house.clock),
        adjust=adjust,
        inventory=Inventory(catalog, facts, prices, pins, keeping, reports, house.clock),
        lifecycle=Lifecycle(registry, catalog, pins, house.store.audit, house.clock),
        jobs=Jobs(house.store.jobs, puller, registry, catalog, house.clock),
        followers=Followers(every=0.0, silence=60.0),
        evictor=Evictor(registry, catalog, pins, reports, house.store.audit, house.clock),
        events=house.store.events,
        webhooks=webhooks,
        deliveries=Deliveries(house.store.events, webhooks, None, house.clock),
        alerts=AlertBook(house.store.alerts, Outbox(house.store.events, house.clock)),
        billing=Billing(house.store, terms, party, house.clock, outbox=Outbox(house.store.events, house.clock)),
    )
    await house.accounts.create_user("alice", ROOT, name="Alice", secret=ALICE_KEY)
    await house.accounts.create_user("bob", ROOT, secret=BOB_KEY)
    await house.accounts.create_user("root", ROOT, role="admin", secret=ADMIN_KEY)
    return Desk(house, create_control(services, [OPENAI]), services, parts, usage, adjusted, probed, registry)


async def _probed(probed: list[UpstreamConfig], config: UpstreamConfig) -> ConnectionCheck:
    probed.append(config)
    return ConnectionCheck(3, None, 0.0125)


def shape_of(response: httpx2.Response) -> dict[str, Any]:
    """The error of an answer, once it is sure that it has the shape of every error."""
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["message", "type", "param", "code"]
    error: dict[str, Any] = body["error"]
    assert error["message"].endswith(".")
    return error


__all__ = ["ADMIN_KEY", "ALICE_KEY", "BOB_KEY", "BOOTSTRAP", "Desk", "open_desk", "shape_of"]
