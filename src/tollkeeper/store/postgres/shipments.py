"""Records from the journals of processes: inserted and added to the sums, one transaction for each shipment.

Shipments follow each other, since each locks the end of all records (`head`): so their numbers have no gaps, and are in
the order in which they become visible. The hash there is one over all shipments: it says which records those are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Row, Table, bindparam, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.shipments import Batch, Journal, JournalFault
from tollkeeper.store.postgres.connections import LOCK_WAIT, open_engine, plain_reason
from tollkeeper.store.postgres.identities import SharedIdentities
from tollkeeper.store.postgres.schema import journal_records, journals
from tollkeeper.store.postgres.words import PostgresWords
from tollkeeper.store.postgres.writer import TURNS
from tollkeeper.store.sql.identities import Identity
from tollkeeper.store.sql.record_index import add_to_index
from tollkeeper.store.sql.rollups import MOST, SumStatements
from tollkeeper.store.sql.rows import ADMITTED_PLACE, flags_of
from tollkeeper.store.sql.schema import head, identities, record_metadata, records
from tollkeeper.store.sql.sum_tables import rollup_minutes
from tollkeeper.store.time_buckets import MINUTE_MS, MINUTES_KEPT_MS

T = TypeVar("T")

SUMS = SumStatements(PostgresWords())
"""The statements that add records to the sums."""
_MINUTES_AT_ONCE_MS = 30 * MINUTE_MS
"""The most that one shipment deletes of the sums by minute, so that none takes long."""
_PREPARE, _ADD_UP, _NEWEST = text(SUMS.prepare), text(SUMS.add_up), text(SUMS.newest)
_ADD = [*map(text, SUMS.add)]
_ADD_TAGS = [*map(text, SUMS.add_new_tags)]
_ADD_TO_INDEX = text(add_to_index(PostgresWords()))
_JOURNAL = select(journals).where(journals.c.id == bindparam("wanted"))
_END = select(head).with_for_update()
_KNOWN = (
    select(journal_records.c.journal_seq, records.c.hash)
    .join(records, records.c.seq == journal_records.c.seq)
    .where(
        journal_records.c.journal == bindparam("wanted"),
        journal_records.c.journal_seq > bindparam("after"),
        journal_records.c.journal_seq <= bindparam("upto"),
    )
)
_NUMBER = select(journal_records.c.seq).where(
    journal_records.c.journal == bindparam("wanted"), journal_records.c.journal_seq == bindparam("at")
)
_FLAGS = flags_of(records)


class Shipments:
    """See `ports.ShipmentStore`. One shipment at a time, in a thread."""

    def __init__(self, url: str, identities: SharedIdentities, *, lock_wait: float = LOCK_WAIT) -> None:
        self._identities = identities
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tollkeeper-shipper")
        # Each statement sees what others committed before it: after the lock of `head`, nobody else changes the sums.
        self._engine = open_engine(url, lock_wait=lock_wait).execution_options(isolation_level="READ COMMITTED")

    async def ship(self, journal: Journal, batch: Batch) -> int:
        return await self._run(lambda: self._ship(journal, batch))

    async def shipped(self, journal_id: str) -> int:
        def read() -> int:
            with self._engine.begin() as connection:
                row = connection.execute(_JOURNAL, {"wanted": journal_id}).one_or_none()
                return 0 if row is None else row.shipped_seq

        return await self._run(read)

    async def number_of(self, journal_id: str, journal_seq: int) -> int:
        def read() -> int:
            with self._engine.begin() as connection:
                return int(connection.execute(_NUMBER, {"wanted": journal_id, "at": journal_seq}).scalar_one())

        return await self._run(read)

    async def close(self) -> None:
        """Finish what was begun, and accept no more."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    async def _run(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise StoreError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (SQLAlchemyError, psycopg.Error) as error:  # the latter from COPY
            raise StoreError(f"records cannot be shipped: {plain_reason(error)}") from None

    def _ship(self, journal: Journal, batch: Batch) -> int:
        try:
            return self._once(journal, batch)
        except JournalFault as fault:
            with self._engine.begin() as connection:
                stopped = update(journals).where(journals.c.id == journal.id)
                connection.execute(stopped.values(fault=str(fault)))
            raise
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._once(journal, batch)  # the server was away since the last time; nothing is inserted twice

    def _once(self, journal: Journal, batch: Batch) -> int:
        with self._engine.begin() as connection:
            self._identities.refresh(connection)
            new = [each for each in batch.identities if not self._identities.knows(each[0])]
            if new:  # of journals from before these users were known here
                connection.execute(text(TURNS))
            there = _locked(connection, journal, batch)
            if there.fault is not None:
                raise JournalFault(there.fault)
            _check_known(connection, journal, there, batch)
            rows = [row for row in batch.records if row[-2] > there.shipped_seq]
            taken = rows[:MOST] if rows and rows[0][-2] == there.shipped_seq + 1 else []
            # For this database, a request whose record is yet to be taken is open.
            still_open = [row[ADMITTED_PLACE] for row in rows[len(taken) :]]
            still_open += [] if batch.oldest_open is None else [batch.oldest_open]
            values: dict[str, Any] = {
                "node": journal.node,
                "oldest_open": min(still_open, default=None),
                "told_at": batch.at,
            }
            if taken:
                self._add_identities(connection, new)
                _insert(connection, journal, taken, batch)
                values |= {"shipped_seq": taken[-1][-2], "hash": taken[-1][-1]}
            connection.execute(update(journals).where(journals.c.id == journal.id).values(values))
            return int(values.get("shipped_seq", there.shipped_seq))

    def _add_identities(self, connection: Connection, new: Iterable[tuple[str, str]]) -> None:
        self._identities.refresh(connection)
        unknown = [Identity(*each) for each in new if not self._identities.knows(each[0])]
        if unknown:
            connection.execute(insert(identities), [each._asdict() for each in unknown])


def _locked(connection: Connection, journal: Journal, batch: Batch) -> Row[Any]:
    """The row of a journal, locked; a new one begins with nothing shipped."""
    found = connection.execute(_JOURNAL.with_for_update(), {"wanted": journal.id}).one_or_none()
    if found is not None:
        return found
    first = insert(journals).values(id=journal.id, node=journal.node, shipped_seq=0, hash=b"", told_at=batch.at)
    connection.execute(first.on_conflict_do_nothing())
    return connection.execute(_JOURNAL.with_for_update(), {"wanted": journal.id}).one()


def _check_known(connection: Connection, journal: Journal, there: Row[Any], batch: Batch) -> None:
    """Raise JournalFault where what is here of the batch has other hashes. Of what was pruned nothing is compared."""
    hashes = {row[-2]: bytes(row[-1]) for row in batch.records if row[-2] <= there.shipped_seq}
    if batch.after and batch.after <= there.shipped_seq:
        hashes[batch.after] = batch.hash_before
    known = {there.shipped_seq: bytes(there.hash)}
    if len(hashes) > 1:
        span = {"wanted": journal.id, "after": batch.after - 1, "upto": there.shipped_seq}
        known |= {seq: bytes(digest) for seq, digest in connection.execute(_KNOWN, span)}
    for seq, digest in hashes.items():
        if known.get(seq, digest) != digest:
            raise JournalFault(
                f"record {seq} of journal {journal.id} has another hash than when it was shipped: nothing of that"
                " journal is taken any more"
            )


def _insert(connection: Connection, journal: Journal, rows: Sequence[Sequence[Any]], batch: Batch) -> None:
    """Insert records, at most `MOST`, behind all others, and add them to the index and the sums."""
    end = connection.execute(_END).one()
    upto = end.seq + len(rows)
    numbers = range(end.seq + 1, upto + 1)
    _copy(connection, records, (_as_stored(row, seq) for row, seq in zip(rows, numbers, strict=True)))
    places = ((journal.id, row[-2], seq) for row, seq in zip(rows, numbers, strict=True))
    _copy(connection, journal_records, places)
    shipped = {row[0] for row in rows}
    _copy(connection, record_metadata, (each for each in batch.metadata if each[0] in shipped))
    connection.execute(_ADD_TO_INDEX, {"after": end.seq, "upto": upto})
    minutes_from = _add_to_sums(connection, end.seq, upto, end.minutes_from, tagged=bool(batch.metadata))
    *_, last, last_hash = rows[-1]
    digest = sha256(b"".join((end.hash, journal.id.encode(), last.to_bytes(8, "big"), last_hash))).digest()
    connection.execute(update(head).values(seq=upto, hash=digest, rolled_up=upto, minutes_from=minutes_from))


def _as_stored(row: Sequence[Any], seq: int) -> list[Any]:
    values = [*row[:-2], seq, row[-1]]
    for place in _FLAGS:
        values[place] = bool(values[place])
    return values


def _copy(connection: Connection, table: Table, rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows with all columns of a table: by COPY, which is several times faster than INSERT."""
    names = ", ".join(column.name for column in table.columns)
    raw: Any = connection.connection.dbapi_connection
    with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _add_to_sums(connection: Connection, mark: int, upto: int, minutes_from: int, *, tagged: bool) -> int:
    """Add the records after one number and up to another; `tagged`: some of them may have tags. Returns the first
    minute of the sums by minute."""
    span = {"after": mark, "upto": upto}
    connection.execute(_PREPARE)
    connection.execute(_ADD_UP, span)
    for statement in _ADD:
        connection.execute(statement)
    for statement in _ADD_TAGS if tagged else ():
        connection.execute(statement, span)
    wanted = connection.execute(_NEWEST).scalar_one() - MINUTES_KEPT_MS
    if not mark:
        return max(0, int(wanted))
    if wanted < minutes_from + _MINUTES_AT_ONCE_MS:
        return minutes_from
    until = minutes_from + _MINUTES_AT_ONCE_MS
    connection.execute(rollup_minutes.delete().where(rollup_minutes.c.minute < until))
    return until


def open_journals(connection: Connection, _: int, end: int) -> int:
    """How many journals may have unsettled requests that were admitted before `end`: each tells the earliest only."""
    return connection.execute(select(func.count()).where(journals.c.oldest_open < end)).scalar_one()
