"""What a memory store keeps."""

from __future__ import annotations

from collections.abc import Iterator

from tollkeeper.rules.pricing import Price
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports import AuditEntry, Intent, Key, Record, Session, User


class Tables:
    """Everything by its identity. `pruned` are records that only sums still know of.
    `fail` says why nothing can be written just now, or None."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.keys: dict[str, Key] = {}
        self.sessions: dict[str, Session] = {}
        self.prices: list[Price] = []
        self.aliases: dict[str, str] = {}
        self.values: dict[str, bytes] = {}
        self.audit: list[AuditEntry] = []
        self.intents: dict[str, Intent] = {}
        self.records: dict[str, Record] = {}
        self.pruned: list[Record] = []
        self.fail: str | None = None

    def chain(self) -> Iterator[Record]:
        """Every record there ever was, in the order of its number, which begins with 1."""
        yield from self.pruned
        yield from self.records.values()

    def must_be_writable(self) -> None:
        """Raises StoreError when nothing can be written."""
        if self.fail is not None:
            raise StoreError(f"the database cannot be written: {self.fail}")
