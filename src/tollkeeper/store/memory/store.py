"""The parts, over one set of tables."""

from __future__ import annotations

from tollkeeper.store.memory.accounts import MemoryAccounts
from tollkeeper.store.memory.audit import MemoryAudit
from tollkeeper.store.memory.book import MemoryBook
from tollkeeper.store.memory.ledger import MemoryLedger
from tollkeeper.store.memory.reports import MemoryReports
from tollkeeper.store.memory.sessions import MemorySessions
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import Accounts, Audit, Book, Ledger, Reports, Sessions


class MemoryStore:
    """See `ports.Store`. Made while a loop runs."""

    def __init__(self) -> None:
        self._tables = Tables()
        self._ledger = MemoryLedger(self._tables)
        self.ledger: Ledger = self._ledger
        self.reports: Reports = MemoryReports(self._tables)
        self.accounts: Accounts = MemoryAccounts(self._tables)
        self.sessions: Sessions = MemorySessions(self._tables)
        self.book: Book = MemoryBook(self._tables)
        self.audit: Audit = MemoryAudit(self._tables)

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._tables.records)} records, fail={self.fail!r})"

    @property
    def fail(self) -> str | None:
        """Why nothing can be written, or None. Set it to break every write, None to mend: what was held is written."""
        return self._tables.fail

    @fail.setter
    def fail(self, reason: str | None) -> None:
        self._tables.fail = reason
        self._ledger.resume()

    @property
    def under_way(self) -> frozenset[str]:
        """The request ids of journalled intents that are not settled."""
        return frozenset(self._tables.intents)

    async def close(self) -> None:
        await self._ledger.close()


async def open_store() -> MemoryStore:
    """A new, empty store."""
    return MemoryStore()
