"""Background work that is repeated: housekeeping, retention, and the expiry of idempotency keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from tollkeeper.rules.errors import GatewayError
from tollkeeper.rules.retention import cut_off
from tollkeeper.rules.times import format_month, format_time
from tollkeeper.services.accounts.accounts import Accounts
from tollkeeper.services.billing.billing import Billing
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.facts import FactsCache
from tollkeeper.services.requests.idempotency import IdempotencyKeys
from tollkeeper.services.upstreams.probes import Probes
from tollkeeper.services.upstreams.upstreams import Upstreams
from tollkeeper.services.watching.model_colors import ModelColors
from tollkeeper.services.watching.refusals import RefusalCounts
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.ports.store import Store

log = logging.getLogger("tollkeeper.app.chores")

HOUSEKEEPING_EVERY = 30.0
"""Seconds between two fetches of facts about new models, and between writings of when keys were last used."""
DRAINS_EVERY = 1.0
"""Seconds between two looks for upstreams that have drained."""
INVOICING_EVERY = 3600.0
"""Seconds between two looks for months to finalize."""
RETENTION_EVERY = 86_400.0
"""Seconds between deletions of old records."""
REFUSALS_EVERY = 5.0
"""Seconds between two writings of counts of refused requests."""
COLORING_EVERY = 5.0
"""Seconds between two writings of which models were first seen."""
EXPIRY_EVERY = 600.0
"""Seconds between deletions of expired claims to idempotency keys."""

Clock = Callable[[], int]
"""Milliseconds since the epoch."""


@asynccontextmanager
async def background(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run this work in the background of the block, and cancel it at the end. Work that ends before, by a fault, is
    logged."""
    tasks = [asyncio.create_task(part) for part in work]
    for task in tasks:
        task.add_done_callback(_ended)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background work has ended by a fault, until the next start: %s", task.get_coro(), exc_info=error)


async def housekeeping(catalog: Catalog, facts: FactsCache, accounts: Accounts) -> None:
    """Fetch facts about models, and write when keys and sessions were last used, until cancelled."""
    await catalog.refresh_due()
    while True:
        try:
            await facts.fetch_missing()
        except Exception:
            log.exception("facts about models could not be fetched; it will be tried again")
        await asyncio.sleep(HOUSEKEEPING_EVERY)
        try:
            await write_last_used(accounts)
        except Exception:
            log.exception("when keys and sessions were last used could not be written; it will be tried again")


async def upstream_watch(catalog: Catalog, probes: Probes, upstreams: Upstreams) -> None:
    """Keep the lists of models fresh, probe the upstreams, and disable those that have drained; until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(catalog.keep_fresh())
        group.create_task(probes.run())
        group.create_task(drains(upstreams))


async def drains(upstreams: Upstreams) -> None:
    """Disable upstreams that are draining once they have no requests left; until cancelled."""
    while True:
        await asyncio.sleep(DRAINS_EVERY)
        try:
            await upstreams.finish_drains()
        except Exception:
            log.exception("an upstream that has drained could not be disabled; it will be tried again")


async def write_last_used(accounts: Accounts) -> None:
    """Write when keys and sessions were last used, and delete the sessions that have ended. Raises StoreError."""
    await accounts.write_last_used()
    await accounts.sessions.tidy()


async def invoicing(billing: Billing) -> None:
    """Finalize the months that are due, every hour, until cancelled."""
    while True:
        await finalize_due(billing)
        await asyncio.sleep(INVOICING_EVERY)


async def finalize_due(billing: Billing) -> None:
    """Finalize the months that ended some days ago; a failure is logged, not raised."""
    try:
        for done in await billing.finalize_due():
            log.info("%d invoices of %s were issued", len(done.issued), done.month)
    except GatewayError as error:
        log.warning("a month that is due is not finalized yet: %s", error.message)
    except Exception:
        log.exception("months that are due could not be finalized; it will be tried again in an hour")


async def expiry(keys: IdempotencyKeys) -> None:
    """Delete the claims to idempotency keys that have expired, until cancelled."""
    while True:
        try:
            await keys.prune()
        except Exception:
            log.exception("expired claims to idempotency keys could not be deleted; it will be tried again")
        await asyncio.sleep(EXPIRY_EVERY)


async def refusals(counts: RefusalCounts) -> None:
    """Write counts of refused requests, and fold the old ones, until cancelled."""
    failing = False
    while True:
        await asyncio.sleep(REFUSALS_EVERY)
        try:
            await counts.write()
            await counts.fold()
            failing = False
        except StoreError as error:
            if not failing:
                log.warning("refusals could not be counted in the database; it will be tried again: %s", error)
            failing = True
        except Exception:
            log.exception("refusals could not be counted in the database; it will be tried again")


async def coloring(colors: ModelColors) -> None:
    """Write which models were used first, until cancelled."""
    failing = False
    while True:
        await asyncio.sleep(COLORING_EVERY)
        try:
            await colors.write()
            failing = False
        except StoreError as error:
            if not failing:
                log.warning("the colours of new models could not be written; it will be tried again: %s", error)
            failing = True


async def retention(store: Store, billing: Billing, days: int, now: Clock) -> None:
    """Delete records that are over `days` days old, once a day, until cancelled."""
    while True:
        await delete_old(store, billing, days, now)
        await asyncio.sleep(RETENTION_EVERY)


async def delete_old(store: Store, billing: Billing, days: int, now: Clock) -> None:
    """Delete the records that are over `days` days old, as far as the newest record bears the clock out
    (`rules/retention.py`), and only of months that are finalized; meanwhile no invoice gives up its records. The
    deletion is logged beforehand; a failure is logged, not raised."""
    try:
        async with billing.reopening:
            deleted = await _delete_old(store, days, now)
    except Exception:
        log.exception("records over %d days old could not be deleted; it will be tried again in a day", days)
    else:
        log.info("%d records over %d days old were deleted from the ledger", deleted, days)


async def _delete_old(store: Store, days: int, now: Clock) -> int:
    newest = await store.reports.records(Filter(), limit=1, after=None)
    if not newest:
        return 0
    wanted, before = cut_off(days, now(), newest[0].created_at)
    months = await store.invoices.open_months()
    if months and months[0] < before:
        log.info(
            "records of %s and later are kept until the month is finalized, though they are over %d days old",
            format_month(months[0]), days,
        )  # fmt: skip
        wanted = before = months[0]
    count = await store.reports.prunable(before)
    if before < wanted and await store.reports.prunable(wanted) > count:
        log.warning(
            "the clock says %s, and the newest record is of %s: records that only this clock calls over %d days old"
            " are kept; where it is right, stop and run `tollkeeper db prune --before %s`",
            format_time(now()), format_time(newest[0].created_at), days, format_time(wanted),
        )  # fmt: skip
    if count:
        log.info("deleting %d records of before %s: they are over %d days old", count, format_time(before), days)
    return await store.ledger.prune(before)
