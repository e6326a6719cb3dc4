"""Verification of the ledger: the chain of its records, the cost of each, and every sum over them.

Reads one snapshot of the database and changes nothing: it may run while the database is served, or on a copy.
"""

# Its queries are built from the schema's names and numbers, nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, StaticPool
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.rules.chain import GENESIS
from tollkeeper.rules.pricing import Price, is_served
from tollkeeper.store.clamp import clamp_cost
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.maintenance import Progress, Verification
from tollkeeper.store.ports.record_fields import FIELDS, stored
from tollkeeper.store.ports.records import Record
from tollkeeper.store.sql.chain import ChainReader
from tollkeeper.store.sql.identities import Identities, digest_of
from tollkeeper.store.sql.invoice_check import faults as invoice_faults
from tollkeeper.store.sql.rows import METADATA_PLACE, USER_PLACE, record_of
from tollkeeper.store.sqlite.connections import begin_read, connect_reader, engine_over, plain_reason
from tollkeeper.store.sqlite.lock import must_be_readable
from tollkeeper.store.sqlite.revision import must_be_at_head
from tollkeeper.store.sqlite.sum_check import sum_faults

MOST_FAULTS = 20
"""Faults that are reported; more are only counted."""
_EVERY = 10_000

_COLUMNS = ", ".join(f"records.{field.stored_as}" for field in stored(FIELDS))


def verify(path: Path, progress: Progress | None = None) -> Verification:
    """See `ports.Maintenance`. `progress` counts records."""
    must_be_readable(path)
    try:
        with (
            closing(connect_reader(path)) as connection,
            engine_over(lambda: connection, StaticPool, begin_read).begin() as same,
        ):
            must_be_at_head(connection, path)
            return _Check(connection, same, progress or _no_progress).run()
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(f"the database {path} cannot be read: {plain_reason(error)}") from None


class _Check:
    def __init__(self, connection: sqlite3.Connection, same: Connection, progress: Progress) -> None:
        """`same` is the connection as SQLAlchemy has it."""
        self._connection = connection
        self._same = same
        self._progress = progress
        self._faults: list[str] = []
        self._count = 0
        self._identities = Identities()

    def run(self) -> Verification:
        self._file()
        self._identities = Identities(self._connection.execute("SELECT id, user_id FROM identities"))
        head = self._connection.execute("SELECT seq, hash, minutes_from, rolled_up FROM head").fetchone()
        if head is None:
            self._fault("the head of the chain is missing")
            head = (0, GENESIS, 0, 0)
        pruned, digest, newest = self._checkpoint()
        records = self._chain(pruned, digest, head[0], head[1])
        if not pruned <= head[3] <= head[0]:
            self._fault(f"the sums have the records up to {head[3]}, which is not between {pruned} and {head[0]}")
        for fault in sum_faults(self._connection, self._identities, pruned, newest, head[3], head[2]):
            self._fault(fault)
        self._intents()
        self._invoices()
        faults = tuple(self._faults)
        return Verification(records, pruned, head[0], bytes(head[1]).hex(), faults, self._count)

    def _fault(self, line: str) -> None:
        self._count += 1
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(line)

    def _file(self) -> None:
        # This also checks that no request id occurs twice, and that the indexes match the tables.
        for (line,) in self._connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})"):
            if line != "ok":
                self._fault(f"the file is damaged: {' '.join(line.split())}")

    def _invoices(self) -> None:
        identities = Identities(self._connection.execute("SELECT id, user_id FROM identities"))
        for fault in invoice_faults(self._same, identities):
            self._fault(fault)

    def _checkpoint(self) -> tuple[int, bytes, int]:
        """The number and hash from which the chain continues, and the latest moment of pruned records (-1: none)."""
        query = "SELECT seq, hash, newest FROM checkpoints ORDER BY seq DESC LIMIT 1"
        found: tuple[int, bytes, int] | None = self._connection.execute(query).fetchone()
        return found or (0, GENESIS, -1)

    def _chain(self, seq: int, digest: bytes, last: int, last_digest: bytes) -> int:
        total = last - seq
        count = 0
        chain = ChainReader()
        versions = self._connection.execute(f"SELECT {', '.join(Price.__struct_fields__)} FROM prices")
        prices = {price.id: price for price in (Price(*row) for row in versions)}
        query = (
            f"SELECT {_COLUMNS}, seq, hash, salt, metadata FROM records"
            " LEFT JOIN record_metadata USING (request_id) ORDER BY seq"
        )
        for *values, found, kept, salt, metadata in self._connection.execute(query):
            if found != seq + 1:
                missing = f"record {seq + 1} is" if found == seq + 2 else f"records {seq + 1} to {found - 1} are"
                self._fault(f"{missing} missing before {values[0]}")
                # Its hash cannot be checked without its predecessor: the chain is resumed after it.
            elif not chain.holds(digest, found, values, kept):
                self._fault(f"record {found} ({values[0]}) is not what was written, or follows another record")
            if metadata is not None and digest_of(salt, metadata) != values[METADATA_PLACE]:
                self._fault(f"the metadata of record {found} ({values[0]}) is not what was written")
            record = record_of(values, values[USER_PLACE], metadata)
            if record.price_id is not None:
                self._charge(found, record, prices.get(record.price_id))
            seq, digest = found, kept
            count += 1
            if count % _EVERY == 0:
                self._progress(count, total)
        if seq < last:
            self._fault(f"the chain is cut off after record {seq}: there were {last}")
        elif seq > last:
            self._fault(f"the chain goes on to record {seq} after its end, {last}")
        elif digest != last_digest:
            self._fault(f"the end of the chain, record {seq}, is not the one that was written")
        self._progress(count, total)
        return count

    def _charge(self, seq: int, record: Record, price: Price | None) -> None:
        """Check that the cost of a record is that of its usage by its version of the price."""
        if price is None:
            self._fault(f"the price of record {seq} ({record.request_id}), version {record.price_id}, is missing")
            return
        served = is_served(record.usage, completed=record.status == "completed")
        if clamp_cost(price.cost(record.usage, served=served)) != record.cost_pico:
            line = f"record {seq} ({record.request_id}) does not cost what version {price.id} of the price makes of it"
            self._fault(line)

    def _intents(self) -> None:
        query = "SELECT request_id FROM intents WHERE request_id IN (SELECT request_id FROM records)"
        for (request_id,) in self._connection.execute(query):
            self._fault(f"{request_id} is settled, but its intent was not ended")


def _no_progress(done: int, total: int) -> None:
    """Ignore progress."""
