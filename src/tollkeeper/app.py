"""Builds every part and joins them; the one place that does."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import resource
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

from tollkeeper import __version__
from tollkeeper.config import WELL_KNOWN_PASSWORDS, WELL_KNOWN_SECRETS, ConfigError, Settings, unknown_variables
from tollkeeper.control.app import create_control
from tollkeeper.control.context import ControlServices
from tollkeeper.control.live import snapshot_event, tick_event
from tollkeeper.gateway.entry import Entry
from tollkeeper.gateway.exchange import Bodies
from tollkeeper.gateway.guard import Guard
from tollkeeper.gateway.house import Bounds, House
from tollkeeper.gateway.protocol import Door
from tollkeeper.gateway.server import Server
from tollkeeper.logs import configure_logs
from tollkeeper.portal.app import Portal, assets
from tollkeeper.rules.errors import GatewayError, InvalidKey, Stopping
from tollkeeper.rules.ids import ENTROPY_BYTES, request_id
from tollkeeper.services.accounts import Accounts
from tollkeeper.services.adjustments import Adjustments
from tollkeeper.services.admission import Admission
from tollkeeper.services.bootstrap import open_bootstrap
from tollkeeper.services.catalog import Catalog
from tollkeeper.services.counting import Counting
from tollkeeper.services.figures import Figures
from tollkeeper.services.images import Fetcher, Images
from tollkeeper.services.live import Live
from tollkeeper.services.metrics import Metrics
from tollkeeper.services.passwords import Passwords
from tollkeeper.services.prices import Prices
from tollkeeper.services.runs import Runs
from tollkeeper.services.secrets import Secrets, open_secrets, secrets_path
from tollkeeper.services.seeds import seed_prices
from tollkeeper.services.sign_in import SignIn
from tollkeeper.services.upstream.client import HttpClient
from tollkeeper.services.upstream.config import UpstreamConfig
from tollkeeper.services.upstream.limits import Timeouts
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports import Ledger, Store
from tollkeeper.store.sqlite import open_store

log = logging.getLogger("tollkeeper.app")

HOUSEKEEPING = 30.0
"""Seconds between refreshes of the list of models, and between writings of when keys were last used."""
LISTING_PATIENCE = 5.0
DAY = 86_400
_COLLECT_EVERY = 20_000
"""Objects made, less those gone, between two looks of the collector at what is new."""
_ENTROPY_BLOCK = 512 * ENTROPY_BYTES

Prepare = Callable[[House], Awaitable[None]]
Clock = Callable[[], int]
"""Milliseconds since the epoch."""


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Mint:
    """Makes request ids. Randomness is taken from the system in blocks: to ask it for 8 bytes costs a request 5 µs."""

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def __call__(self, created_at: int) -> str:
        at = self._at
        if at >= len(self._block):
            self._block, at = os.urandom(_ENTROPY_BLOCK), 0
        self._at = at + ENTROPY_BYTES
        return request_id(created_at, self._block[at : at + ENTROPY_BYTES])


async def serve(
    settings: Settings,
    *,
    upstreams: Sequence[UpstreamConfig] | None = None,
    prepare: Prepare | None = None,
    started: Callable[[str], None] | None = None,
    made_key: Callable[[str], None] | None = None,
    now: Clock = now_ms,
) -> None:
    """Run the gateway until SIGTERM or SIGINT; everything that was under way is recorded when it returns.

    `upstreams` replace the one of the settings. `prepare` runs once the store is open and before the port is.
    `started` is told the gateway's URL when the port is open, `made_key` the bootstrap admin key when it was made just
    now. `now` is the clock of all that is recorded, shown or limited.
    Raises ConfigError, StoreError, SecretsError, OSError: each says in one line what to do.
    """
    configure_logs()
    if unknown := unknown_variables(os.environ):
        log.warning("no setting has the name of %s in the environment", " or ".join(unknown))
    raise_file_limit()
    listening = listen(settings.host, settings.port)
    gc.disable()  # until the port is open: what is built is no garbage
    try:
        async with opened(settings, upstreams, now) as (house, server, store, key):
            if not settings.loopback:
                await _refuse_well_known_secrets(house.accounts, settings.host)
            if key is not None and made_key is not None:
                made_key(key)
            if prepare is not None:
                await prepare(house)
            work = [_housekeeping(house), house.metrics.watch_loop(), house.live.run()]
            if settings.retention_days is not None:
                work.append(_retention(store.ledger, settings.retention_days, now))
            async with _background(*work):
                server.on_open = _opener(listening, started)
                await server.serve([listening])
    finally:
        gc.enable()
        listening.close()


@asynccontextmanager
async def opened(
    settings: Settings, upstreams: Sequence[UpstreamConfig] | None = None, now: Clock = now_ms
) -> AsyncIterator[tuple[House, Server, Store, str | None]]:
    """All parts, joined; the server not yet serving; and the bootstrap admin key when it was made just now."""
    if upstreams is None:
        upstreams = [UpstreamConfig("default", "ollama", settings.ollama_base_url)]
    store = await open_store(settings.database_path, now=now, durability=settings.durability)
    try:
        pepper = settings.pepper
        secrets = await open_secrets(
            secrets_path(settings.database_path), store.book, pepper.get_secret_value() if pepper else None
        )
        key = settings.admin_api_key
        bootstrap = await open_bootstrap(key.get_secret_value() if key else None, secrets, store.book)
        timeouts = Timeouts(settings.connect_timeout, settings.first_byte_timeout, settings.event_timeout)
        clients = [(config, HttpClient(config.base_url, timeouts=timeouts)) for config in upstreams]
        images = Images(Fetcher(settings.image_fetch_allow))
        try:
            house, counting = await _house(settings, store, secrets, bootstrap.digest, clients, images, now)
            yield house, _server(settings, store, house, counting, now), store, bootstrap.made
            await house.accounts.write_last_used()
            await house.accounts.sessions.tidy()
        finally:
            await images.close()
            for _, client in clients:
                await client.close()
    finally:
        await store.close()


async def _house(
    settings: Settings,
    store: Store,
    secrets: Secrets,
    bootstrap: bytes,
    clients: Sequence[tuple[UpstreamConfig, HttpClient]],
    images: Images,
    now: Clock,
) -> tuple[House, Counting]:
    metrics = Metrics(__version__, lambda: store.ledger.failing)
    figures = Figures(store.ledger, store.reports, now)
    runs = Runs(store.ledger, metrics, figures, now, time.monotonic)
    counters = MemoryCounters()
    counting = Counting(counters, store.ledger, store.reports, now)
    accounts = Accounts(
        store.accounts,
        store.sessions,
        store.book,
        secrets.digest,
        Passwords(),
        now,
        bootstrap=bootstrap,
        cut=runs.cut_credentials,
        limits_changed=counting.prepare,
    )
    catalog = Catalog(clients, store.book, now, patience=LISTING_PATIENCE)
    prices = Prices(store.book, now)
    for part in (accounts, catalog, prices):
        await part.load()
    await seed_prices(prices, store.book, [(config.kind, config.base_url) for config, _ in clients], now())
    users = accounts.users()
    await counting.start([*users, *(key for user in users for key in accounts.keys_of(user.user_id))])
    house = House(
        accounts=accounts,
        admission=Admission(
            counters,
            catalog,
            now,
            default_max_tokens=settings.default_max_tokens,
            strict_input=settings.input_bound == "strict",
            quota_status=settings.quota_status,
        ),
        catalog=catalog,
        prices=prices,
        images=images,
        runs=runs,
        metrics=metrics,
        figures=figures,
        live=Live(figures, metrics, runs, accounts, catalog, now, snapshot=snapshot_event, tick=tick_event),
        bodies=Bodies(settings.bodies_in_memory_bytes),
        bounds=Bounds(
            max_body_bytes=settings.max_body_bytes,
            max_event_bytes=settings.max_event_bytes,
            max_answer_bytes=settings.max_answer_bytes,
        ),
        now=now,
        clock=time.monotonic,
        opaque=lambda user_id: "user_" + secrets.digest(f"\0opaque {user_id}").hex()[:32],
    )
    return house, counting


def _server(settings: Settings, store: Store, house: House, counting: Counting, now: Clock) -> Server:
    mint = Mint()

    async def ready() -> dict[str, str | None]:
        await house.catalog.refresh()
        faults = house.catalog.faults()
        down = all(faults.values())
        reason = "; ".join(f"{upstream}: {fault}" for upstream, fault in faults.items()) if down else None
        return {"ledger": store.ledger.failing, "upstreams": reason}

    control = create_control(
        ControlServices(
            accounts=house.accounts,
            sign_in=SignIn(house.accounts, now),
            prices=house.prices,
            aliases=house.catalog,
            catalog=house.catalog,
            live=house.live,
            reports=store.reports,
            audit=store.audit,
            metrics=house.metrics,
            ready=ready,
            now=now,
            metrics_public=settings.metrics_public and settings.loopback,
            version=__version__,
            readings=counting,
            adjust=Adjustments(store.ledger, counting.counters, house.figures, now, mint).adjust,
        )
    )
    guard = Guard(settings.allowed_hosts, settings.cors_origins)
    return Server(
        Door(
            Entry(house, control, Portal(assets()), guard, trusted=settings.trusted_proxies),
            head_timeout=settings.head_timeout,
            body_timeout=settings.body_timeout,
            keep_alive_timeout=settings.keep_alive_timeout,
            stall_timeout=settings.client_stall_timeout,
            per_address=settings.max_connections_per_address,
            now=now,
            mint=mint,
        ),
        shutdown_timeout=settings.shutdown_timeout,
        stopping=house.live.stop,
        cut=lambda: house.runs.cut(lambda _: True, Stopping("The gateway is stopping. Send the request again later.")),
    )


async def _refuse_well_known_secrets(accounts: Accounts, host: str) -> None:
    """A database of the demo may not be served to others: everyone knows its keys and passwords."""
    for secret in WELL_KNOWN_SECRETS:
        try:
            accounts.identify_admin(secret)
        except InvalidKey:
            continue
        except GatewayError:
            pass  # known, though not an admin's
        raise ConfigError(
            f"setting host: {host} is no loopback address, and this database holds a sample key that everyone knows;"
            " revoke it, or bind to 127.0.0.1"
        )
    for user in accounts.users():
        password = WELL_KNOWN_PASSWORDS.get(user.user_id)
        if password and user.status != "closed" and await accounts.passwords.verify(user.password_hash, password):
            raise ConfigError(
                f"setting host: {host} is no loopback address, and the user {user.user_id} of this database has the"
                " sample password that everyone knows; change it, or bind to 127.0.0.1"
            )


async def _housekeeping(house: House) -> None:
    await house.catalog.refresh()
    while True:
        await house.catalog.learn()
        await asyncio.sleep(HOUSEKEEPING)
        await house.catalog.refresh()
        try:
            await house.accounts.write_last_used()
            await house.accounts.sessions.tidy()
        except Exception:
            log.exception("when keys and sessions were last used could not be written; it will be tried again")


async def _retention(ledger: Ledger, days: int, now: Clock) -> None:
    while True:
        await delete_old(ledger, days, now)
        await asyncio.sleep(DAY)


async def delete_old(ledger: Ledger, days: int, now: Clock = now_ms) -> None:
    """Delete the records that were made more than so many days ago. What fails is logged."""
    try:
        deleted = await ledger.prune(now() - days * DAY * 1000)
    except Exception:
        log.exception("records over %d days old could not be deleted; it will be tried again in a day", days)
    else:
        log.info("%d records over %d days old were deleted from the ledger", deleted, days)


@asynccontextmanager
async def _background(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(part) for part in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises OSError; it says in one line what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=4096)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} on {host} is taken by another program; stop that one or choose another port with --port"
        else:
            why = (
                f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --host or --port"
            )
        raise OSError(why) from None


def _opener(listening: socket.socket, started: Callable[[str], None] | None) -> Callable[[], None]:
    host, port = listening.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def opened() -> None:
        gc.collect()
        gc.freeze()  # what was built at the start lives to the end: the collector need not look at it again
        # A request makes a few hundred objects and no cycles: to look for some every 700 takes 5 % of its time.
        gc.set_threshold(_COLLECT_EVERY, 10, 10)
        gc.enable()
        if started is not None:
            started(url)

    return opened


def raise_file_limit() -> None:
    """Let this process open as many files as it may: each client and each upstream connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
