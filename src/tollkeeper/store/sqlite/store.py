"""The store over one SQLite file: opening, its parts, closing."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError, StoreMissing
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
from tollkeeper.store.ports.records import Intent, lost
from tollkeeper.store.ports.refusals import RefusalStore
from tollkeeper.store.ports.reports import Reports
from tollkeeper.store.ports.second_factors import SecondFactorStore
from tollkeeper.store.ports.sessions import SessionStore
from tollkeeper.store.ports.store import Durability
from tollkeeper.store.ports.teams import TeamStore
from tollkeeper.store.ports.upstreams import UpstreamStore
from tollkeeper.store.ports.webhooks import WebhookStore
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
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.installation import SqlInstallation
from tollkeeper.store.sql.invoices import SqlInvoices
from tollkeeper.store.sql.jobs import SqlJobs
from tollkeeper.store.sql.limit_templates import SqlLimitTemplates
from tollkeeper.store.sql.model_colors import SqlModelColors
from tollkeeper.store.sql.pins import SqlPins
from tollkeeper.store.sql.prices import SqlPrices
from tollkeeper.store.sql.reports import SqlReports
from tollkeeper.store.sql.rows import intent_of
from tollkeeper.store.sql.second_factors import SqlSecondFactors
from tollkeeper.store.sql.sessions import SqlSessions
from tollkeeper.store.sql.teams import SqlTeams
from tollkeeper.store.sql.upstreams import SqlUpstreams
from tollkeeper.store.sql.webhooks import SqlWebhooks
from tollkeeper.store.sqlite.commit import Committer
from tollkeeper.store.sqlite.connections import connect_writer, plain_reason
from tollkeeper.store.sqlite.erasure import SqliteErasure
from tollkeeper.store.sqlite.files import beside, real_path, remove_unfinished_restore
from tollkeeper.store.sqlite.ledger import SqliteLedger
from tollkeeper.store.sqlite.lock import FileLock, lock_path
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.refusals import SqliteRefusals
from tollkeeper.store.sqlite.revision import bring_to_head, has_tables
from tollkeeper.store.sqlite.timed_reader import TimedReader
from tollkeeper.store.sqlite.wal import WalCheckpointer
from tollkeeper.store.sqlite.watch import FileWatch
from tollkeeper.store.sqlite.writer import Writer

LOG = logging.getLogger("tollkeeper.store")
_LONGEST_PAGE, _LONGEST_SHEET = 10, 120
"""Seconds that a question of the explorer may take, and a whole answer."""


class SqliteStore:
    """See `ports.Store`. `lost_at_start` counts the requests that were running when the previous process was killed;
    they are now records of status "lost"."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        lock: FileLock,
        identities: Identities,
        lost_at_start: int,
        patience: float,
    ) -> None:
        self.lost_at_start = lost_at_start
        self._path = path
        self._lock = lock
        self._patience = patience
        assert lock.file is not None
        real = real_path(path)
        self._watch = watch = FileWatch(real, lock.file)
        self._writer = Writer(connection, lambda: watch.gone)
        self._log = WalCheckpointer(real, self._writer.checkpoint_rest, lambda: watch.gone)
        self._readers = Readers(real, lambda: watch.gone)
        self._summed = Readers(real, lambda: watch.gone, self._writer.snapshot)
        self._ledger = SqliteLedger(self._writer, identities, patience=patience, blocked=lambda: watch.reason)
        self.ledger: Ledger = self._ledger
        self.refusals: RefusalStore = SqliteRefusals(self._writer, self._readers, identities)
        self.reports: Reports = SqlReports(self._readers, self._summed, identities)
        self._pages = TimedReader(real, lambda: watch.gone, self._writer.snapshot, seconds=_LONGEST_PAGE)
        self._sheets = TimedReader(real, lambda: watch.gone, self._writer.snapshot, seconds=_LONGEST_SHEET)
        self.explorer: Explorer = SqlExplorer(self._pages, self._sheets, identities)
        self.buckets: Buckets = SqlBuckets(self._summed, identities)
        self.erasure: Erasure = SqliteErasure(self._writer, identities)
        self.accounts: AccountStore = SqlAccounts(self._writer, self._readers)
        self.end_users: EndUserStore = SqlEndUsers(self._writer, self._readers)
        self.sessions: SessionStore = SqlSessions(self._writer, self._readers)
        self.external_identities: ExternalIdentityStore = SqlExternalIdentities(self._writer, self._readers)
        self.second_factors: SecondFactorStore = SqlSecondFactors(self._writer, self._readers)
        self.teams: TeamStore = SqlTeams(self._writer, self._readers)
        self.prices: PriceStore = SqlPrices(self._writer, self._readers)
        self.aliases: AliasStore = SqlAliases(self._writer, self._readers)
        self.upstreams: UpstreamStore = SqlUpstreams(self._writer, self._readers)
        self.pins: PinStore = SqlPins(self._writer, self._readers)
        self.model_colors: ModelColorStore = SqlModelColors(self._writer, self._readers)
        self.limit_templates: LimitTemplateStore = SqlLimitTemplates(self._writer, self._readers)
        self.jobs: JobStore = SqlJobs(self._writer, self._readers)
        self.idempotency: IdempotencyStore = SqlIdempotency(self._writer, self._readers)
        self.installation: Installation = SqlInstallation(self._writer, self._readers)
        self.invoices: InvoiceStore = SqlInvoices(self._writer, self._summed, identities)
        self.audit: Audit = SqlAudit(self._writer, self._readers)
        self.events: EventStore = SqlEvents(self._writer, self._readers)
        self.webhooks: WebhookStore = SqlWebhooks(self._writer, self._readers)
        self.alerts: AlertStore = SqlAlerts(self._writer, self._readers)

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r}, {self._ledger!r})"

    async def close(self) -> None:
        """Flush, then release everything. Raises StoreError, after releasing everything, when the ledger could not be
        written within `patience`, so that settlements are lost."""
        await asyncio.to_thread(self._watch.stop)
        try:
            await self._ledger.close()
        finally:
            ended = await asyncio.to_thread(self._log.stop, self._patience)
            for readers in (self._readers, self._summed, self._pages, self._sheets):
                await readers.close()
            # While a thread hangs in a call the lock stays until the process ends, since that call may still write.
            if await self._writer.close(self._patience) and ended:
                self._lock.release()


async def open_store(
    path: Path,
    *,
    now: Callable[[], int],
    durability: Durability = "process",
    patience: float = 5.0,
    belongings: Sequence[Path] | None = None,
) -> SqliteStore:
    """Open the database at `path`. It is created if missing (its folder is not), and upgraded if old (after a copy).

    `durability`: what a durable commit survives: the end of the process, or a power failure too (an fsync per commit).
    `patience`: seconds that `flush` and `close` wait for a ledger that cannot be written. `belongings`: further files
    that exist only together with a database: where one is found without a database, that was lost, and no new one is
    made; None: a new one is wanted. Raises StoreBusy when another process has it open, StoreMissing when it was lost,
    StoreError when it cannot be opened.
    """
    prepared = await asyncio.to_thread(_prepare, path, now, durability, belongings)
    return SqliteStore(path, *prepared, patience)


def _prepare(
    path: Path, now: Callable[[], int], durability: Durability, belongings: Sequence[Path] | None
) -> tuple[sqlite3.Connection, FileLock, Identities, int]:
    with ExitStack() as undo:
        try:
            if not path.parent.is_dir():
                raise StoreError(f"the folder {path.parent} of the database {path.name} does not exist")
            _refuse_if_lost(path, belongings)
            lock = FileLock(path, make=True)
            undo.callback(lock.release)
            _check_hard_links(real_path(path), lock)
            connection = connect_writer(real_path(path), durability)
            undo.callback(connection.close)
            if belongings and not has_tables(connection):
                _refuse_leftovers(path, belongings)
            bring_to_head(path, connection)
            identities = Identities(connection.execute("SELECT id, user_id FROM identities"))
            lost_at_start = _record_lost_intents(connection, identities, now())
            # A kill may have come between the forgetting of a person and the emptying of the log that names them.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except OSError as error:
            raise StoreError(f"the database {path} cannot be opened: {error.strerror}") from None
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise StoreError(f"the database {path} cannot be opened: {plain_reason(error)}") from None
        undo.pop_all()
        return connection, lock, identities, lost_at_start


def _refuse_if_lost(path: Path, belongings: Sequence[Path] | None) -> None:
    real = real_path(path)
    if real.exists() and real.stat().st_size:
        return
    log = beside(real, "-wal")
    if log.exists() and log.stat().st_size:
        # SQLite would delete the log, and with it the last writes.
        raise StoreMissing(f"there is no database {path}, but {log} of one: put the database back, or move that away")
    if belongings is not None:
        # A lock beside an empty database is left over from a first start that was killed.
        _refuse_leftovers(path, belongings if real.exists() else [*belongings, lock_path(path)])


def _refuse_leftovers(path: Path, belongings: Iterable[Path]) -> None:
    found = " and ".join(str(file) for file in belongings if file.exists())
    if found:
        raise StoreMissing(
            f"there is no database {path}, but {found} of one: put the database back (or a copy, with `tollkeeper db"
            " restore`), or begin an empty one with --new"
        )


def _check_hard_links(path: Path, lock: FileLock) -> None:
    assert lock.file is not None
    if os.fstat(lock.file).st_nlink > 1:
        remove_unfinished_restore(path)
    if os.fstat(lock.file).st_nlink > 1:
        LOG.warning(
            "the database %s has a second name (a hard link): never open it by that, since after a kill what was"
            " written last is in a log beside the name that was used",
            path,
        )


def _record_lost_intents(connection: sqlite3.Connection, identities: Identities, now: int) -> int:
    """Turn the intents that a killed process left into records, so that operators see them. Returns how many."""
    connection.execute("BEGIN IMMEDIATE")
    columns = ", ".join(Intent.__struct_fields__)
    query = f"SELECT {columns} FROM intents ORDER BY request_id"  # noqa: S608 (names of the schema)
    intents = [intent_of(row) for row in connection.execute(query)]
    records = [lost(intent, now) for intent in intents]
    Committer(identities).write(connection, (), records, [intent.request_id for intent in intents])
    connection.execute("COMMIT")
    return len(intents)
