"""The gateway's process: sockets, the limit of open files, start and stop."""

from __future__ import annotations

import errno
import gc
import logging
import os
import resource
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

from tollkeeper.app.build import Clock, now_ms, open_gateway
from tollkeeper.app.chores import (
    background,
    coloring,
    expiry,
    housekeeping,
    invoicing,
    refusals,
    retention,
    upstream_watch,
)
from tollkeeper.app.handover import HANDOVER_MARGIN
from tollkeeper.app.service_manager import inherited_sockets, notify
from tollkeeper.config import (
    WELL_KNOWN_PASSWORDS,
    WELL_KNOWN_SECRETS,
    ConfigError,
    Settings,
    refuse_well_known_key,
    settings_warnings,
)
from tollkeeper.gateway.context import GatewayContext
from tollkeeper.logs import configure_logs
from tollkeeper.rules.errors import GatewayError, InvalidKey
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.accounts.bootstrap import keep_bootstrap
from tollkeeper.services.upstreams.config import UpstreamConfig

log = logging.getLogger("tollkeeper.app.process")

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that computes yields the interpreter to the event loop, which asks for it anew for each
event of a socket (Python's default: 0.005)."""
_COLLECT_EVERY = 20_000
"""Objects allocated, less those freed, between two collections of the youngest generation."""
_MIDDLE_EVERY, _OLDEST_EVERY = 1, 100
"""Collections of a generation after which the next older one is collected too. A stream leaves a hundred objects that
live for long, each of which is looked at once in the middle generation: with 10 instead of 1, the loop stood still for
40 to 90 ms at a time while thousands of streams began. The oldest is collected as often as with 10 and 10."""

Prepare = Callable[[GatewayContext], Awaitable[None]]


async def serve(
    settings: Settings,
    *,
    upstreams: Sequence[UpstreamConfig] | None = None,
    prepare: Prepare | None = None,
    started: Callable[[str], None] | None = None,
    made_key: Callable[[str], None] | None = None,
    now: Clock = now_ms,
    new: bool = False,
) -> None:
    """Run the gateway until SIGTERM, SIGINT or SIGHUP. Every running request is recorded before it returns.

    With inherited sockets, this process takes over from the previous one: it waits for the database, while connections
    wait in the sockets' queues, and at its own end it leaves no client without a response.

    `upstreams` replace the one of the settings. `prepare` runs after the store is opened and before the port is.
    `started` is called with the gateway's URL when the port is open, `made_key` with the bootstrap admin key when it
    was just made; if that raises, the key is not kept. `now` is the clock of everything that is recorded, shown or
    limited. `new`: a database may be created where only the lock or the secrets of one are found.
    Raises ConfigError, StoreError, SecretsError, OSError: each says in one line what to do.
    """
    configure_logs()
    for warning in settings_warnings():
        log.warning("%s", warning)
    raise_file_limit()
    inherited = inherited_sockets(os.environ)
    if inherited:
        settings = settings.model_copy(update={"host": ",".join(address_of(found)[0] for found in inherited)})
        refuse_well_known_key(settings)
    listening = inherited or listen_all(settings.hosts, settings.port)
    patience = settings.shutdown_timeout + HANDOVER_MARGIN if inherited else 0.0
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.disable()  # until the port is open: nothing that is built is garbage
    try:
        async with open_gateway(settings, upstreams, now, patience, new=new) as gateway:
            context, bootstrap = gateway.context, gateway.bootstrap
            if not settings.loopback:
                await _refuse_well_known_secrets(context.accounts, settings.host)
            if bootstrap.made is not None and made_key is not None:
                made_key(bootstrap.made)
                await keep_bootstrap(bootstrap, gateway.store.installation)
            if prepare is not None:
                await prepare(context)
            keeping = housekeeping(context.catalog, context.facts, context.accounts)
            watch = upstream_watch(context.catalog, gateway.probes, gateway.upstreams)
            work = [keeping, watch, gateway.metrics.watch_loop(), gateway.live.run(), gateway.user_live.run()]
            work += [gateway.models.keeping.run(), expiry(context.keys), refusals(gateway.refusals)]
            work.append(coloring(gateway.model_colors))
            alerts = gateway.alerts
            work += [alerts.deliveries.run(), alerts.budgets.run(), alerts.conditions.run()]
            if settings.evict_after is not None:
                work.append(gateway.models.evictor.run(settings.evict_after, settings.evict_by))
            if settings.invoice_after_days:
                work.append(invoicing(gateway.billing))
            if settings.retention_days is not None:
                work.append(retention(gateway.store, gateway.billing, settings.retention_days, now))
            await gateway.models.jobs.start()
            async with background(*work):
                gateway.server.on_open = _opener(listening, started)
                await gateway.server.serve(listening, handover=bool(inherited))
    finally:
        gc.enable()
        for found in listening:
            found.close()


async def _refuse_well_known_secrets(accounts: Accounts, host: str) -> None:
    """Refuse to serve a demo's database beyond loopback: everyone knows its keys and passwords. Raises ConfigError."""
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


def listen_all(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """A socket for each address, all on one port. Raises OSError; it says in one line what to do."""
    found: list[socket.socket] = []
    try:
        for host in hosts:
            both = host == "::" and all(":" in other for other in hosts)  # otherwise another address has IPv4 to itself
            found.append(listen(host, port, both_families=both))
            port = address_of(found[0])[1]
    except OSError:
        for bound in found:
            bound.close()
        raise
    return found


def listen(host: str, port: int, *, both_families: bool = False) -> socket.socket:
    """A socket that listens on an address and port. Raises OSError; it says in one line what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=4096, dualstack_ipv6=both_families)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} on {host} is taken by another program; stop that one or choose another port with --port"
        else:
            why = (
                f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --host or --port"
            )
        raise OSError(why) from None


def address_of(listening: socket.socket) -> tuple[str, int]:
    """The address and port of a listening socket."""
    host, port = listening.getsockname()[:2]
    return str(host), int(port)


def _opener(listening: Sequence[socket.socket], started: Callable[[str], None] | None) -> Callable[[], None]:
    addresses = [address_of(found) for found in listening]

    def announce() -> None:
        gc.collect()
        gc.freeze()  # what was built at the start lives to the end: it need not be collected again
        # A request allocates a few hundred objects and no cycles: collecting every 700 would take 5 % of its time.
        gc.set_threshold(_COLLECT_EVERY, _MIDDLE_EVERY, _OLDEST_EVERY)
        gc.enable()
        notify(os.environ, "READY=1")
        if started is not None:
            for host, port in addresses:
                started(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")

    return announce


def raise_file_limit() -> None:
    """Let this process open as many files as it may: each client and each upstream connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
