"""Shipments: how records get from the journals of processes into a database that they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from tollkeeper.store.errors import StoreError

MOST_SHIPPED = 1000
"""The most records of one shipment."""


class JournalFault(StoreError):
    """A journal is not the one that was shipped from before: a copy of its disk has gone its own way, say. Nothing of
    it is taken any more, until somebody has looked at both."""


class Journal(NamedTuple):
    """Where records come from. `id` is random, made with the journal's file; `node` is a label for people."""

    id: str
    node: str


class Batch(NamedTuple):
    """Records of a journal that follow each other, as its tables have them.

    `after` and `hash_before` are the number and the hash of the record before the first; `records` are whole rows, with
    the opaque ids of users, and behind the values their number and hash. `metadata` are rows of request id, salt and
    text, `identities` of opaque id and user id. `oldest_open` is the earliest admission of a request that the journal
    has not settled; None: it has settled all. `at` is now, in milliseconds."""

    after: int
    hash_before: bytes
    records: Sequence[Sequence[Any]]
    metadata: Sequence[tuple[str, bytes, str]]
    identities: Sequence[tuple[str, str]]
    oldest_open: int | None
    at: int


class ShipmentStore(Protocol):
    """The receiving side. Its calls raise StoreError when the database cannot be written."""

    async def ship(self, journal: Journal, batch: Batch) -> int:
        """Insert the records that are not here yet, and add them to the sums, in one transaction. Returns the number of
        the journal's last record that is here now: less than that of the last of the batch where some before it are
        missing, which have to be shipped first, or where they are too many for one transaction: the rest has to be
        shipped again. May be repeated. Raises JournalFault where a record that is here has another hash in the
        journal."""

    async def shipped(self, journal_id: str) -> int:
        """The number of the journal's last record that is here; 0: none."""

    async def number_of(self, journal_id: str, journal_seq: int) -> int:
        """The number among all records of one of a journal, which is here."""
