"""The store over one database of PostgreSQL: opening, its parts, closing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.accounts import AccountStore
from tollkeeper.store.ports.alerts import AlertStore
from tollkeeper.store.ports.aliases import AliasStore
from tollkeeper.store.ports.audit import Audit
from tollkeeper.store.ports.buckets import Buckets
from tollkeeper.store.ports.end_users import EndUserStore
from tollkeeper.store.ports.erasure import Erasure
from tollkeeper.store.ports.events import EventStore
from tollkeeper.store.ports.explorer import Explorer
from tollkeeper.store.ports.external_identities import ExternalIdentityStore
from tollkeeper.store.ports.idempotency import IdempotencyStore
from tollkeeper.store.ports.installation import Installation
from tollkeeper.store.ports.invoices import InvoiceStore
from tollkeeper.store.ports.jobs import JobStore
from tollkeeper.store.ports.ledger import Ledger
from tollkeeper.store.ports.limit_templates import LimitTemplateStore
from tollkeeper.store.ports.model_colors import ModelColorStore
from tollkeeper.store.ports.pins import PinStore
from tollkeeper.store.ports.prices import PriceStore
from tollkeeper.store.ports.refusals import RefusalStore
from tollkeeper.store.ports.reports import Reports
from tollkeeper.store.ports.second_factors import SecondFactorStore
from tollkeeper.store.ports.sessions import SessionStore
from tollkeeper.store.ports.teams import TeamStore
from tollkeeper.store.ports.upstreams import UpstreamStore
from tollkeeper.store.ports.webhooks import WebhookStore
from tollkeeper.store.postgres.connections import LOCK_WAIT, open_engine, plain_reason
from tollkeeper.store.postgres.erasure import PostgresErasure
from tollkeeper.store.postgres.identities import SharedIdentities
from tollkeeper.store.postgres.pruning import PostgresPruning
from tollkeeper.store.postgres.readers import Readers
from tollkeeper.store.postgres.refusals import PostgresRefusals
from tollkeeper.store.postgres.revision import must_be_at_head
from tollkeeper.store.postgres.shipments import Shipments, open_journals
from tollkeeper.store.postgres.timed_reader import TimedReader
from tollkeeper.store.postgres.writer import NO_SHIPMENTS, Writer
from tollkeeper.store.sql.accounts import SqlAccounts
from tollkeeper.store.sql.alerts import SqlAlerts
from tollkeeper.store.sql.aliases import SqlAliases
from tollkeeper.store.sql.audit import SqlAudit
from tollkeeper.store.sql.buckets import SqlBuckets
from tollkeeper.store.sql.end_users import SqlEndUsers
from tollkeeper.store.sql.events import SqlEvents
from tollkeeper.store.sql.explorer import SqlExplorer
from tollkeeper.store.sql.external_identities import SqlExternalIdentities
from tollkeeper.store.sql.idempotency import SqlIdempotency
from tollkeeper.store.sql.identities import make_identities
from tollkeeper.store.sql.installation import SqlInstallation
from tollkeeper.store.sql.invoices import SqlInvoices
from tollkeeper.store.sql.jobs import SqlJobs
from tollkeeper.store.sql.limit_templates import SqlLimitTemplates
from tollkeeper.store.sql.model_colors import SqlModelColors
from tollkeeper.store.sql.pins import SqlPins
from tollkeeper.store.sql.prices import SqlPrices
from tollkeeper.store.sql.reports import SqlReports
from tollkeeper.store.sql.second_factors import SqlSecondFactors
from tollkeeper.store.sql.sessions import SqlSessions
from tollkeeper.store.sql.teams import SqlTeams
from tollkeeper.store.sql.upstreams import SqlUpstreams
from tollkeeper.store.sql.webhooks import SqlWebhooks

_LONGEST_PAGE, _LONGEST_SHEET = 10, 120
"""Seconds that a question of the explorer may take, and a whole answer."""


class JournalLedger(Ledger, Protocol):
    """The ledger of one process: a journal, whose records are shipped."""

    async def close(self) -> None:
        """Flush, then release the journal."""


class PostgresStore:
    """See `ports.Store`. Records come by `shipments`, from journals; `ledger` makes the one of this process, given this
    store, which closes it."""

    def __init__(
        self,
        url: str,
        identities: SharedIdentities,
        ledger: Callable[[PostgresStore], JournalLedger],
        lock_wait: float,
        read_threads: int,
    ) -> None:
        self.identities = identities
        self._writer = writer = Writer(url, identities, lock_wait=lock_wait)
        self._eraser = Writer(url, identities, NO_SHIPMENTS, lock_wait=lock_wait)
        self._reader = reader = Readers(url, identities, read_threads)
        self._pages = TimedReader(url, identities, seconds=_LONGEST_PAGE)
        self._sheets = TimedReader(url, identities, seconds=_LONGEST_SHEET)
        self.shipments = Shipments(url, identities, lock_wait=lock_wait)
        self.pruning = PostgresPruning(self._eraser)
        self.refusals: RefusalStore = PostgresRefusals(writer, reader, identities)
        self.reports: Reports = SqlReports(reader, reader, identities)
        self.explorer: Explorer = SqlExplorer(self._pages, self._sheets, identities)
        self.buckets: Buckets = SqlBuckets(reader, identities)
        self.erasure: Erasure = PostgresErasure(self._eraser, identities, url)
        self.accounts: AccountStore = SqlAccounts(
            writer, reader, lambda connection, users: make_identities(connection, identities, users)
        )
        self.end_users: EndUserStore = SqlEndUsers(writer, reader)
        self.sessions: SessionStore = SqlSessions(writer, reader)
        self.external_identities: ExternalIdentityStore = SqlExternalIdentities(writer, reader)
        self.second_factors: SecondFactorStore = SqlSecondFactors(writer, reader)
        self.teams: TeamStore = SqlTeams(writer, reader)
        self.prices: PriceStore = SqlPrices(writer, reader)
        self.aliases: AliasStore = SqlAliases(writer, reader)
        self.upstreams: UpstreamStore = SqlUpstreams(writer, reader)
        self.pins: PinStore = SqlPins(writer, reader)
        self.model_colors: ModelColorStore = SqlModelColors(writer, reader)
        self.limit_templates: LimitTemplateStore = SqlLimitTemplates(writer, reader)
        self.jobs: JobStore = SqlJobs(writer, reader)
        self.idempotency: IdempotencyStore = SqlIdempotency(writer, reader)
        self.installation: Installation = SqlInstallation(writer, reader)
        self.invoices: InvoiceStore = SqlInvoices(writer, reader, identities, open_journals)
        self.audit: Audit = SqlAudit(writer, reader)
        self.events: EventStore = SqlEvents(writer, reader)
        self.webhooks: WebhookStore = SqlWebhooks(writer, reader)
        self.alerts: AlertStore = SqlAlerts(writer, reader)
        self._journal = ledger(self)
        self.ledger: Ledger = self._journal

    def __repr__(self) -> str:
        return f"PostgresStore({self.ledger!r})"

    async def close(self) -> None:
        """Flush, then release everything."""
        parts = (self._writer, self._eraser, self.shipments, self._reader, self._pages, self._sheets)
        try:
            await self._journal.close()
        finally:
            for part in parts:
                await part.close()


async def open_store(
    url: str,
    ledger: Callable[[PostgresStore], JournalLedger],
    *,
    lock_wait: float = LOCK_WAIT,
    read_threads: int = 4,
) -> PostgresStore:
    """Open the database at `url`, which must be at this version. `ledger`: see `PostgresStore`. `lock_wait`: seconds
    that a change waits for another's. Raises StoreError when it cannot be opened."""
    identities = await asyncio.to_thread(_check, url)
    return PostgresStore(url, identities, ledger, lock_wait, read_threads)


def _check(url: str) -> SharedIdentities:
    identities = SharedIdentities()
    engine = open_engine(url, read_only=True)
    try:
        with engine.begin() as connection:
            must_be_at_head(connection)
            identities.refresh(connection)
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be opened: {plain_reason(error)}") from None
    finally:
        engine.dispose()
    return identities
