"""Journals in memory: batches of records as the tables of a real one have them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.store.values import NOON
from tollkeeper.rules.chain import GENESIS
from tollkeeper.store.ports.records import Record
from tollkeeper.store.ports.shipments import Batch, Journal
from tollkeeper.store.sql.chain import link_row
from tollkeeper.store.sql.identities import digest_of
from tollkeeper.store.sql.rows import METADATA_PLACE, USER_PLACE, record_row

OPAQUE = {"ann": "u_ann", "bob": "u_bob"}


class FakeJournal:
    """Chains records, and gives those after a number."""

    def __init__(self, name: str = "journal_1") -> None:
        self.journal = Journal(name, "node-1")
        self._rows: list[tuple[object, ...]] = []
        self._metadata: dict[str, tuple[str, bytes, str]] = {}
        self._hashes = [GENESIS]

    def add(self, *records: Record) -> FakeJournal:
        for record in records:
            row = record_row(record)
            row[USER_PLACE] = OPAQUE[record.user_id]
            if record.metadata is not None:
                row[METADATA_PLACE] = digest_of(b"salt", record.metadata)
                self._metadata[record.request_id] = (record.request_id, b"salt", record.metadata)
            seq = len(self._rows) + 1
            self._hashes.append(link_row(self._hashes[-1], seq, row))
            self._rows.append((*row, seq, self._hashes[-1]))
        return self

    def batch(self, after: int = 0, most: int = 1000, oldest_open: int | None = None) -> Batch:
        rows: Sequence[tuple[object, ...]] = self._rows[after : after + most]
        metadata = [self._metadata[str(row[0])] for row in rows if row[0] in self._metadata]
        identities = [(opaque, user_id) for user_id, opaque in OPAQUE.items()]
        return Batch(after, self._hashes[after] if after else b"", rows, metadata, identities, oldest_open, NOON)
