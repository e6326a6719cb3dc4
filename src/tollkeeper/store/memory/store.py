"""The memory store: its parts over one set of tables."""

from __future__ import annotations

from tollkeeper.store.memory.accounts import MemoryAccounts
from tollkeeper.store.memory.alerts import MemoryAlerts
from tollkeeper.store.memory.aliases import MemoryAliases
from tollkeeper.store.memory.audit import MemoryAudit
from tollkeeper.store.memory.buckets import MemoryBuckets
from tollkeeper.store.memory.end_users import MemoryEndUsers
from tollkeeper.store.memory.erasure import MemoryErasure
from tollkeeper.store.memory.events import MemoryEvents
from tollkeeper.store.memory.explorer import MemoryExplorer
from tollkeeper.store.memory.external_identities import MemoryExternalIdentities
from tollkeeper.store.memory.idempotency import MemoryIdempotency
from tollkeeper.store.memory.installation import MemoryInstallation
from tollkeeper.store.memory.invoices import MemoryInvoices
from tollkeeper.store.memory.jobs import MemoryJobs
from tollkeeper.store.memory.ledger import MemoryLedger
from tollkeeper.store.memory.pins import MemoryPins
from tollkeeper.store.memory.prices import MemoryPrices
from tollkeeper.store.memory.refusals import MemoryRefusals
from tollkeeper.store.memory.reports import MemoryReports
from tollkeeper.store.memory.second_factors import MemorySecondFactors
from tollkeeper.store.memory.sessions import MemorySessions
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.memory.teams import MemoryTeams
from tollkeeper.store.memory.upstreams import MemoryUpstreams
from tollkeeper.store.memory.webhooks import MemoryWebhooks
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
from tollkeeper.store.ports.pins import PinStore
from tollkeeper.store.ports.prices import PriceStore
from tollkeeper.store.ports.refusals import RefusalStore
from tollkeeper.store.ports.reports import Reports
from tollkeeper.store.ports.second_factors import SecondFactorStore
from tollkeeper.store.ports.sessions import SessionStore
from tollkeeper.store.ports.teams import TeamStore
from tollkeeper.store.ports.upstreams import UpstreamStore
from tollkeeper.store.ports.webhooks import WebhookStore


class MemoryStore:
    """See `ports.Store`. It needs a running event loop."""

    def __init__(self) -> None:
        self._tables = Tables()
        self._ledger = MemoryLedger(self._tables)
        self.ledger: Ledger = self._ledger
        self.refusals: RefusalStore = MemoryRefusals(self._tables)
        self.reports: Reports = MemoryReports(self._tables)
        self.explorer: Explorer = MemoryExplorer(self._tables)
        self.buckets: Buckets = MemoryBuckets(self._tables)
        self.erasure: Erasure = MemoryErasure(self._tables)
        self.accounts: AccountStore = MemoryAccounts(self._tables)
        self.end_users: EndUserStore = MemoryEndUsers(self._tables)
        self.sessions: SessionStore = MemorySessions(self._tables)
        self.external_identities: ExternalIdentityStore = MemoryExternalIdentities(self._tables)
        self.second_factors: SecondFactorStore = MemorySecondFactors(self._tables)
        self.teams: TeamStore = MemoryTeams(self._tables)
        self.prices: PriceStore = MemoryPrices(self._tables)
        self.aliases: AliasStore = MemoryAliases(self._tables)
        self.upstreams: UpstreamStore = MemoryUpstreams(self._tables)
        self.pins: PinStore = MemoryPins(self._tables)
        self.jobs: JobStore = MemoryJobs(self._tables)
        self.idempotency: IdempotencyStore = MemoryIdempotency(self._tables)
        self.installation: Installation = MemoryInstallation(self._tables)
        self.invoices: InvoiceStore = MemoryInvoices(self._tables)
        self.audit: Audit = MemoryAudit(self._tables)
        self.events: EventStore = MemoryEvents(self._tables)
        self.webhooks: WebhookStore = MemoryWebhooks(self._tables)
        self.alerts: AlertStore = MemoryAlerts(self._tables)

    def __repr__(self) -> str:
        return f"MemoryStore({len(self._tables.records)} records, fail={self.fail!r})"

    @property
    def fail(self) -> str | None:
        """Why nothing can be written, or None. Set it to make every write fail; None commits what was kept."""
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
