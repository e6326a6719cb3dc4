"""Build every part of the gateway and join them; nothing else does."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from tollkeeper import __version__
from tollkeeper.app.alerts import AlertServices, create_alerts
from tollkeeper.app.billing import create_billing
from tollkeeper.app.chores import write_last_used
from tollkeeper.app.handover import open_store_in_turn
from tollkeeper.app.ids import RequestIds
from tollkeeper.app.service_manager import notify
from tollkeeper.app.sign_in import SignInServices, create_sign_in
from tollkeeper.config import Settings
from tollkeeper.control.admin.live import snapshot_event, tick_event
from tollkeeper.control.app import create_control
from tollkeeper.control.context import ControlServices
from tollkeeper.control.user_live import user_event
from tollkeeper.gateway.context import Bounds, GatewayContext
from tollkeeper.gateway.guard import Guard
from tollkeeper.gateway.http.server import Server
from tollkeeper.gateway.http.server_state import ServerState
from tollkeeper.gateway.memory import RequestMemory, ResponseMemory
from tollkeeper.gateway.pulse import Pulse
from tollkeeper.gateway.router import Router
from tollkeeper.portal.app import Portal, assets
from tollkeeper.rules.errors import Stopping
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.accounts.bootstrap import Bootstrap, open_bootstrap
from tollkeeper.services.accounts.end_users import EndUsers
from tollkeeper.services.accounts.eraser import Eraser
from tollkeeper.services.accounts.passwords import Passwords
from tollkeeper.services.accounts.pepper import Pepper, open_pepper
from tollkeeper.services.billing.billing import Billing
from tollkeeper.services.events.outbox import Outbox
from tollkeeper.services.images import Fetcher, Images
from tollkeeper.services.keyring.master_key import MasterKey, open_master_key
from tollkeeper.services.keyring.secrets_file import SecretsFile, secrets_path
from tollkeeper.services.ledger.adjustments import Adjustments
from tollkeeper.services.ledger.observers import Observers
from tollkeeper.services.ledger.upstream_budgets import UpstreamBudgets
from tollkeeper.services.lifecycle.eviction import Evictor
from tollkeeper.services.lifecycle.following import Followers
from tollkeeper.services.lifecycle.inventory import Inventory
from tollkeeper.services.lifecycle.jobs import Jobs
from tollkeeper.services.lifecycle.keeping import Keeping
from tollkeeper.services.lifecycle.lifecycle import Lifecycle
from tollkeeper.services.lifecycle.pulling import Puller
from tollkeeper.services.limits.admission import Admission
from tollkeeper.services.limits.backfill import Backfill
from tollkeeper.services.limits.templates import LimitTemplates
from tollkeeper.services.limits.usage import LimitUsage
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.models.prices import Prices
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.models.seeds import seed_listed, seed_prices
from tollkeeper.services.offload import Offload
from tollkeeper.services.queue.line import Bounds as LineBounds
from tollkeeper.services.queue.selection import Selection
from tollkeeper.services.requests.dispatched import DispatchedRequests
from tollkeeper.services.requests.idempotency import IdempotencyKeys
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.connection_check import ConnectionCheck, check_connection
from tollkeeper.services.upstreams.http.bounds import Timeouts
from tollkeeper.services.upstreams.http.build import client_of
from tollkeeper.services.upstreams.ports import Client
from tollkeeper.services.upstreams.probes import Probes
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.services.upstreams.upstreams import Upstreams
from tollkeeper.services.watching.live import Live
from tollkeeper.services.watching.metrics import Metrics
from tollkeeper.services.watching.model_colors import ModelColors
from tollkeeper.services.watching.pool import Pool
from tollkeeper.services.watching.refusals import RefusalCounts
from tollkeeper.services.watching.totals import RunningTotals
from tollkeeper.services.watching.user_live import UserLive
from tollkeeper.store.engines import new_counters
from tollkeeper.store.ports.store import Store
from tollkeeper.wire.dialect import AnyDialect
from tollkeeper.wire.dialects import DIALECTS
from tollkeeper.wire.end_users import HEADER
from tollkeeper.wire.http.hosts import LOOPBACK, Networks
from tollkeeper.wire.http.proxies import Proxies

LISTING_PATIENCE = 5.0
"""Seconds to wait for an upstream's list or description of models."""
PROBE_PATIENCE = 5.0
"""Seconds to wait for an upstream's response to a probe."""

Clock = Callable[[], int]
"""Milliseconds since the epoch."""
Connect = Callable[[UpstreamConfig], Client]
"""Makes the client of an upstream."""


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ModelServices:
    """The parts that change which models upstreams have, and have in memory."""

    lifecycle: Lifecycle
    jobs: Jobs
    followers: Followers
    keeping: Keeping
    evictor: Evictor
    inventory: Inventory


@dataclass(frozen=True, slots=True)
class Gateway:
    """All parts, joined. The server does not serve yet; a new `bootstrap` key has yet to be kept."""

    context: GatewayContext
    server: Server
    store: Store
    bootstrap: Bootstrap
    metrics: Metrics
    refusals: RefusalCounts
    model_colors: ModelColors
    live: Live
    user_live: UserLive
    probes: Probes
    upstreams: Upstreams
    models: ModelServices
    billing: Billing
    alerts: AlertServices


@asynccontextmanager
async def open_gateway(
    settings: Settings,
    upstreams: Sequence[UpstreamConfig] | None = None,
    now: Clock = now_ms,
    patience: float = 0.0,
    *,
    new: bool = False,
    dialects: Sequence[AnyDialect] = DIALECTS,
) -> AsyncIterator[Gateway]:
    """Build a gateway, and close its parts at the end of the block. `patience`: seconds to wait for a database that
    another process has open. `new`: a database may be created where only the lock or the secrets of one are found.
    `upstreams`: those to begin with in place of the database's."""
    file = SecretsFile(secrets_path(settings.database_path))
    pepper, master = settings.pepper, settings.master_key
    store = await open_store_in_turn(settings, now, patience, None if new else [file.path])
    try:
        secrets = await open_pepper(file, store.installation, pepper.get_secret_value() if pepper else None)
        master_key = await open_master_key(file, store.installation, master.get_secret_value() if master else None)
        key = settings.admin_api_key
        bootstrap = await open_bootstrap(key.get_secret_value() if key else None, secrets, store.installation)
        timeouts = Timeouts(settings.connect_timeout, settings.first_byte_timeout, settings.event_timeout)
        proxies = Proxies(os.environ)

        def connect(config: UpstreamConfig) -> Client:
            return client_of(config, timeouts, proxies)

        registry = Registry(connect)
        for config in upstreams or ():
            registry.add(config)
        images = Images(Fetcher(settings.image_fetch_allow))
        try:
            gateway = await _join(
                settings, store, secrets, master_key, bootstrap, registry, connect, images, now, dialects,
                stored=upstreams is None,
            )  # fmt: skip
            try:
                yield gateway
            finally:
                await gateway.models.jobs.close()
            await write_last_used(gateway.context.accounts)
            await gateway.refusals.write()
            await gateway.model_colors.write()
            gateway.context.offload.close()
        finally:
            await images.close()
            await registry.close()
    finally:
        await store.close()


async def _join(
    settings: Settings,
    store: Store,
    secrets: Pepper,
    master_key: MasterKey,
    bootstrap: Bootstrap,
    registry: Registry,
    connect: Connect,
    images: Images,
    now: Clock,
    dialects: Sequence[AnyDialect],
    *,
    stored: bool,
) -> Gateway:
    observers = Observers()
    requests = DispatchedRequests(store.ledger, observers, now, time.monotonic)
    budgets = UpstreamBudgets(now)
    counters = new_counters()
    offload = Offload()
    backfill = Backfill(counters, store.ledger, store.reports, now)
    outbox = Outbox(store.events, now)
    end_users = EndUsers(
        store.end_users,
        now,
        limits_changed=backfill.prepare,
        begun=backfill.begin,
        forgotten=backfill.drop,
        ended=requests.end_by_end_user,
    )
    accounts = Accounts(
        store.accounts,
        store.sessions,
        store.teams,
        store.installation,
        secrets.digest,
        Passwords(),
        now,
        outbox=outbox,
        end_users=end_users,
        bootstrap=bootstrap.digest,
        credentials_ended=requests.end_by_credential,
        suspended=requests.end_by_user,
        limits_changed=backfill.prepare,
        forgotten=backfill.drop,
    )
    sign_in = create_sign_in(settings, store, accounts, secrets, master_key, now)
    prices = Prices(store.prices, now)
    catalog = Catalog(registry, patience=LISTING_PATIENCE, priced=lambda: prices.models)
    prices.on_change.append(catalog.prices_changed)
    catalog.on_listed.append(partial(seed_listed, prices))
    facts = FactsCache(catalog, patience=LISTING_PATIENCE)
    aliases = Aliases(store.aliases, now)
    pins = Pins(store.pins, now)
    catalog.watched = pins.fixes
    for part in (accounts, sign_in.identities, sign_in.factors, aliases, pins, prices):
        await part.load()

    await accounts.sessions.end_unless(sign_in.has_way_in)

    async def seed() -> None:
        await seed_prices(prices, store.installation, [each.config for each in registry], now())

    async def follow_upstreams() -> None:
        await seed()
        await catalog.refresh()

    selection = Selection(
        LineBounds(settings.queue_size, settings.queue_size_per_user, settings.queue_timeout, settings.swap_after),
        catalog,
        clock=time.monotonic,
        within_budget=budgets.within,
    )
    line = selection.line
    upstreams = Upstreams(store.upstreams, registry, master_key, now, line.running)
    if stored:
        await upstreams.load()
        await upstreams.follow_setting(settings.ollama_base_url, store.installation, secrets.digest)
    upstreams.on_save.append(follow_upstreams)
    await budgets.load(store.reports)
    await seed()
    await backfill.start([*accounts.owners(), *await end_users.owners()])
    pool = Pool(registry, catalog, line)
    metrics = Metrics(
        __version__,
        lambda: store.ledger.failing,
        lambda: len(requests.active) - len(line),
        observers.failures,
        queued=line.__len__,
        upstreams=pool.upstreams,
    )
    totals = RunningTotals(store.ledger, store.reports, now)
    limit_usage = LimitUsage(counters, now)
    alerts = await create_alerts(settings, store, outbox, master_key, accounts, registry, limit_usage, now)
    accounts.on_limits_saved.append(alerts.budgets.touch)
    accounts.teams.on_limits_saved.append(alerts.budgets.touch)
    end_users.on_limits_saved.append(alerts.budgets.touch)
    refusals = RefusalCounts(store.refusals, now)
    model_colors = ModelColors(store.model_colors)
    await model_colors.load()
    user_live = UserLive(
        lambda user_id: RunningTotals(store.ledger, store.reports, now, user_id=user_id),
        accounts,
        limit_usage,
        pool,
        now,
        write=user_event,
    )
    observers.add(metrics, totals, user_live, budgets, alerts.budgets, refusals, model_colors)
    context = GatewayContext(
        accounts=accounts,
        admission=Admission(
            counters,
            facts,
            default_max_tokens=settings.default_max_tokens,
            strict_input=settings.input_bound == "strict",
            quota_status=settings.quota_status,
            offload=offload,
            exhausted=alerts.budgets.exhausted,
        ),
        registry=registry,
        catalog=catalog,
        facts=facts,
        aliases=aliases,
        resolver=Resolver(registry, catalog, aliases, pins),
        prices=prices,
        images=images,
        requests=requests,
        keys=IdempotencyKeys(store.idempotency, now),
        selection=selection,
        observers=observers,
        offload=offload,
        request_memory=RequestMemory(settings.bodies_in_memory_bytes),
        response_memory=ResponseMemory(settings.answers_in_memory_bytes),
        bounds=Bounds(
            max_body_bytes=settings.max_body_bytes,
            max_event_bytes=settings.max_event_bytes,
            max_response_bytes=settings.max_answer_bytes,
        ),
        pulse=Pulse(settings.sse_comment_after, time.monotonic),
        now=now,
        clock=time.monotonic,
        opaque=lambda user_id: "user_" + secrets.digest(f"\0opaque {user_id}").hex()[:32],
        acting_headers=(HEADER, *(name.encode() for name in settings.acting_headers)),
    )
    live = Live(totals, metrics, accounts, pool, now, snapshot=snapshot_event, tick=tick_event)
    new_id = RequestIds()
    adjustments = Adjustments(store.ledger, counters, accounts.owners_of, observers, now, new_id)
    models = _model_services(store, context, pins, connect)
    billing = create_billing(settings, store, accounts, outbox, now)
    eraser = _eraser(store, context, totals, models.jobs, sign_in, alerts, refusals)
    control = _control_services(
        settings,
        store,
        context,
        metrics,
        model_colors,
        pool,
        live,
        user_live,
        limit_usage,
        adjustments,
        upstreams,
        connect,
        models,
        billing,
        eraser,
        sign_in,
        alerts,
    )
    server = _server(settings, context, control, new_id, dialects)
    probes = Probes(registry, time.monotonic, patience=PROBE_PATIENCE)
    return Gateway(
        context,
        server,
        store,
        bootstrap,
        metrics,
        refusals,
        model_colors,
        live,
        user_live,
        probes,
        upstreams,
        models,
        billing,
        alerts,
    )


def _model_services(store: Store, context: GatewayContext, pins: Pins, connect: Connect) -> ModelServices:
    registry, catalog, now, clock = context.registry, context.catalog, context.now, context.clock
    keeping = Keeping(catalog, pins, now, clock)
    return ModelServices(
        lifecycle=Lifecycle(registry, catalog, pins, store.audit, now),
        jobs=Jobs(store.jobs, Puller(registry, connect, now, clock), registry, catalog, now),
        followers=Followers(),
        keeping=keeping,
        evictor=Evictor(registry, catalog, pins, store.reports, store.audit, now),
        inventory=Inventory(catalog, context.facts, context.prices, pins, keeping, store.reports, now),
    )


def _eraser(
    store: Store,
    context: GatewayContext,
    totals: RunningTotals,
    jobs: Jobs,
    sign_in: SignInServices,
    alerts: AlertServices,
    refusals: RefusalCounts,
) -> Eraser:
    def runs(user_id: str) -> bool:
        return any(request.user_id == user_id for request in context.requests.active)

    async def erased(user_id: str, left: str) -> None:
        jobs.rename_author(user_id, left)
        sign_in.identities.forget(user_id)
        sign_in.factors.forget(user_id)
        sign_in.passwords.forget(user_id)
        alerts.budgets.forget(user_id)
        alerts.book.forget(user_id)
        refusals.rename(user_id, left)
        await totals.renew()

    accounts = context.accounts
    return Eraser(
        accounts,
        store.erasure,
        store.ledger,
        runs,
        context.now,
        erased=erased,
    )


def _control_services(
    settings: Settings,
    store: Store,
    context: GatewayContext,
    metrics: Metrics,
    model_colors: ModelColors,
    pool: Pool,
    live: Live,
    user_live: UserLive,
    limit_usage: LimitUsage,
    adjustments: Adjustments,
    upstreams: Upstreams,
    connect: Connect,
    models: ModelServices,
    billing: Billing,
    eraser: Eraser,
    sign_in: SignInServices,
    alerts: AlertServices,
) -> ControlServices:
    async def try_upstream(config: UpstreamConfig) -> ConnectionCheck:
        return await check_connection(config, connect, context.clock, patience=LISTING_PATIENCE)

    def faults() -> dict[str, str | None]:
        now = context.clock()
        listed = context.registry.faults()
        return {
            each.config.id: listed[each.config.id] or each.health.why_down(now) for each in context.registry.active()
        }

    async def ready() -> dict[str, str | None]:
        """By what is known, for anyone may ask, and often; only while no upstream is known to answer they are asked."""
        if all(faults().values()):
            await context.catalog.find_one()
        found = faults()
        reason = "; ".join(f"{upstream}: {fault}" for upstream, fault in found.items()) or "there is none"
        return {"ledger": store.ledger.failing, "upstreams": reason if all(found.values()) else None}

    local_metrics = LOOPBACK if settings.metrics_public and settings.loopback else ()
    return ControlServices(
        accounts=context.accounts,
        eraser=eraser,
        sign_in=sign_in.passwords,
        second_factors=sign_in.factors,
        external_identities=sign_in.identities,
        open_id=sign_in.open_id,
        prices=context.prices,
        aliases=context.aliases,
        catalog=context.catalog,
        facts=context.facts,
        resolver=context.resolver,
        upstreams=upstreams,
        probe=try_upstream,
        pool=pool,
        live=live,
        user_live=user_live,
        refusals=store.refusals,
        reports=store.reports,
        explorer=store.explorer,
        buckets=store.buckets,
        audit=store.audit,
        metrics=metrics,
        model_colors=model_colors,
        may_use=context.admission.may_use,
        ready=ready,
        now=context.now,
        metrics_networks=Networks((*settings.metrics_networks, *local_metrics)),
        version=__version__,
        limit_usage=limit_usage,
        limit_templates=LimitTemplates(store.limit_templates, context.now),
        adjust=adjustments.adjust,
        inventory=models.inventory,
        lifecycle=models.lifecycle,
        jobs=models.jobs,
        followers=models.followers,
        evictor=models.evictor,
        events=store.events,
        webhooks=alerts.webhooks,
        deliveries=alerts.deliveries,
        alerts=alerts.book,
        billing=billing,
        evict_after=settings.evict_after,
        evict_by=settings.evict_by,
    )


def _server(
    settings: Settings,
    context: GatewayContext,
    services: ControlServices,
    new_id: RequestIds,
    dialects: Sequence[AnyDialect],
) -> Server:
    def stopping() -> None:
        notify(os.environ, "STOPPING=1")
        services.live.stop()
        services.user_live.stop()
        services.followers.stop()
        context.selection.line.close(
            lambda: Stopping(
                "The gateway is stopping, and serves nobody who still waits. Send the request again later."
            )
        )

    control = create_control(services, dialects)
    guard = Guard(settings.allowed_hosts, settings.cors_origins, settings.metrics_hosts)
    return Server(
        ServerState(
            dialect=dialects[0],
            head_timeout=settings.head_timeout,
            body_timeout=settings.body_timeout,
            keep_alive_timeout=settings.keep_alive_timeout,
            stall_timeout=settings.client_stall_timeout,
            per_address=settings.max_connections_per_address,
            now=context.now,
            new_request_id=new_id,
        ),
        Router(context, control, Portal(assets()), guard, dialects=dialects, trusted=settings.trusted_proxies),
        shutdown_timeout=settings.shutdown_timeout,
        stopping=stopping,
        cut=lambda: context.requests.end(
            lambda _: True, Stopping("The gateway is stopping. Send the request again later.")
        ),
    )
