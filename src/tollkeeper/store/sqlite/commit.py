"""One group commit: intents and claims to idempotency keys, records and their chain, and the end of settled intents.
The sums of those records follow (`roll_up.py`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import asdict, astuple, replace

from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.records import Intent, Record
from tollkeeper.store.sql.chain import link_row
from tollkeeper.store.sql.identities import Identities, Identity, MetadataRow, digest_of, metadata_row
from tollkeeper.store.sql.rows import METADATA_PLACE, REASON_PLACE, USER_PLACE, Row, intent_row, record_row
from tollkeeper.store.sql.schema import idempotency_claims, identities, intents, record_metadata, records
from tollkeeper.store.sqlite.statements import (
    ManyRows,
    inserting,
    on_conflict_do_nothing,
    on_conflict_replace,
    single_column_rows,
)

S = TypeVar("S", Intent, Record)

_ADD_INTENTS = inserting(intents, on_conflict_replace(intents))
_END_INTENTS = ManyRows("DELETE FROM intents WHERE request_id IN (", "?", ")")
_ADD_IDENTITIES = inserting(identities, "")
_ADD_METADATA = inserting(record_metadata, "")
_ADD_CLAIMS = inserting(idempotency_claims, on_conflict_replace(idempotency_claims))
_FREE_CLAIMS = ManyRows("DELETE FROM idempotency_claims WHERE request_id IN (", "?", ")")
_ADD_RECORDS = inserting(records, on_conflict_do_nothing(records))


class Head(NamedTuple):
    """The end of the chain."""

    seq: int
    hash: bytes


class CommitResult(NamedTuple):
    """The numbers that a commit assigned: from `before` + 1 on, to all records but the `repeated` (indexes,
    ascending)."""

    before: int
    repeated: tuple[int, ...]

    def seq_after(self, count: int) -> int:
        """The last number assigned to any of the first `count` records."""
        return self.before + count - sum(place < count for place in self.repeated)


class Committer:
    """Writes groups, and remembers the end of the chain between them. It must be the only writer of records.
    `identities` are those of the database, to which only its writer's thread may add."""

    def __init__(self, identities: Identities) -> None:
        self._head: Head | None = None
        self._identities = identities
        self._new: list[Identity] = []
        """Those that a group adds whose transaction has not ended."""

    def __repr__(self) -> str:
        return f"Committer({self._head!r})"

    def committed(self) -> None:
        """Note that the transaction of the last group has succeeded: no later failure takes back what it added."""
        self._new = []

    def forget(self) -> None:
        """Read the end of the chain again for the next group, since the last transaction failed."""
        self._head = None
        self._identities.remove(self._new)
        self._new = []

    def write(
        self,
        connection: sqlite3.Connection,
        begun: Collection[Intent],
        settled: Collection[Record],
        ended: Sequence[str],
    ) -> CommitResult:
        """Write a group inside the open transaction. `ended` are ids of intents. Records that exist already are
        skipped. No two of `settled` may have the same id."""
        try:
            return self._write(connection, begun, settled, ended)
        except UnicodeEncodeError:
            # Half a surrogate pair: no database can hold it, and one such text must not stop the ledger for all.
            _restart_transaction(connection)
            self._identities.remove(self._new)
            records = [_scrubbed(record) for record in settled]
            return self._write(connection, [_scrubbed(intent) for intent in begun], records, ended)

    def _write(
        self,
        connection: sqlite3.Connection,
        begun: Collection[Intent],
        settled: Collection[Record],
        ended: Sequence[str],
    ) -> CommitResult:
        self._new = []
        head = self._head or _read_head(connection)
        repeated: tuple[int, ...] = ()
        ids = self._identities.ids
        unknown = [record.user_id for record in settled if record.user_id not in ids]
        if unknown:
            self._new = self._identities.new(set(unknown))
            self._identities.add(self._new)
        rows, metadata, digest = self._chained(head, settled)
        if _ADD_RECORDS.execute(connection, rows) != len(rows):
            # Rare, so it may be slow: some records existed already, but not known is which.
            _restart_transaction(connection)
            repeated = tuple(place for place, record in enumerate(settled) if _is_recorded(connection, record))
            settled = [record for place, record in enumerate(settled) if place not in repeated]
            rows, metadata, digest = self._chained(head, settled)
            _ADD_RECORDS.execute(connection, rows)
        if self._new:
            _ADD_IDENTITIES.execute(connection, self._new)
        if metadata:
            _ADD_METADATA.execute(connection, metadata)
        _ADD_INTENTS.execute(connection, [intent_row(intent) for intent in begun])
        _END_INTENTS.execute(connection, single_column_rows(ended))
        if settled:
            self._head = Head(head.seq + len(rows), digest)
            connection.execute("UPDATE head SET seq = ?, hash = ?", self._head)
        return CommitResult(head.seq, repeated)

    def _chained(self, head: Head, settled: Iterable[Record]) -> tuple[list[Row], list[MetadataRow], bytes]:
        """The rows of records that follow the head, those of their metadata, and the hash of the last record."""
        rows: list[Row] = []
        apart: list[MetadataRow] = []
        id_of = self._identities.id_of
        digest = head.hash
        for seq, record in enumerate(settled, head.seq + 1):
            row = record_row(record)
            row[USER_PLACE] = id_of(record.user_id)
            if record.finish_reason is not None and "\0" in record.finish_reason:
                # An upstream's own word, which PostgreSQL could not hold once it is shipped.
                row[REASON_PLACE] = record.finish_reason.replace("\0", "\ufffd")
            if record.metadata is not None:
                metadata = metadata_row(record.request_id, record.metadata)
                row[METADATA_PLACE] = digest_of(metadata.salt, metadata.metadata)
                apart.append(metadata)
            digest = link_row(digest, seq, row)
            row += (seq, digest)
            rows.append(row)
        return rows, apart, digest


def write_claims(connection: sqlite3.Connection, claims: Iterable[Claim], withdrawn: Sequence[str]) -> None:
    """Write the claims of a group inside the open transaction, and free the keys of requests that were withdrawn."""
    _ADD_CLAIMS.execute(connection, [astuple(claim) for claim in claims])
    _FREE_CLAIMS.execute(connection, single_column_rows(withdrawn))


def _read_head(connection: sqlite3.Connection) -> Head:
    return Head(*connection.execute("SELECT seq, hash FROM head").fetchone())


def _restart_transaction(connection: sqlite3.Connection) -> None:
    connection.execute("ROLLBACK")
    connection.execute("BEGIN IMMEDIATE")


def _is_recorded(connection: sqlite3.Connection, record: Record) -> bool:
    query = "SELECT 1 FROM records WHERE request_id = ?"
    return connection.execute(query, (record.request_id,)).fetchone() is not None


def _scrubbed(value: S) -> S:
    texts = {name: text for name, text in asdict(value).items() if isinstance(text, str)}
    return replace(value, **{name: text.encode(errors="replace").decode() for name, text in texts.items()})
